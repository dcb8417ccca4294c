import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createWitnessing, type WitnessingOptions } from '../../src/actors/ledger-witnesses.ts';
import { COSIGNS, createSignerKey } from '../../src/domain/ledger/note.ts';
import {
  parseTrustPolicy,
  trustedCheckpoint,
  type TrustPolicy,
} from '../../src/domain/ledger/trust.ts';
import { silentLog } from '../../src/domain/log.ts';
import { openCheckpointReader } from '../../src/stores/ledger-checkpoint.ts';
import { openSignedState } from '../../src/stores/signed-state.ts';
import { createWitnessServer } from '../../src/witness/server.ts';
import { createWitness } from '../../src/witness/witness.ts';
import { type SignedLedger, signedLedger } from '../support/signed-ledger.ts';

let ledger: SignedLedger;
let directory: string;
const servers: FastifyInstance[] = [];
const keys = [1, 2].map((n) => createSignerKey(`regulator.example/w${n}`, COSIGNS).key);
let urls: string[];
let refused: string[];
let late: number[];

beforeEach(async () => {
  ledger = await signedLedger();
  directory = await mkdtemp(join(tmpdir(), 'sentinelops-witnesses-'));
  [refused, late, urls] = [[], [], []];
  for (const key of keys) {
    const witness = createWitness({
      key,
      logs: [ledger.key.verifier],
      stateOf: (origin) => openSignedState(join(directory, key.verifier.id), origin),
      now: () => 1_764_000_010n,
    });
    const server = createWitnessServer(witness, silentLog);
    urls.push(await server.listen({ host: '127.0.0.1', port: 0 }));
    servers.push(server);
  }
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  await ledger.close();
  await rm(directory, { recursive: true });
});

function policy(quorum = 'both'): TrustPolicy {
  const witnesses = keys.map((key, n) => `witness w${n} ${key.verifier.text} ${urls[n]}`);
  const lines = [
    `log ${ledger.key.verifier.text}`,
    ...witnesses,
    'group both all w0 w1',
    `quorum ${quorum}`,
  ];
  return parseTrustPolicy(lines.join('\n')) as TrustPolicy;
}

const witnessing = (more: Partial<WitnessingOptions> = {}) =>
  createWitnessing({
    database: ledger.signing,
    stream: 0,
    policy: policy(),
    onRefused: (witness, why) => refused.push(`${witness}: ${why}`),
    onNoQuorum: (size) => late.push(size),
    ...more,
  });

async function grow(count: number): Promise<void> {
  await ledger.append(count);
  await (await ledger.open({ adopts: true })).seal();
}

const newest = async () => {
  const read = ledger.signing.transact((tx) => openCheckpointReader(tx, 0, 'signer').newest());
  return (await read)!;
};

it('witnesses cosign each checkpoint, and the quorum stands under it', async () => {
  const asking = witnessing();
  await asking.round();
  for (const count of [300, 7]) {
    await grow(count);
    await asking.round();
    const checkpoint = await newest();
    expect(checkpoint.witnesses.toSorted()).toEqual(keys.map((key) => key.verifier.name));
    expect(trustedCheckpoint(Buffer.from(checkpoint.note), policy())).toMatchObject({
      size: BigInt(checkpoint.size),
    });
  }
  expect(refused).toEqual([]);
});

it('a log that has forgotten how far its witnesses are is told, and goes on from there', async () => {
  await grow(300);
  await witnessing().round();
  await grow(20);
  await witnessing().round();
  expect((await newest()).witnesses).toHaveLength(2);
  expect(refused).toEqual([]);
});

it('a witness that is away is asked again, and nobody waits for it', async () => {
  const [gone] = servers.splice(1);
  await gone!.close();
  await grow(5);
  await witnessing().round();
  expect((await newest()).witnesses).toEqual([keys[0]!.verifier.name]);
  expect(refused).toEqual([expect.stringMatching(/^w1: /)]);
});

it('a witness that does not answer in time is passed over', async () => {
  const silent: Server = createServer(() => undefined);
  await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', () => resolve()));
  urls[1] = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  await grow(5);
  await witnessing({ timeoutMs: 50, policy: policy() }).round();
  expect((await newest()).witnesses).toEqual([keys[0]!.verifier.name]);
  silent.closeAllConnections();
  silent.close();
});

it('an answer that another key signed is no cosignature', async () => {
  urls.reverse();
  await grow(5);
  await witnessing({ policy: policy() }).round();
  expect((await newest()).witnesses).toEqual([]);
  expect(refused).toEqual(['w0: its cosignature does not fit', 'w1: its cosignature does not fit']);
});

it('a checkpoint that waits for its quorum for a minute is told of', async () => {
  const [gone] = servers.splice(1);
  await gone!.close();
  await grow(5);
  let nowMs = 0;
  const asking = witnessing({ nowMs: () => nowMs });
  await asking.round();
  nowMs = 59_000;
  await asking.round();
  expect(late).toEqual([]);
  nowMs = 60_000;
  await asking.round();
  expect(late).toEqual([5]);
  const one = witnessing({ nowMs: () => nowMs, policy: policy('w0') });
  await one.round();
  nowMs = 200_000;
  await one.round();
  expect(late).toEqual([5]);
});

it('witnesses do not cosign a log that was put back and went on otherwise', async () => {
  await grow(40);
  await witnessing().round();
  const state = await ledger.state.read();
  // The same log on a copy of the database from before: other entries in the same places, signed by the same key.
  const other = await signedLedger();
  try {
    await other.append(60);
    const signer = await other.open({ key: ledger.key, adopts: true });
    await signer.seal();
    await createWitnessing({
      database: other.signing,
      stream: 0,
      policy: policy(),
      onRefused: (witness, why) => refused.push(`${witness}: ${why}`),
      onNoQuorum: () => undefined,
    }).round();
    expect(refused).toEqual([
      expect.stringMatching(/^w0: 422 /),
      expect.stringMatching(/^w1: 422 /),
    ]);
  } finally {
    await other.close();
  }
  expect(await ledger.state.read()).toEqual(state);
});
