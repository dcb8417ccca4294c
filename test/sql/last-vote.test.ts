/**
 * The last vote, raced for: two sessions go through the same 10,000 rounds in step, each trying to end every one of them.
 * It is the database alone that holds here. The decision command's own races are in test/actors/decision.test.ts.
 */
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { hex, ids, keepOpenReview } from '../support/sql.ts';

/** Ten thousand take minutes: LAST_VOTE_RACES=10000 npm test -- test/sql/last-vote.test.ts. */
const RACES = Number(process.env['LAST_VOTE_RACES'] ?? 2_000);
/** For a machine that is busy with other things. */
const TIME_MS_MAX = 900_000;
const RIVAL = '00000000-0000-4000-8000-000000000099';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  await keepOpenReview(client);
  await client.query(MANY_ROUNDS);
}, TIME_MS_MAX);
afterAll(() => database.close());

/** Rounds of medium risk on which the Administrator has agreed: one more approval decides, and so does one rejection. */
const MANY_ROUNDS = `
  insert into identity.person (person_id, name) values ('${RIVAL}', 'rival');
  insert into identity.role_grant (person_id, role) values ('${RIVAL}', 'Senior Authority');
  create function public.numbered(kind text, n integer) returns uuid language sql as
    $$ select (kind || '0000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid $$;
  insert into advisory.advisory (advisory_id, event_id, policy_id, policy_version, risk_level, recommendation_options,
    justification_text, evaluation_id, assessment_id, basis, conditions, conflict, salt, row_digest, advisory_version)
  select public.numbered('6', n), event_id, policy_id, policy_version, risk_level, recommendation_options, justification_text,
    evaluation_id, assessment_id, basis, conditions, conflict, salt, row_digest, n + 1
  from advisory.advisory, generate_series(1, ${RACES}) as n;
  insert into decision.review (review_id, advisory_id, event_id, evaluation_id, policy_id, policy_version, risk_level,
    priority_level, conflict)
  select public.numbered('7', n), public.numbered('6', n), event_id, evaluation_id, policy_id, policy_version, risk_level,
    priority_level, conflict
  from decision.review, generate_series(1, ${RACES}) as n;
  insert into decision.decision (decision_id, advisory_id, decision_type, review_id, event_id, round, risk_level,
    required_authority, valid_for_s, view_digest, salt)
  select public.numbered('8', n), public.numbered('6', n), 'pending', public.numbered('7', n), event_id, 1, risk_level,
    required_authority, valid_for_s, view_digest, salt
  from decision.decision, generate_series(1, ${RACES}) as n;
  insert into decision.approval (approval_id, decision_id, person_id, role, act, option_id, justification, view_digest, approved_at)
  select gen_random_uuid(), public.numbered('8', n), '${ids.administrator}', 'Administrator', 'approve', 'restore', '',
    '${hex('e')}', clock_timestamp()
  from generate_series(1, ${RACES}) as n;
  drop function public.numbered;
  analyze;`;

/** Tries to end every round as the person: each in a transaction of its own. Counts those that the guards let through. */
const endAll = (person: string, act: 'approve' | 'reject') => `
  do $$
  declare
    open record;
    won integer := 0;
  begin
    for open in select decision_id, review_id from decision.decision
      where review_id <> '${ids.review}' order by decision_id
    loop
      begin
        insert into decision.approval (approval_id, decision_id, person_id, role, act, option_id, justification, view_digest, approved_at)
        values (gen_random_uuid(), open.decision_id, '${person}', 'Senior Authority', '${act}',
          ${act === 'approve' ? `'restore'` : 'null'}, 'because', '${hex('e')}', clock_timestamp());
        update decision.decision set decision_type = '${act === 'approve' ? 'approved' : 'rejected'}',
          decision_maker_id = '${person}', decision_maker_role = 'Senior Authority', justification = 'because',
          row_digest = '${hex('d')}', finalized_at = clock_timestamp()${
            act === 'reject'
              ? ''
              : `, option_id = 'restore', expires_at = clock_timestamp() + interval '1 hour',
          proof = decision.seating_of(decision_id, required_authority)`
          }
        where decision_id = open.decision_id;
        update decision.review set resolved_at = clock_timestamp() where review_id = open.review_id;
        won := won + 1;
      exception when insufficient_privilege then null;
      end;
      commit;
    end loop;
    perform set_config('test.won', won::text, false);
  end
  $$`;

async function racer(person: string, act: 'approve' | 'reject'): Promise<number> {
  const session = await database.superuser();
  await session.query('set role sentinelops_decision');
  await session.query(endAll(person, act));
  const { rows } = await session.query<{ won: string }>(
    `select current_setting('test.won') as won`,
  );
  return Number(rows[0]!.won);
}

it(
  `9: of two last votes one decides, in ${RACES} of ${RACES} races`,
  async () => {
    const [approved, rejected] = await Promise.all([
      racer(ids.seniorAuthority, 'approve'),
      racer(RIVAL, 'reject'),
    ]);
    expect(approved + rejected).toBe(RACES);
    // Both were there: neither had the field to itself.
    expect(Math.min(approved, rejected)).toBeGreaterThan(0);
    const { rows } = await client.query<Record<string, string>>(
      `select count(*) filter (where finalized = 1 and acts = 2 and resolved_at is not null) as once, count(*) as all
     from (select r.resolved_at,
         (select count(*) from decision.decision d where d.review_id = r.review_id and d.finalized_at is not null) as finalized,
         (select count(*) from decision.approval a join decision.decision d using (decision_id)
          where d.review_id = r.review_id) as acts
       from decision.review r where r.review_id <> $1) as raced`,
      [ids.review],
    );
    expect(rows).toEqual([{ once: String(RACES), all: String(RACES) }]);
  },
  TIME_MS_MAX,
);
