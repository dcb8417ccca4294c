import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFolder } from '../../src/documents/folder.ts';
import { policyDocument } from '../../src/documents/policy-document.ts';
import { riskModelDocument } from '../../src/documents/risk-model-document.ts';
import { changeDigest } from '../../src/domain/activation.ts';
import { modelIdOf, policyIdOf, type PersonId } from '../../src/domain/ids.ts';
import { leavesOf } from '../../src/domain/conditions.ts';
import { leafOn, modelOf, policyOf } from '../support/documents.ts';
import { keepOfficers, openWeighedDatabase, type WeighedDatabase } from '../support/weighed.ts';

let database: WeighedDatabase;
let people: { author: PersonId; approver: PersonId };
beforeAll(async () => {
  database = await openWeighedDatabase();
  people = { author: database.author, approver: database.approver };
});
afterAll(() => database.close());

const loadPolicies = (...definitions: Parameters<typeof policyOf>[]) =>
  database.commands.loadPolicies(
    definitions.map((definition) => policyOf(...definition)),
    people,
  );

async function statesOf(name: string) {
  const { rows } = await database.client.query<{ state: string }>(
    `select version || ' ' || status as state from policy.policy where name = $1 order by version`,
    [name],
  );
  return rows.map(({ state }) => state);
}
const reasonsOf = (loading: object) =>
  'refusals' in loading
    ? (loading.refusals as { reason: string }[]).map(({ reason }) => reason)
    : [];

describe('loading policies', () => {
  it('writes, approves and activates them, and gives back every change as a fact', async () => {
    const loading = await loadPolicies(['one'], ['two']);
    expect(loading).toMatchObject({ activated: ['one@1', 'two@1'] });
    expect('facts' in loading && loading.facts).toHaveLength(6);
    expect(await statesOf('one')).toEqual(['1 active']);
    const { rows } = await database.client.query(
      `select c.from_status, c.to_status, p.name as actor from policy.policy_change c
       join identity.person p on p.person_id = c.actor
       where c.policy_id = $1 order by c.from_status nulls first, c.to_status desc`,
      [policyIdOf('one')],
    );
    expect(rows).toEqual([
      { from_status: null, to_status: 'draft', actor: 'alice' },
      { from_status: 'approved', to_status: 'active', actor: 'bob' },
      { from_status: 'draft', to_status: 'approved', actor: 'bob' },
    ]);
  });

  it('changes nothing when the same is loaded again, and gives back the same facts', async () => {
    const first = await loadPolicies(['again']);
    const second = await loadPolicies(['again']);
    expect(second).toEqual({ ...first, activated: [] });
    expect(await statesOf('again')).toEqual(['1 active']);
  });

  it('puts a new version in the place of the old one, at one instant', async () => {
    await loadPolicies(['next']);
    const loading = await loadPolicies(['next', { version: 2, title: 'Another' }]);
    expect(loading).toMatchObject({ activated: ['next@2'] });
    expect('facts' in loading && loading.facts).toHaveLength(7);
    expect(await statesOf('next')).toEqual(['1 deprecated', '2 active']);
    const { rows } = await database.client.query(
      `select old.active_to = new.active_from as at_one_instant
       from policy.policy old join policy.policy new using (policy_id)
       where old.policy_id = $1 and old.version = 1 and new.version = 2`,
      [policyIdOf('next')],
    );
    expect(rows).toEqual([{ at_one_instant: true }]);
  });

  it('refuses a version that stands with other content, and with it the whole set', async () => {
    await loadPolicies(['taken']);
    const loading = await loadPolicies(['taken', { title: 'Other' }], ['innocent']);
    expect(reasonsOf(loading)).toEqual(['version_taken']);
    expect(await statesOf('innocent')).toEqual([]);
  });

  it('does not bring back a version that was replaced', async () => {
    await loadPolicies(['past']);
    await loadPolicies(['past', { version: 2 }]);
    expect(reasonsOf(await loadPolicies(['past']))).toEqual(['version_retired']);
  });

  it('refuses people who may not, and one person in both parts', async () => {
    const load = (author: PersonId, approver: PersonId) =>
      database.commands.loadPolicies([policyOf('people')], { author, approver });
    expect(reasonsOf(await load(people.author, people.author))).toEqual(['author_approves']);
    const [carol] = await keepOfficers(database.client, ['carol']);
    await database.client.query(
      `update identity.role_grant set revoked_at = now() where person_id = $1`,
      [carol],
    );
    expect(reasonsOf(await load(carol!, people.approver))).toEqual(['not_compliance_officer']);
    expect(await statesOf('people')).toEqual([]);
  });

  it('keeps every condition in a row of its own', async () => {
    const conditions = { all: [leafOn('$.type', 'a'), { not: leafOn('$.type', 'b') }] };
    await loadPolicies(['leaves', { conditions }]);
    const { rows } = await database.client.query(
      `select position, condition_type, condition_expression::json as leaf from policy.policy_condition
       where policy_id = $1 order by position`,
      [policyIdOf('leaves')],
    );
    expect(rows).toEqual(
      leavesOf(conditions).map(({ position, leaf }) => ({
        position,
        condition_type: 'equal',
        leaf,
      })),
    );
  });

  it('may be done by two at once: one does it, the other finds it done', async () => {
    const loadings = await Promise.all([1, 2, 3].map(() => loadPolicies(['race-a'], ['race-b'])));
    const activated = loadings.map((loading) =>
      'activated' in loading ? loading.activated.length : -1,
    );
    expect(activated.toSorted((one, other) => one - other)).toEqual([0, 0, 2]);
    expect(await statesOf('race-a')).toEqual(['1 active']);
  });

  it('keeps the digest of each change as it can be computed from the row', async () => {
    const { rows } = await database.client.query(
      `select change_id as "changeId", policy_id as of, version, from_status as "fromStatus", to_status as "toStatus",
         definition_sha256 as "definitionSha256", actor, row_digest,
         to_char(changed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "changedAt"
       from policy.policy_change`,
    );
    expect(rows.length).toBeGreaterThan(10);
    for (const { row_digest, ...change } of rows) {
      expect(changeDigest('policy.policy_change', change)).toBe(row_digest);
    }
  });
});

