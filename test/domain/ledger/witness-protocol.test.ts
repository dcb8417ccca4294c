import { describe, expect, it } from 'vitest';
import { openCheckpoint, signCheckpoint } from '../../../src/domain/ledger/checkpoint.ts';
import {
  type AddCheckpoint,
  addCheckpointBody,
  judge,
  parseAddCheckpoint,
} from '../../../src/domain/ledger/witness-protocol.ts';
import { createSignerKey, SIGNS_TEXT } from '../../../src/domain/ledger/note.ts';
import { vectorRows } from './chain.ts';
import { CHECKPOINT_1000, CHECKPOINT_700, logKey } from './keys.ts';
import { naiveConsistency, naiveRoot } from './naive-tree.ts';

const leaves = vectorRows(1_000).map((row) => Buffer.from(row.currentHash, 'hex'));
const proof = naiveConsistency(700, leaves);
const logs = [logKey.verifier];
const latest = openCheckpoint(Buffer.from(CHECKPOINT_700), logs) as {
  origin: string;
  size: bigint;
  root: Buffer;
};
const honest: AddCheckpoint = { old: 700n, proof, checkpoint: Buffer.from(CHECKPOINT_1000) };
const { origin } = latest;
const signed = (size: bigint, root: Buffer) =>
  Buffer.from(signCheckpoint({ origin, size, root }, logKey));

describe('a request', () => {
  const body = addCheckpointBody(honest);

  it('is written and read back', () => {
    expect(body.toString().split('\n').slice(0, 2)).toEqual([
      'old 700',
      proof[0]!.toString('base64'),
    ]);
    expect(parseAddCheckpoint(body)).toEqual(honest);
    const first = { old: 0n, proof: [], checkpoint: honest.checkpoint };
    expect(parseAddCheckpoint(addCheckpointBody(first))).toEqual(first);
  });

  it.each([
    ['nothing', ''],
    ['a leading zero', body.toString().replace('old 700', 'old 0700')],
    ['no size', body.toString().replace('old 700\n', '')],
    ['a line that is no hash', body.toString().replace('old 700\n', 'old 700\nabc\n')],
    [
      '64 hashes',
      body
        .toString()
        .replace('old 700\n', `old 700\n${`${proof[0]!.toString('base64')}\n`.repeat(60)}`),
    ],
    ['too much', `old 0\n\n${'x'.repeat(80_000)}`],
  ])('that is none is refused: %s', (_what, text) => {
    expect(parseAddCheckpoint(Buffer.from(text))).toBeUndefined();
  });
});

describe('a witness', () => {
  const statusOf = (
    request: Partial<AddCheckpoint>,
    known = logs,
    standing: typeof latest | null = latest,
  ) => judge({ ...honest, ...request }, known, standing ?? undefined).status;

  it('cosigns what continues its latest, and the same again', () => {
    expect(statusOf({})).toBe(200);
    expect(statusOf({ old: 0n, proof: [] }, logs, null)).toBe(200);
    expect(statusOf({ proof: [], checkpoint: Buffer.from(CHECKPOINT_700) })).toBe(200);
  });

  it('knows no other log, and believes no other key', () => {
    expect(statusOf({}, [])).toBe(404);
    const other = createSignerKey(origin, SIGNS_TEXT).key;
    expect(statusOf({}, [other.verifier])).toBe(403);
    const forged = CHECKPOINT_1000.replace('\n1000\n', '\n1001\n');
    expect(statusOf({ checkpoint: Buffer.from(forged) })).toBe(403);
    expect(judge(undefined, logs, latest).status).toBe(400);
    expect(statusOf({ checkpoint: Buffer.from('text\n\n') })).toBe(400);
  });

  it('never goes back, and says where it is', () => {
    expect(statusOf({ old: 1_001n })).toBe(400);
    const at = openCheckpoint(honest.checkpoint, logs) as typeof latest;
    // A smaller tree after a larger one, with an honest proof from where the log claims to be.
    const smaller = {
      old: 600n,
      proof: naiveConsistency(600, leaves.slice(0, 700)),
      checkpoint: Buffer.from(CHECKPOINT_700),
    };
    expect(judge(smaller, logs, at)).toEqual({ status: 409, size: 1_000n });
    expect(judge({ ...honest, old: 0n, proof: [] }, logs, at)).toEqual({
      status: 409,
      size: 1_000n,
    });
  });

  it('refuses a second history', () => {
    const fork = leaves.with(10, Buffer.alloc(32, 9));
    expect(
      statusOf({ proof: naiveConsistency(700, fork), checkpoint: signed(1_000n, naiveRoot(fork)) }),
    ).toBe(422);
    // The same size with another root.
    expect(statusOf({ proof: [], checkpoint: signed(700n, naiveRoot(fork.slice(0, 700))) })).toBe(
      422,
    );
    for (const other of [proof.slice(1), [...proof, proof[0]!], proof.with(0, proof[1]!), []]) {
      expect(statusOf({ proof: other })).toBe(422);
    }
    expect(statusOf({ old: 0n }, logs, null)).toBe(422);
  });
});
