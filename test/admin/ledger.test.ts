import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ledgerRoutes } from '../../src/admin/routes/ledger.ts';
import { createAdminServer } from '../../src/admin/server.ts';
import { openCheckpoint } from '../../src/domain/ledger/checkpoint.ts';
import { isConsistent, isIncluded } from '../../src/domain/ledger/proof.ts';
import { parseHashes, parseInclusionProof } from '../../src/domain/ledger/proof-text.ts';
import { rootOf } from '../../src/domain/ledger/tree.ts';
import { silentLog } from '../../src/domain/log.ts';
import { type SignedLedger, signedLedger } from '../support/signed-ledger.ts';

let ledger: SignedLedger;
let server: FastifyInstance;

beforeAll(async () => {
  ledger = await signedLedger();
  server = await createAdminServer({
    routes: [ledgerRoutes({ audit: ledger.database.open('audit') })],
    log: silentLog,
    isTransient: () => false,
    requestsPerSecondMax: 1_000,
  });
});
afterAll(async () => {
  await server.close();
  await ledger.close();
});

const get = (url: string) => server.inject({ method: 'GET', url });

it('before anything is signed there is nothing to give', async () => {
  const answer = await get('/v1/ledger/checkpoint');
  expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([404, 'not_sealed']);
});

it('a stranger gets the checkpoint and proofs that lead to it', async () => {
  const signer = await ledger.open();
  await ledger.append(20);
  await signer.seal();
  await ledger.append(20);
  await signer.seal();
  const checkpoint = await get('/v1/ledger/checkpoint');
  expect(checkpoint.headers['content-type']).toBe('text/plain; charset=utf-8');
  const signed = openCheckpoint(checkpoint.rawPayload, [ledger.key.verifier]);
  expect(signed).toMatchObject({ origin: ledger.origin, size: 40n });
  const proof = parseInclusionProof((await get('/v1/ledger/proof/25')).rawPayload)!;
  expect(proof.checkpoint).toEqual(checkpoint.rawPayload);
  const leafHash = (await ledger.leafHashes())[25]!;
  const tree = signed as { size: bigint; root: Buffer };
  expect(isIncluded({ index: 25n, leafHash, proof: proof.hashes, ...tree })).toBe(true);
  const between = (await get('/v1/ledger/consistency?old=20&new=40')).body;
  const hashes = parseHashes(between.split('\n').slice(0, -1))!;
  const oldRoot = rootOf((await ledger.leafHashes()).slice(0, 20));
  expect(isConsistent({ oldSize: 20n, oldRoot, proof: hashes, ...tree })).toBe(true);
});

it.each([
  ['/v1/ledger/proof/40', 404, 'not_sealed'],
  ['/v1/ledger/proof/040', 400, 'bad_range'],
  ['/v1/ledger/proof/-1', 400, 'bad_range'],
  ['/v1/ledger/proof/9007199254740993', 400, 'bad_range'],
  ['/v1/ledger/consistency', 400, 'bad_range'],
  ['/v1/ledger/consistency?old=1&old=2&new=3', 400, 'bad_range'],
  ['/v1/ledger/consistency?old=30&new=20', 400, 'bad_range'],
  ['/v1/ledger/consistency?old=30&new=41', 404, 'not_sealed'],
])('%s is refused', async (url, status, code) => {
  const answer = await get(url);
  expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([status, code]);
});
