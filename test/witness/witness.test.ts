import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoint, signCheckpoint } from '../../src/domain/ledger/checkpoint.ts';
import { addCheckpointBody } from '../../src/domain/ledger/witness-protocol.ts';
import { silentLog } from '../../src/domain/log.ts';
import { openSignedState } from '../../src/stores/signed-state.ts';
import { answerDropped } from '../../src/witness/drop-directory.ts';
import { createWitnessServer } from '../../src/witness/server.ts';
import { createWitness, type Witness, type WitnessOptions } from '../../src/witness/witness.ts';
import { VECTOR_ORIGIN, vectorRows } from '../domain/ledger/chain.ts';
import { CHECKPOINT_1000, CHECKPOINT_700, logKey, witnessKey } from '../domain/ledger/keys.ts';
import { naiveConsistency, naiveRoot } from '../domain/ledger/naive-tree.ts';

const leaves = vectorRows(1_000).map((row) => Buffer.from(row.currentHash, 'hex'));
const noteAt = (size: number, of = leaves) =>
  signCheckpoint(
    { origin: VECTOR_ORIGIN, size: BigInt(size), root: naiveRoot(of.slice(0, size)) },
    logKey,
  );
function request(old: number, size: number, of = leaves): Buffer {
  const proof = old === 0 ? [] : naiveConsistency(old, of.slice(0, size));
  return addCheckpointBody({ old: BigInt(old), proof, checkpoint: Buffer.from(noteAt(size, of)) });
}

let directory: string;
let witness: Witness;
const options = (more: Partial<WitnessOptions> = {}): WitnessOptions => ({
  key: witnessKey,
  logs: [logKey.verifier],
  stateOf: (origin) => openSignedState(directory, origin),
  now: () => 1_764_000_010n,
  ...more,
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sentinelops-witness-'));
  witness = createWitness(options());
});
afterEach(() => rm(directory, { recursive: true }));

const kept = async () => {
  const note = await (await openSignedState(directory, VECTOR_ORIGIN)).read();
  return openCheckpoint(note!, [logKey.verifier]);
};

describe('a witness', () => {
  it('cosigns to the published bytes, and keeps what it cosigned', async () => {
    await witness.add(request(0, 700));
    const answer = await witness.add(request(700, 1_000));
    const line = CHECKPOINT_1000.split('\n').slice(-2)[0];
    expect(answer).toMatchObject({ status: 200, body: `${line}\n` });
    expect(await kept()).toMatchObject({ size: 1_000n });
  });

  it('has on the disk what it cosigns before anybody sees the cosignature', async () => {
    await witness.add(request(0, 700));
    const dying = createWitness(
      options({
        failpoint: async (step) => {
          if (step === 'state_kept') throw new Error('killed');
        },
      }),
    );
    await expect(dying.add(request(700, 1_000))).rejects.toThrow('killed');
    // The next process goes on from there, and cosigns nothing else of that size.
    const next = createWitness(options());
    const fork = leaves.with(3, Buffer.alloc(32));
    expect(await next.add(request(700, 1_000, fork))).toMatchObject({
      status: 409,
      body: '1000\n',
    });
    expect(await next.add(request(1_000, 1_000, fork))).toMatchObject({ status: 422 });
    expect(await next.add(request(1_000, 1_000))).toMatchObject({ status: 200 });
  });

  it('asked by many at once never goes back, whatever the order', async () => {
    await witness.add(request(0, 700));
    const sizes = Array.from({ length: 30 }, (_, n) => 701 + ((n * 7) % 30) * 10);
    const answers = await Promise.all(sizes.map((size) => witness.add(request(700, size))));
    // Only the first starts from what the witness has; each later one is told so.
    expect(answers.map(({ status }) => status)).toEqual([200, ...sizes.slice(1).map(() => 409)]);
    expect(await kept()).toMatchObject({ size: BigInt(sizes[0]!) });
  });

  it('asked for two trees of one size at once cosigns one', async () => {
    const fork = leaves.with(3, Buffer.alloc(32));
    const answers = await Promise.all(
      [request(0, 900), request(0, 900, fork)].map((body) => witness.add(body)),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 409]);
  });

  it('answers nothing from a state that it did not write', async () => {
    await witness.add(request(0, 700));
    const state = await openSignedState(directory, VECTOR_ORIGIN);
    await writeFile(state.path, CHECKPOINT_700.replace('\n700\n', '\n600\n'));
    await expect(witness.add(request(700, 1_000))).rejects.toThrow('not what this witness wrote');
  });
});

describe('over HTTP', () => {
  let server: FastifyInstance;
  beforeEach(() => {
    server = createWitnessServer(witness, silentLog);
  });
  afterEach(() => server.close());
  const post = (payload: Buffer | string, url = '/add-checkpoint') =>
    server.inject({ method: 'POST', url, payload, headers: { 'content-type': 'text/plain' } });

  it('answers with the codes of the protocol', async () => {
    const first = await post(request(0, 700));
    expect([first.statusCode, first.headers['content-type']]).toEqual([
      200,
      'text/plain; charset=utf-8',
    ]);
    expect(first.body).toMatch(/^\u2014 regulator\.example\/w1 [0-9A-Za-z+/=]+\n$/);
    const conflict = await post(request(0, 1_000));
    expect([conflict.statusCode, conflict.headers['content-type'], conflict.body]).toEqual([
      409,
      'text/x.tlog.size',
      '700\n',
    ]);
    const statusOf = async (payload: Buffer | string) => (await post(payload)).statusCode;
    expect(await statusOf('nonsense')).toBe(400);
    expect(await statusOf('')).toBe(400);
    const backwards = { old: 1_000n, proof: [], checkpoint: Buffer.from(noteAt(700)) };
    expect(await statusOf(addCheckpointBody(backwards))).toBe(400);
    expect(await statusOf(request(700, 1_000).toString().replace('\n1000\n', '\n1001\n'))).toBe(
      403,
    );
    expect(
      await statusOf(request(700, 1_000).toString().replaceAll(VECTOR_ORIGIN, 'other.example-0')),
    ).toBe(404);
    expect(await statusOf(request(700, 1_000, leaves.with(0, Buffer.alloc(32))))).toBe(422);
    expect(await statusOf('x'.repeat(200_000))).toBe(413);
    expect((await post('', '/other')).statusCode).toBe(404);
  });

  it('says nothing of its own faults', async () => {
    await post(request(0, 700));
    const state = await openSignedState(directory, VECTOR_ORIGIN);
    await writeFile(state.path, 'x');
    const answer = await post(request(700, 1_000));
    expect([answer.statusCode, answer.body]).toEqual([500, 'The witness cannot answer.\n']);
  });
});

it('through a directory it answers each request once', async () => {
  const drop = await mkdtemp(join(tmpdir(), 'sentinelops-drop-'));
  try {
    await writeFile(join(drop, '01.request'), request(0, 700));
    await writeFile(join(drop, '02.request'), request(700, 1_000));
    await writeFile(join(drop, 'README'), 'carry this');
    expect(await answerDropped(drop, witness)).toEqual([
      { name: '01', status: 200 },
      { name: '02', status: 200 },
    ]);
    const line = CHECKPOINT_1000.split('\n').slice(-2)[0];
    expect(await readFile(join(drop, '02.answer'), 'utf8')).toBe(`200\n${line}\n`);
    expect(await answerDropped(drop, witness)).toEqual([]);
  } finally {
    await rm(drop, { recursive: true });
  }
});
