import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Unavailable } from '../../src/actors/actor.ts';
import { createAdvisoryActor } from '../../src/actors/advisory.ts';
import { createRiskActor } from '../../src/actors/risk.ts';
import {
  type Advisory,
  advisoryDigest,
  evaluationDigest,
  type KeptEvaluation,
} from '../../src/domain/advisory.ts';
import {
  advisoryIdOf,
  type AssessmentId,
  assessmentIdOf,
  evaluationIdOf,
  eventIdOf,
  policyIdOf,
} from '../../src/domain/ids.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import { systemClock } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import { leafOn, modelOf, policyOf } from '../support/documents.ts';
import { alterBehind, openWeighedDatabase, type WeighedDatabase } from '../support/weighed.ts';

let database: WeighedDatabase;
let risk: Database;
let advisory: Database;
let actor: ReturnType<typeof createAdvisoryActor>;
beforeAll(async () => {
  database = await openWeighedDatabase();
  risk = database.open('risk');
  advisory = database.open('advisory');
});
beforeEach(() => {
  actor = createAdvisoryActor();
});
afterAll(() => database.close());

/** Events with these data, assessed. */
async function assess(...data: readonly JsonValue[]): Promise<readonly AssessmentId[]> {
  const events = await database.keepEvents(data);
  const riskActor = createRiskActor();
  await risk.transact((tx) =>
    riskActor.receive(
      events.map((eventId) => ({ eventId })),
      riskActor.openStore(tx),
      systemClock,
    ),
  );
  return events.map((eventId) => assessmentIdOf(eventId, 'default'));
}

const receive = (assessments: readonly AssessmentId[], by = actor) =>
  advisory.transact((tx) =>
    by.receive(
      assessments.map((assessmentId) => ({ assessmentId })),
      by.openStore(tx),
      systemClock,
    ),
  );

const cleared = (assessmentId: AssessmentId) => ({
  kind: 'forward',
  to: [{ queue: 'ledger', message: { type: 'EVALUATION', id: evaluationIdOf(assessmentId) } }],
});
function toReview(assessmentId: AssessmentId, ...policies: readonly string[]) {
  const evaluationId = evaluationIdOf(assessmentId);
  const advisories = policies
    .map((name) => advisoryIdOf(evaluationId, policyIdOf(name)))
    .toSorted();
  return {
    kind: 'forward',
    to: [
      { queue: 'awaiting-decision', message: { type: 'EVALUATION', id: evaluationId } },
      ...advisories.map((id) => ({ queue: 'ledger', message: { type: 'ADVISORY', id } })),
    ],
  };
}

const TIME = (column: string) =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

async function evaluationsOf(assessments: readonly AssessmentId[]) {
  const { rows } = await database.client.query<KeptEvaluation & { row_digest: string }>(
    `select evaluation_id as "evaluationId", event_id as "eventId", assessment_id as "assessmentId", outcome,
       policies as "asked", ${TIME('evaluated_at')} as "evaluatedAt", row_digest
     from advisory.evaluation where assessment_id = any($1::uuid[])
     order by array_position($1::uuid[], assessment_id)`,
    [assessments],
  );
  return rows;
}
async function advisoriesOf(assessments: readonly AssessmentId[]) {
  const { rows } = await database.client.query<Advisory & { row_digest: string; name: string }>(
    `select a.advisory_id as "advisoryId", a.event_id as "eventId", a.evaluation_id as "evaluationId",
       a.assessment_id as "assessmentId", a.policy_id as "policyId", a.policy_version as "policyVersion",
       a.risk_level as "riskLevel", a.basis, a.recommendation_options as "options", a.justification_text as "justification",
       a.conditions, a.conflict, a.advisory_version as "advisoryVersion", ${TIME('a.created_at')} as "createdAt", a.salt,
       a.row_digest, p.name
     from advisory.advisory a join policy.policy p on p.policy_id = a.policy_id and p.version = a.policy_version
     where a.assessment_id = any($1::uuid[])
     order by array_position($1::uuid[], a.assessment_id), p.priority_level, p.name`,
    [assessments],
  );
  return rows;
}

const unknownRisk = policyOf('unknown-risk', {
  applies_to: { event_types: ['*'], minimum_level: 'UNKNOWN' },
  conditions: { all: [{ ...leafOn('$.level', 'UNKNOWN'), fact: 'risk' }] },
});

