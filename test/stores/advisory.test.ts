import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Advisory, KeptEvaluation } from '../../src/domain/advisory.ts';
import {
  advisoryIdOf,
  type AssessmentId,
  assessmentIdOf,
  type EventId,
  evaluationIdOf,
  policyIdOf,
} from '../../src/domain/ids.ts';
import type { Timestamp } from '../../src/domain/time.ts';
import { type AdvisoryStore, openAdvisoryStore } from '../../src/stores/advisory.ts';
import type { Database } from '../../src/stores/database.ts';
import { openRiskStore } from '../../src/stores/risk.ts';
import { policyOf, storedPolicyOf } from '../support/documents.ts';
import { openWeighedDatabase, type WeighedDatabase } from '../support/weighed.ts';

let database: WeighedDatabase;
let advisory: Database;
beforeAll(async () => {
  database = await openWeighedDatabase();
  advisory = database.open('advisory');
  await database.load([policyOf('one'), policyOf('two')]);
});
afterAll(() => database.close());

const within = <T>(work: (store: AdvisoryStore) => Promise<T>) =>
  advisory.transact((tx) => work(openAdvisoryStore(tx)));
const at = '2026-01-02T03:04:05.678901Z' as Timestamp;

/** An event of unknown risk. */
async function assessed(): Promise<{ eventId: EventId; assessmentId: AssessmentId }> {
  const [eventId] = await database.keepEvents([{ a: 1 }]);
  const assessmentId = assessmentIdOf(eventId!, 'default');
  const nothing = {
    context: 'default',
    modelId: null,
    modelVersion: null,
    score: null,
    level: 'UNKNOWN',
  } as const;
  const row = {
    ...nothing,
    eventId: eventId!,
    assessmentId,
    contributions: [],
    evaluatedAt: at,
    salt: 'a'.repeat(64),
  };
  await database.open('risk').transact((tx) => openRiskStore(tx).keepAssessments([row]));
  return { eventId: eventId!, assessmentId };
}

function rowsOf(
  of: { eventId: EventId; assessmentId: AssessmentId },
  ...policies: readonly string[]
) {
  const evaluationId = evaluationIdOf(of.assessmentId);
  const evaluation: KeptEvaluation = {
    ...of,
    evaluationId,
    outcome: policies.length === 0 ? 'NO_MATCH' : 'MATCH',
    asked: policies.map((name) => ({ policy: `${name}@1`, result: 'matched' })),
    evaluatedAt: at,
  };
  const advisories = policies.map(
    (name): Advisory => ({
      ...of,
      evaluationId,
      advisoryId: advisoryIdOf(evaluationId, policyIdOf(name)),
      policyId: policyIdOf(name),
      policyVersion: 1,
      riskLevel: 'UNKNOWN',
      basis: 'matched',
      options: [
        {
          option: 'o',
          title: 'é "x" {1}',
          target: 't',
          command: { n: 1.5 },
          effect: 'none',
          resource: null,
        },
      ],
      justification: 'why\nand "why"',
      conditions: [],
      conflict: false,
      advisoryVersion: 1,
      createdAt: at,
      salt: 'a'.repeat(64),
    }),
  );
  return { evaluation, advisories };
}

describe('the advisory store', () => {
  it('reads an assessed event whole, and nothing for an unknown id', async () => {
    const of = await assessed();
    const unknown = assessmentIdOf(of.eventId, 'elsewhere');
    expect(await within((store) => store.assessedEvents([unknown, of.assessmentId]))).toMatchObject(
      [{ ...of, level: 'UNKNOWN', score: null, contributions: [], source: 'acme', data: { a: 1 } }],
    );
    expect(await within((store) => store.assessedEvents([]))).toEqual([]);
    expect(await within((store) => store.standing([unknown]))).toEqual(new Map());
  });

  it('keeps evaluations with their advisories, and tells what stands', async () => {
    const [first, second] = [await assessed(), await assessed()];
    const [matched, cleared] = [rowsOf(first, 'one', 'two'), rowsOf(second)];
    await within((store) =>
      store.keepEvaluations([matched.evaluation, cleared.evaluation], matched.advisories),
    );
    expect(
      await within((store) => store.standing([first.assessmentId, second.assessmentId])),
    ).toEqual(
      new Map([
        [
          first.assessmentId,
          {
            evaluationId: matched.evaluation.evaluationId,
            outcome: 'MATCH',
            advisoryIds: matched.advisories.map(({ advisoryId }) => advisoryId).toSorted(),
          },
        ],
        [
          second.assessmentId,
          { evaluationId: cleared.evaluation.evaluationId, outcome: 'NO_MATCH', advisoryIds: [] },
        ],
      ]),
    );
  });

  it('drops the advisories of an evaluation that came second', async () => {
    const of = await assessed();
    const [first, second] = [rowsOf(of, 'one'), rowsOf(of, 'one', 'two')];
    await within((store) => store.keepEvaluations([first.evaluation], first.advisories));
    await within((store) => store.keepEvaluations([second.evaluation], second.advisories));
    const standing = await within((store) => store.standing([of.assessmentId]));
    expect(standing.get(of.assessmentId)?.advisoryIds).toEqual([first.advisories[0]?.advisoryId]);
  });

  it('knows the policies in force by a stamp that changes with each of them', async () => {
    const stamp = async () => (await within((store) => store.policiesInForce())).stamp;
    const before = await stamp();
    expect(await stamp()).toBe(before);
    expect(await within((store) => store.loadPolicies())).toHaveLength(2);
    await database.load([policyOf('two', { version: 2 })]);
    expect(await stamp()).not.toBe(before);
    const loaded = await within((store) => store.loadPolicies());
    expect(loaded.toSorted((one, other) => (one.name < other.name ? -1 : 1))).toEqual([
      storedPolicyOf(policyOf('one')),
      storedPolicyOf(policyOf('two', { version: 2 })),
    ]);
  });

  it('cannot see what is not its own', async () => {
    const forbidden = ['risk.risk_assessment', 'event.event_payload', 'policy.policy'];
    for (const table of forbidden) {
      const read = advisory.transact((tx) => sql`select from ${sql.raw(table)}`.execute(tx));
      await expect(read).rejects.toMatchObject({ code: '42501' });
    }
  });
});
