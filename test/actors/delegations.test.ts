import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDelegationCommands } from '../../src/actors/delegations.ts';
import type { DelegationCommands, DelegationWish } from '../../src/domain/delegation.ts';
import { delegationIdOf, type PersonId } from '../../src/domain/ids.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import { type Timestamp, timestampOfMs } from '../../src/domain/time.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Facts, openFacts } from '../support/facts.ts';

let database: TestDatabase;
let facts: Facts;
let commands: DelegationCommands;
let cora: PersonId;
let dora: PersonId;

beforeAll(async () => {
  database = await cloneDatabase();
  facts = await openFacts(await database.superuser());
  commands = createDelegationCommands(database.open('identity'));
  cora = await facts.person('cora', 'Compliance Officer', 'Auditor');
  dora = await facts.person('dora', 'Administrator');
});
afterAll(() => database.close());

const inDays = (days: number): Timestamp => timestampOfMs(Date.now() + days * 86_400_000);
const wish = (more: Partial<DelegationWish> = {}): DelegationWish => ({
  to: 'dora',
  role: 'Compliance Officer',
  upToLevel: 'HIGH',
  endsAt: inDays(7),
  reason: 'on leave',
  ...more,
});

it('a delegation is listed for both, and counts until it is taken back', async () => {
  const given = await commands.give(cora, wish());
  if (isRefusal(given)) throw new Error(given.detail);
  const listed = {
    ...given,
    delegatorName: 'cora',
    delegateName: 'dora',
    revokedAt: null,
    isRunning: true,
  };
  expect(await commands.of(cora)).toEqual([listed]);
  expect(await commands.of(dora)).toEqual([listed]);
  expect(await commands.revoke(cora, given.delegationId)).toBeUndefined();
  const [after] = await commands.of(dora);
  expect(after).toMatchObject({ isRunning: false, revokedAt: expect.any(String) });
  expect(await commands.revoke(cora, given.delegationId)).toBeUndefined();
  expect(await commands.of(dora)).toEqual([after]);
});

it.each<[string, Partial<DelegationWish>, string]>([
  ['to nobody', { to: 'nobody' }, 'unknown_person'],
  ['to oneself', { to: 'cora' }, 'bad_delegation'],
  ['of a role that one does not hold', { role: 'Governance Board' }, 'role_not_held'],
  ['of a role that decides nothing', { role: 'Auditor' }, 'bad_delegation'],
  ['that is over', { endsAt: inDays(-1) }, 'bad_delegation'],
  ['without an end in sight', { endsAt: inDays(31) }, 'bad_delegation'],
  ['without a reason', { reason: ' ' }, 'bad_delegation'],
])('nothing is delegated %s', async (_, more, reason) => {
  expect(await commands.give(cora, wish(more))).toMatchObject({ kind: 'refusal', reason });
});

it('what was delegated is not delegated on', async () => {
  await commands.give(cora, wish());
  await facts.person('third', 'Administrator');
  expect(await commands.give(dora, wish({ to: 'third' }))).toMatchObject({
    reason: 'role_not_held',
  });
});

it('a delegation is worth nothing once its giver has lost the role', async () => {
  const leaving = await facts.person('leaving', 'Senior Authority');
  await commands.give(leaving, wish({ role: 'Senior Authority' }));
  await facts.revoke(leaving, 'Senior Authority');
  expect(await commands.of(leaving)).toMatchObject([{ isRunning: false, revokedAt: null }]);
});

it('is taken back by its giver alone', async () => {
  const given = await commands.give(cora, wish({ reason: 'mine' }));
  if (isRefusal(given)) throw new Error(given.detail);
  expect(await commands.revoke(dora, given.delegationId)).toMatchObject({
    reason: 'unknown_delegation',
  });
  const none = delegationIdOf(cora, dora, 'none', 'never');
  expect(await commands.revoke(cora, none)).toMatchObject({ reason: 'unknown_delegation' });
});