describe('while policies are missing', () => {
  beforeAll(() => database.load([], [modelOf()]));

  it('evaluates nothing, records nothing, and goes on by itself once there are some', async () => {
    const assessments = await assess({ bad: false });
    await expect(receive(assessments)).rejects.toThrow(Unavailable);
    expect(await evaluationsOf(assessments)).toEqual([]);
    await database.load([policyOf('watch')]);
    expect(await receive(assessments)).toEqual(assessments.map(cleared));
  });

  it('lets an event of unknown risk wait for the policy that takes it up', async () => {
    const assessments = await assess({ bad: false }, {});
    await database.load([
      policyOf('watch', { version: 2, conditions: { all: [leafOn('$.source', 'nobody')] } }),
    ]);
    await expect(receive(assessments)).rejects.toThrow(Unavailable);
    expect(await evaluationsOf(assessments)).toEqual([]);
    await database.load([unknownRisk]);
    expect(await receive(assessments)).toEqual([
      cleared(assessments[0]!),
      toReview(assessments[1]!, 'unknown-risk'),
    ]);
    expect(await advisoriesOf(assessments)).toMatchObject([
      { name: 'unknown-risk', riskLevel: 'UNKNOWN', basis: 'matched' },
    ]);
  });

  it('refuses unknown ids all the same', async () => {
    const unknown = assessmentIdOf(eventIdOf('acme', 'never sent'), 'default');
    expect(await receive([unknown])).toEqual([
      {
        kind: 'reject',
        rejection: { reason: 'unknown_id', detail: `no assessment ${unknown} is stored` },
      },
    ]);
  });
});

