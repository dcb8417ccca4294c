/** Part of the section `ledger`: how long a seal and a proof take over the entries that stand. */
import { join } from 'node:path';
import { openSigner, type Signer } from '../../src/actors/ledger-signer.ts';
import { STREAM } from '../../src/domain/ledger.ts';
import { createSignerKey, SIGNS_TEXT } from '../../src/domain/ledger/note.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import type { Database } from '../../src/stores/database.ts';
import { openCheckpointReader } from '../../src/stores/ledger-checkpoint.ts';
import { proveInclusion } from '../../src/stores/ledger-proofs.ts';
import { openSignedState } from '../../src/stores/signed-state.ts';
import { percentile } from '../measure/statistics.ts';
import { type Row, single } from '../report/row.ts';

const SECTION = 'ledger';
const PROOFS = 1_000;

/** A signer that takes the ledger as it stands. `database` works under the role of the signer. */
export async function openBenchSigner(database: Database, directory: string): Promise<Signer> {
  const origin = await database.transact((tx) =>
    openCheckpointReader(tx, STREAM, 'signer').origin(),
  );
  const { key } = createSignerKey(origin, SIGNS_TEXT);
  const state = await openSignedState(join(directory, 'ledger-state'), origin);
  return openSigner({ database, stream: STREAM, key, state, adopts: true });
}

/** The seal of each batch, from its COMMIT to the released checkpoint. */
export async function sealRounds(
  signer: Signer,
  batches: number,
  appendBatch: (batch: number) => Promise<void>,
): Promise<Row> {
  await signer.seal();
  const timesMs: number[] = [];
  for (let batch = 0; batch < batches; batch += 1) {
    await appendBatch(batch);
    const startedMs = performance.now();
    await signer.seal();
    timesMs.push(performance.now() - startedMs);
  }
  return {
    section: SECTION,
    name: 'seal of one batch, p99',
    summary: single(percentile(timesMs, 99)),
    unit: 'ms',
    goal: { atMost: 60 },
  };
}

/** Proofs of entries all over the ledger. `audit` works under the audit role. */
export async function proveRounds(audit: Database): Promise<Row> {
  const timesMs: number[] = [];
  const size = await audit.transact(async (tx) => {
    const newest = await openCheckpointReader(tx, STREAM, 'audit').newest();
    return newest?.size ?? 0;
  });
  for (let proof = 0; proof < PROOFS; proof += 1) {
    // Far apart, and the same in every run.
    const seq = (proof * 7_919) % size;
    await audit.transact(async (tx) => {
      const startedMs = performance.now();
      const made = await proveInclusion(openCheckpointReader(tx, STREAM, 'audit'), seq);
      if (isRefusal(made)) throw new Error(made.detail);
      timesMs.push(performance.now() - startedMs);
    });
  }
  return {
    section: SECTION,
    name: `proof of one of ${size} entries`,
    summary: { ...single(percentile(timesMs, 50)), most: percentile(timesMs, 99) },
    unit: 'ms',
    goal: { atMost: 2 },
  };
}
