import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PersonId } from '../../src/domain/ids.ts';
import { draftOf } from '../../src/domain/policy.ts';
import type { Timestamp } from '../../src/domain/time.ts';
import { openAdvisoryStore } from '../../src/stores/advisory.ts';
import type { Database } from '../../src/stores/database.ts';
import { openPolicyStore, type PolicyStore } from '../../src/stores/policy.ts';
import { policyOf } from '../support/documents.ts';
import { openWeighedDatabase, untilWaiting, type WeighedDatabase } from '../support/weighed.ts';

let database: WeighedDatabase;
let policy: Database;
beforeAll(async () => {
  database = await openWeighedDatabase();
  policy = database.open('policy');
});
afterAll(() => database.close());

const within = <T>(work: (store: PolicyStore) => Promise<T>) =>
  policy.transact((tx) => work(openPolicyStore(tx)));
const at = '2026-01-02T03:04:05.000001Z' as Timestamp;

describe('the policy store', () => {
  it('takes versions through their states, each once, and tells the phase of each', async () => {
    const drafts = [draftOf(policyOf('p')), draftOf(policyOf('p', { version: 2 }))];
    const [first, second] = drafts;
    const phases = async () =>
      (await within((store) => store.versionsOf(['p']))).map(
        ({ version, phase }) => `${version} ${phase}`,
      );

    await within((store) => store.keepDrafts(drafts, database.author, at));
    await within((store) => store.keepDrafts(drafts, database.approver, at));
    await within((store) => store.approve([first!], database.approver, at));
    // A draft that nobody approved does not come into force.
    await within((store) => store.activate(drafts, database.approver, at));
    expect(await phases()).toEqual(['1 in force', '2 waiting']);

    await within(async (store) => {
      await store.approve(drafts, database.approver, at);
      await store.deprecate(drafts, at);
      await store.activate([second!], database.approver, at);
    });
    expect(await phases()).toEqual(['1 retired', '2 in force']);
    const { rows } = await database.client.query(
      `select distinct author from policy.policy where name = 'p'`,
    );
    expect(rows).toEqual([{ author: database.author }]);
    const { rowCount } = await database.client.query(
      `select from policy.policy_condition where policy_id = $1`,
      [second!.policyId],
    );
    expect(rowCount).toBe(2);
  });

  it('tells the roles that people hold now', async () => {
    const nobody = '00000000-0000-8000-8000-000000000000' as PersonId;
    expect(await within((store) => store.rolesOf([database.author, nobody]))).toEqual(
      new Map([[database.author, ['Compliance Officer']]]),
    );
  });

  it('holds a change of policies up until the evaluations under way are kept', async () => {
    const advisory = database.open('advisory');
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
    const { promise: locked, resolve: hasLocked } = Promise.withResolvers<Timestamp>();
    const evaluating = advisory.transact(async (tx) => {
      hasLocked((await openAdvisoryStore(tx).policiesInForce()).at);
      await mayEnd;
    });
    const evaluatedAt = await locked;
    const changing = within((store) => store.lockActivation());
    await untilWaiting(database.client, 'policy');
    end();
    await evaluating;
    const changedAt = await changing;
    expect(changedAt > evaluatedAt).toBe(true);
  });
});