describe('under policies', () => {
  beforeAll(() =>
    database.load([
      unknownRisk,
      policyOf('watch', { version: 3 }),
      policyOf('first', {
        priority_level: 1,
        conditions: { all: [leafOn('$.data.worse', true)] } as never,
      }),
      policyOf('high', {
        applies_to: { event_types: ['com.example.*'], minimum_level: 'HIGH' },
        conditions: {
          all: [
            { fact: 'risk', path: '$.contributions[*].factor', operator: 'contains', value: 'bad' },
          ],
        },
      }),
      policyOf('elsewhere', { applies_to: { event_types: ['com.other.*'] } }),
    ]),
  );

  it('writes an evaluation for each event and an advisory for each policy that fired, in order', async () => {
    const assessments = await assess(
      { bad: true, worse: false },
      { bad: false, worse: false },
      { bad: true, worse: true },
    );
    expect(await receive(assessments)).toEqual([
      toReview(assessments[0]!, 'watch', 'high'),
      cleared(assessments[1]!),
      toReview(assessments[2]!, 'watch', 'high', 'first'),
    ]);
    expect(await evaluationsOf(assessments)).toMatchObject([
      { outcome: 'MATCH' },
      {
        outcome: 'NO_MATCH',
        asked: [
          { policy: 'first@1', result: 'not matched' },
          { policy: 'watch@3', result: 'not matched' },
        ],
      },
      { outcome: 'MATCH' },
    ]);
    expect(await advisoriesOf([assessments[2]!])).toMatchObject([
      { name: 'first', riskLevel: 'HIGH', basis: 'matched', advisoryVersion: 1 },
      { name: 'high', conditions: [{ actual: ['bad'], result: 'held' }] },
      {
        name: 'watch',
        policyVersion: 3,
        options: [{ option: 'mend', command: { mend: expect.stringContaining('thing') } }],
        justification: expect.stringContaining('Risk HIGH, score 52.5'),
      },
    ]);
  });

  it('marks an event UNKNOWN when a policy cannot be answered, beside those that fire', async () => {
    const [assessment] = await assess({ bad: true });
    expect(await receive([assessment!])).toEqual([toReview(assessment!, 'watch', 'high', 'first')]);
    expect(await evaluationsOf([assessment!])).toMatchObject([{ outcome: 'UNKNOWN' }]);
    expect(await advisoriesOf([assessment!])).toMatchObject([
      {
        name: 'first',
        basis: 'unknown',
        riskLevel: 'UNKNOWN',
        conditions: [{ result: 'unknown' }],
      },
      { name: 'high', basis: 'matched', riskLevel: 'HIGH' },
      { name: 'watch', basis: 'matched', riskLevel: 'HIGH' },
    ]);
  });

  it('does nothing twice: the same batch again is forwarded again and leaves every row as it was', async () => {
    const assessments = await assess({ bad: true, worse: true }, { bad: false, worse: false });
    const first = await receive(assessments);
    const before = [await evaluationsOf(assessments), await advisoriesOf(assessments)];
    expect(await receive(assessments)).toEqual(first);
    expect(await receive(assessments.toReversed(), createAdvisoryActor())).toEqual(
      first.toReversed(),
    );
    expect([await evaluationsOf(assessments), await advisoriesOf(assessments)]).toEqual(before);
  });

  it('answers a duplicate within a batch like its first, and an unknown id alone is refused', async () => {
    const [one, two] = await assess({ bad: true, worse: false }, { bad: false, worse: false });
    const unknown = assessmentIdOf(eventIdOf('acme', 'never sent'), 'default');
    expect(await receive([one!, unknown, two!, one!])).toEqual([
      toReview(one!, 'watch', 'high'),
      expect.objectContaining({ kind: 'reject' }),
      cleared(two!),
      toReview(one!, 'watch', 'high'),
    ]);
    expect(await advisoriesOf([one!])).toHaveLength(2);
  });

  it('forwards what stands when two workers evaluate the same events at once', async () => {
    const assessments = await assess(
      ...Array.from({ length: 20 }, (_, n) => ({ bad: n % 2 === 0, worse: n % 3 === 0 })),
    );
    const outcomes = await Promise.all([
      receive(assessments),
      receive(assessments.toReversed(), createAdvisoryActor()),
      receive(assessments, createAdvisoryActor()),
    ]);
    expect(outcomes[1]).toEqual(outcomes[0]?.toReversed());
    expect(outcomes[2]).toEqual(outcomes[0]);
    expect(await evaluationsOf(assessments)).toHaveLength(20);
  });

  it('stores the digest of each row as it can be computed from the row', async () => {
    const assessments = await assess({ bad: true, worse: true, text: 'é' }, { bad: true });
    await receive(assessments);
    for (const { row_digest, ...evaluation } of await evaluationsOf(assessments)) {
      expect(evaluationDigest(evaluation)).toBe(row_digest);
    }
    const advisories = await advisoriesOf(assessments);
    expect(advisories.length).toBeGreaterThan(3);
    for (const { row_digest, name, ...one } of advisories) {
      expect(`${name} ${advisoryDigest(one)}`).toBe(`${name} ${row_digest}`);
    }
  });

  it('asks the versions that are in force when the batch is evaluated', async () => {
    const [before, after] = await assess({ bad: true, worse: false }, { bad: true, worse: false });
    await receive([before!]);
    await database.load([policyOf('watch', { version: 4, title: 'Other' })]);
    await receive([before!, after!]);
    expect(await advisoriesOf([before!, after!])).toMatchObject([
      { name: 'high' },
      { name: 'watch', policyVersion: 3 },
      { name: 'high' },
      { name: 'watch', policyVersion: 4 },
    ]);
    const { rows } = await database.client.query(
      `select count(*)::integer as outside from advisory.advisory a
       join advisory.evaluation v using (evaluation_id)
       join policy.policy p on p.policy_id = a.policy_id and p.version = a.policy_version
       where (v.evaluated_at >= p.active_from and v.evaluated_at < coalesce(p.active_to, 'infinity')) is not true`,
    );
    expect(rows).toEqual([{ outside: 0 }]);
  });

  it('takes a policy whose definition was altered behind its back as one that cannot be answered', async () => {
    await alterBehind(
      database.client,
      'policy.policy',
      `update policy.policy set definition = jsonb_set(definition, '{conditions}', '{"all": []}')
       where name = 'watch' and status = 'active'`,
    );
    const [assessment] = await assess({ bad: false, worse: false });
    await receive([assessment!], createAdvisoryActor());
    expect(await advisoriesOf([assessment!])).toMatchObject([
      {
        name: 'watch',
        basis: 'unknown',
        riskLevel: 'UNKNOWN',
        justification: expect.stringContaining('digest'),
        options: [],
      },
    ]);
  });
});
