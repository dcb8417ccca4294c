/** Executions that wait until the entry of their decision is sealed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { executionActor } from '../../src/actors/execution.ts';
import { openSigner, type Signer } from '../../src/actors/ledger-signer.ts';
import { type DecisionId, executionIdOf } from '../../src/domain/ids.ts';
import { createSignerKey, SIGNS_TEXT } from '../../src/domain/ledger/note.ts';
import { systemClock } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import { openDispatcherStore, type SealNeeded } from '../../src/stores/dispatcher.ts';
import { openSignerStore } from '../../src/stores/ledger-checkpoint.ts';
import { openSignedState } from '../../src/stores/signed-state.ts';
import { type Approvals, openApprovals } from '../support/approvals.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { openFacts } from '../support/facts.ts';
import { alterBehind } from '../support/weighed.ts';

let database: TestDatabase;
let client: pg.Client;
let approvals: Approvals;
let execution: Database;
let signing: Database;
let signer: Signer;
let directory: string;
beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  approvals = await openApprovals(database, await openFacts(client));
  execution = database.open('execution');
  signing = database.open('signer');
  directory = await mkdtemp(join(tmpdir(), 'sentinelops-seal-'));
  const origin = await signing.transact((tx) => openSignerStore(tx, 0).origin());
  const { key } = createSignerKey(origin, SIGNS_TEXT);
  const state = await openSignedState(directory, origin);
  signer = await openSigner({ database: signing, stream: 0, key, state });
});
afterAll(async () => {
  await rm(directory, { recursive: true });
  await database.close();
});

async function requested(target: string): Promise<DecisionId> {
  const { decisionId } = await approvals.decide({ target });
  await execution.transact((tx) =>
    executionActor.receive([{ decisionId }], executionActor.openStore(tx), systemClock),
  );
  return decisionId;
}

const claimed = async (target: string, needs: SealNeeded) =>
  (
    await execution.transact((tx) =>
      openDispatcherStore(tx).claim([{ target, places: 5 }], 60_000, needs),
    )
  ).map(({ executionId }) => executionId);

it('leaves when its entry is under a signed checkpoint, where that is needed', async () => {
  const decisionId = await requested('one');
  expect(await claimed('one', 'signed')).toEqual([]);
  await signer.seal();
  expect(await claimed('one', 'signed')).toEqual([executionIdOf(decisionId, 1)]);
});

it('at a high risk leaves when a quorum has cosigned, where that is needed', async () => {
  const decisionId = await requested('two');
  const low = await requested('three');
  await alterBehind(
    client,
    'decision.decision',
    `update decision.decision set risk_level = 'HIGH' where decision_id = '${decisionId}'`,
  );
  expect(await claimed('three', 'witnessed')).toEqual([]);
  const { size } = (await signer.seal())!;
  expect(await claimed('two', 'witnessed')).toEqual([]);
  expect(await claimed('three', 'witnessed')).toEqual([executionIdOf(low, 1)]);
  await signing.transact((tx) => openSignerStore(tx, 0).keepWitnessed(size));
  expect(await claimed('two', 'witnessed')).toEqual([executionIdOf(decisionId, 1)]);
});

it('waits for nothing where nothing more is needed', async () => {
  const decisionId = await requested('four');
  expect(await claimed('four', 'committed')).toEqual([executionIdOf(decisionId, 1)]);
});
