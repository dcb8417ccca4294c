import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type LifeCycleCommands, lifeCycleCommands } from '../../src/actors/policy-life-cycle.ts';
import type { PersonId } from '../../src/domain/ids.ts';
import type { Move } from '../../src/domain/life-cycle.ts';
import type { PolicyDefinition } from '../../src/domain/policy.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import { modelOf, policyOf } from '../support/documents.ts';
import { keepOfficers, openWeighedDatabase, type WeighedDatabase } from '../support/weighed.ts';

let database: WeighedDatabase;
let commands: LifeCycleCommands;
let author: PersonId;
let approver: PersonId;
let third: PersonId;
let sent: { type: string; id: string }[];
beforeAll(async () => {
  database = await openWeighedDatabase();
  ({ author, approver } = database);
  [third] = (await keepOfficers(database.client, ['carol'])) as [PersonId];
  commands = lifeCycleCommands({
    policy: database.open('policy'),
    risk: database.open('risk'),
    send: async (facts) => {
      await Promise.resolve();
      sent.push(...facts);
    },
  });
});
afterAll(() => database.close());
beforeEach(() => {
  sent = [];
});

const apply = (...policies: readonly PolicyDefinition[]) =>
  commands.apply({ policies, riskModels: [] }, author);

/** The steps, or the reason of the refusal. */
async function move(what: Move, name: string, version: number, by: PersonId) {
  const moved = await commands.move(what, { name, version }, by);
  return isRefusal(moved) ? moved.reason : moved.steps.map(({ label, to }) => `${label} ${to}`);
}

async function changesOf(name: string) {
  const { rows } = await database.client.query<{ change: string }>(
    `select c.version || ' ' || coalesce(c.from_status, '-') || ' ' || c.to_status || ' ' || a.name as change
     from policy.policy_change c
     join policy.policy p on p.policy_id = c.policy_id and p.version = c.version
     join identity.person a on a.person_id = c.actor
     where p.name = $1 order by c.changed_at, c.to_status desc`,
    [name],
  );
  return rows.map(({ change }) => change);
}

describe('a version', () => {
  it('goes its way by three people, and each step is a fact', async () => {
    expect(await apply(policyOf('way', { activation: 'third person' }))).toMatchObject({
      policies: ['way@1'],
    });
    expect(await move('activate', 'way', 1, approver)).toBe('wrong_status');
    expect(await move('approve', 'way', 1, author)).toBe('author_approves');
    expect(await move('approve', 'way', 1, approver)).toEqual(['way@1 approved']);
    expect(await move('activate', 'way', 1, approver)).toBe('approver_activates');
    expect(await move('activate', 'way', 1, third)).toEqual(['way@1 active']);
    expect(await move('deprecate', 'way', 1, author)).toEqual(['way@1 deprecated']);
    expect(await changesOf('way')).toEqual([
      '1 - draft alice',
      '1 draft approved bob',
      '1 approved active carol',
      '1 active deprecated alice',
    ]);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(4);
  });

  it('comes back, as often as need be, and every return is a fact of its own', async () => {
    for (const version of [1, 2]) {
      await apply(policyOf('back', { version }));
      await move('approve', 'back', version, approver);
      await move('activate', 'back', version, approver);
    }
    expect(await move('activate', 'back', 1, third)).toEqual([
      'back@2 deprecated',
      'back@1 active',
    ]);
    expect(await move('activate', 'back', 2, third)).toEqual([
      'back@1 deprecated',
      'back@2 active',
    ]);
    sent = [];
    expect(await move('activate', 'back', 2, third)).toEqual([]);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(11);
    expect((await changesOf('back')).slice(-2).toSorted()).toEqual([
      '1 active deprecated carol',
      '2 deprecated active carol',
    ]);
    const { rows } = await database.client.query(
      `select version, status, active_to is null as open from policy.policy where name = 'back' order by 1`,
    );
    expect(rows).toEqual([
      { version: 1, status: 'deprecated', open: false },
      { version: 2, status: 'active', open: true },
    ]);
  });

  it('stays as it is when the same document is applied again', async () => {
    await apply(policyOf('same'));
    expect(await apply(policyOf('same'))).toEqual({ policies: [], riskModels: [] });
    expect(await changesOf('same')).toEqual(['1 - draft alice']);
    const other = await apply(policyOf('same', { title: 'Another' }));
    expect(other).toMatchObject({ refusals: [{ reason: 'version_taken' }] });
  });

  it('is brought into force by the short way as well, from where it stands', async () => {
    await apply(policyOf('short'));
    await move('approve', 'short', 1, third);
    await database.load([policyOf('short')]);
    expect(await changesOf('short')).toEqual([
      '1 - draft alice',
      '1 draft approved carol',
      '1 approved active bob',
    ]);
  });

  it('that asks for a third person is not loaded by two', async () => {
    const loading = database.commands.loadPolicies(
      [policyOf('three', { activation: 'third person' })],
      { author, approver },
    );
    expect(await loading).toMatchObject({ refusals: [{ reason: 'approver_activates' }] });
    expect(await changesOf('three')).toEqual([]);
  });
});

it('a dry run keeps nothing and says what would be', async () => {
  const documents = { policies: [policyOf('dry')], riskModels: [modelOf({ risk_model: 'dry' })] };
  const wouldBe = { policies: ['dry@1'], riskModels: ['dry@1'] };
  expect(await commands.apply(documents, author, { dryRun: true })).toEqual(wouldBe);
  expect(await changesOf('dry')).toEqual([]);
  expect(await commands.apply(documents, author)).toEqual(wouldBe);
});

it('a risk model waits until somebody else brings it into force', async () => {
  const documents = {
    policies: [],
    riskModels: [modelOf({ risk_model: 'next', context: 'later' })],
  };
  await commands.apply(documents, author);
  const version = { name: 'next', version: 1 };
  expect(await commands.activateRiskModel(version, author)).toMatchObject({
    reason: 'author_approves',
  });
  expect(await commands.activateRiskModel(version, approver)).toEqual({
    steps: [{ label: 'next@1', to: 'active' }],
  });
  expect(await commands.activateRiskModel(version, approver)).toEqual({ steps: [] });
  expect(sent.map(({ type }) => type)).toContain('RISK_MODEL');
  expect(await commands.activateRiskModel({ name: 'nothing', version: 1 }, approver)).toMatchObject(
    { reason: 'version_unknown' },
  );
});