describe('loading risk models', () => {
  const loadModels = (...definitions: Parameters<typeof modelOf>) =>
    database.commands.loadRiskModels([modelOf(...definitions)], people);
  async function modelStates() {
    const { rows } = await database.client.query<{ state: string }>(
      `select name || '@' || version || ' ' || status as state from risk.risk_model
       order by created_at, name, version`,
    );
    return rows.map(({ state }) => state);
  }

  it('defines and activates them, once', async () => {
    const first = await loadModels();
    expect(first).toMatchObject({ activated: ['plain@1'] });
    expect('facts' in first && first.facts).toHaveLength(2);
    expect(await loadModels()).toEqual({ ...first, activated: [] });
    expect(await modelStates()).toEqual(['plain@1 active']);
  });

  it('supersedes the model of the same context, of whatever name', async () => {
    await loadModels({ version: 2 });
    const loading = await loadModels({ risk_model: 'other' });
    expect(loading).toMatchObject({ activated: ['other@1'] });
    // Its own two changes, and three of each version of "plain"; the ends of both are among them.
    expect('facts' in loading && loading.facts).toHaveLength(8);
    expect(await modelStates()).toEqual([
      'plain@1 superseded',
      'plain@2 superseded',
      'other@1 active',
    ]);
  });

  it('refuses the same things as for policies', async () => {
    const other = { thresholds: { MEDIUM: 1, HIGH: 2, CRITICAL: 3 } };
    expect(reasonsOf(await loadModels({ ...other, risk_model: 'other' }))).toEqual([
      'version_taken',
    ]);
    expect(reasonsOf(await loadModels())).toEqual(['version_retired']);
    const alone = { author: people.author, approver: people.author };
    expect(reasonsOf(await database.commands.loadRiskModels([modelOf()], alone))).toContain(
      'author_approves',
    );
  });

  it('keeps the digest of each change as it can be computed from the row', async () => {
    const { rows } = await database.client.query(
      `select change_id as "changeId", model_id as of, version, from_status as "fromStatus", to_status as "toStatus",
         definition_sha256 as "definitionSha256", actor, row_digest,
         to_char(changed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "changedAt"
       from risk.risk_model_change where model_id = $1`,
      [modelIdOf('plain')],
    );
    expect(rows).toHaveLength(6);
    for (const { row_digest, ...change } of rows) {
      expect(changeDigest('risk.risk_model_change', change)).toBe(row_digest);
    }
  });
});

it('loads the examples, and loads them again', async () => {
  const [policies, models] = [
    await readFolder('examples/policies', policyDocument),
    await readFolder('examples/risk-models', riskModelDocument),
  ];
  if ('faults' in policies || 'faults' in models) throw new Error('the examples cannot be read');
  const load = async () => [
    await database.commands.loadPolicies(policies.definitions, people),
    await database.commands.loadRiskModels(models.definitions, people),
  ];
  const first = await load();
  expect(first).toMatchObject([
    { activated: expect.any(Array) },
    { activated: ['github-organization@1'] },
  ]);
  expect(first[0] && 'activated' in first[0] && first[0].activated).toHaveLength(
    policies.definitions.length,
  );
  expect(await load()).toEqual(first.map((loading) => ({ ...loading, activated: [] })));
});
