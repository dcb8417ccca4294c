/**
 * The hops of the plain chain, each one transaction for one event. The rows are ours to the digest, since they are written
 * by our stores; the ledger's entry is made by our own actor, because a batch of one is what there is to write.
 */
import { createLedgerActor } from '../../src/actors/ledger.ts';
import { type AssessedEvent, evaluate } from '../../src/domain/advisory.ts';
import type { Domain } from '../../src/domain/domains.ts';
import { newSalt } from '../../src/domain/digest.ts';
import type { AcceptedEvent } from '../../src/domain/event.ts';
import {
  advisoryIdOf,
  type AssessmentId,
  assessmentIdOf,
  type EvaluationId,
  evaluationIdOf,
  type EventId,
} from '../../src/domain/ids.ts';
import { arrangePolicies, compilePolicy, type PolicySet } from '../../src/domain/policy.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import { startRound } from '../../src/domain/review.ts';
import { compileRiskModel, DEFAULT_CONTEXT, type RiskModel } from '../../src/domain/risk.ts';
import { admit, readInbound, sourcesClaimed } from '../../src/domain/source.ts';
import { systemClock } from '../../src/domain/time.ts';
import type { Message } from '../../src/queues/messages.ts';
import { sourceKinds } from '../../src/sources/sources.ts';
import { openAdvisoryStore } from '../../src/stores/advisory.ts';
import type { Database } from '../../src/stores/database.ts';
import { openDecisionStore } from '../../src/stores/decision.ts';
import { openEventStore } from '../../src/stores/event.ts';
import { openLedgerStore } from '../../src/stores/ledger.ts';
import { openRiskStore } from '../../src/stores/risk.ts';
import { openDomain } from '../load/house.ts';

export type PlainQueue = 'ingest' | 'risk' | 'advisory' | 'awaiting-decision' | 'ledger';
/** What follows from one event at one hop. */
export type Next = readonly { readonly queue: PlainQueue; readonly message: object }[];

export interface PlainHops {
  /** What the worker of each queue does with a message. */
  readonly hops: Readonly<Record<PlainQueue, (message: never) => Promise<Next>>>;
  close(): Promise<void>;
}

/** Model and policies are read here, once: no event needs them read again. */
export async function openPlainHops(url: string, connectionsMax: number): Promise<PlainHops> {
  const open = (domain: Domain) => openDomain(url, domain, connectionsMax);
  const databases = {
    event: open('event'),
    risk: open('risk'),
    advisory: open('advisory'),
    decision: open('decision'),
    ledger: open('ledger'),
  };
  return {
    hops: {
      ingest: (message: Message<'ingest'>) => ingest(databases.event, message),
      risk: weighing(databases.risk, await loadModel(databases.risk)),
      advisory: evaluating(databases.advisory, await loadPolicies(databases.advisory)),
      'awaiting-decision': ({ id }: { id: EvaluationId }) => openReviews(databases.decision, id),
      ledger: recording(databases.ledger),
    },
    async close() {
      await Promise.all(Object.values(databases).map((database) => database.close()));
    },
  };
}

/** Proves where the event comes from and keeps it. */
async function ingest(database: Database, message: Message<'ingest'>): Promise<Next> {
  const statement = readInbound(sourceKinds, message);
  if ('batch' in statement) throw new TypeError('the benchmark sends one event in a message');
  const accepted = await database.transact(async (tx): Promise<AcceptedEvent> => {
    const store = openEventStore(tx);
    const sources = await store.sourcesByName(sourcesClaimed([statement]));
    const [verdict] = admit([statement], sources, 'queue', systemClock.now());
    if (verdict === undefined || isRefusal(verdict)) throw new Error(JSON.stringify(verdict));
    await store.keepEvents([verdict]);
    return verdict;
  });
  const { eventId } = accepted;
  return [
    { queue: 'risk', message: { eventId } },
    { queue: 'ledger', message: { type: 'EVENT', id: eventId } },
  ];
}

/** Assesses the event. */
function weighing(database: Database, model: RiskModel) {
  return async ({ eventId }: { eventId: EventId }): Promise<Next> => {
    const assessmentId = assessmentIdOf(eventId, DEFAULT_CONTEXT);
    await database.transact(async (tx) => {
      const store = openRiskStore(tx);
      const [event] = await store.eventsById([eventId]);
      const { source, externalId: id, type, subject, occurredAt: time, data } = event!;
      const fact = { source, id, type, subject, time, data };
      await store.keepAssessments([
        {
          ...(await model.weigh(fact)),
          assessmentId,
          eventId,
          context: DEFAULT_CONTEXT,
          modelId: model.modelId,
          modelVersion: model.version,
          evaluatedAt: systemClock.now(),
          salt: newSalt(),
        },
      ]);
    });
    return [
      { queue: 'advisory', message: { assessmentId } },
      { queue: 'ledger', message: { type: 'RISK_ASSESSMENT', id: assessmentId } },
    ];
  };
}

/** Puts the event to the policies and keeps what they say. */
function evaluating(database: Database, policies: PolicySet) {
  return async ({ assessmentId }: { assessmentId: AssessmentId }): Promise<Next> => {
    const evaluationId = evaluationIdOf(assessmentId);
    const { outcome, advisoryIds } = await database.transact(async (tx) => {
      const store = openAdvisoryStore(tx);
      const [stored] = await store.assessedEvents([assessmentId]);
      const { eventId } = stored!;
      const evaluation = await evaluate(assessedEvent(stored!), policies);
      const at = systemClock.now();
      const advisories = evaluation.proposals.map((proposal) => ({
        ...proposal,
        advisoryId: advisoryIdOf(evaluationId, proposal.policyId),
        eventId,
        evaluationId,
        assessmentId,
        advisoryVersion: 1,
        createdAt: at,
        salt: newSalt(),
      }));
      const { asked } = evaluation;
      const kept = { evaluationId, eventId, assessmentId, asked, evaluatedAt: at };
      await store.keepEvaluations([{ ...kept, outcome: evaluation.outcome }], advisories);
      const advisoryIds = advisories.map(({ advisoryId }) => advisoryId);
      return { outcome: evaluation.outcome, advisoryIds };
    });
    if (outcome === 'NO_MATCH') {
      return [{ queue: 'ledger', message: { type: 'EVALUATION', id: evaluationId } }];
    }
    return [
      { queue: 'awaiting-decision', message: { id: evaluationId } },
      ...advisoryIds.map((id) => ({ queue: 'ledger' as const, message: { type: 'ADVISORY', id } })),
    ];
  };
}

type StoredEvent = Awaited<
  ReturnType<ReturnType<typeof openAdvisoryStore>['assessedEvents']>
>[number];

function assessedEvent(stored: StoredEvent): AssessedEvent {
  const { source, externalId: id, type, subject, occurredAt: time, data } = stored;
  const { score, level, contributions } = stored;
  const held = contributions.filter((contribution) => contribution.held === true);
  return {
    facts: {
      event: { source, id, type, subject, time, data },
      risk: {
        score: score === null ? null : Number(score),
        level,
        contributions: held.map(({ factor, points }) => ({ factor, points })),
      },
    },
    assessment: { score, level, contributions },
  };
}

/** Opens the reviews of one evaluation. */
async function openReviews(database: Database, evaluationId: EvaluationId): Promise<Next> {
  await database.transact(async (tx) => {
    const store = openDecisionStore(tx);
    const advisories = await store.advisoriesOf([evaluationId]);
    await store.openReviews(
      advisories.map((advisory) => ({ advisory, round: startRound(advisory, 1) })),
    );
  });
  return [];
}

/** One fact, one entry, one transaction. */
function recording(database: Database) {
  const actor = createLedgerActor({ onFactConflict: () => undefined });
  return async (message: Message<'ledger'>): Promise<Next> => {
    await database.transact((tx) => actor.receive([message], openLedgerStore(tx), systemClock));
    return [];
  };
}

async function loadModel(database: Database): Promise<RiskModel> {
  const stored = await database.transact((tx) => openRiskStore(tx).loadModel(DEFAULT_CONTEXT));
  return compileRiskModel(stored!);
}

async function loadPolicies(database: Database): Promise<PolicySet> {
  const stored = await database.transact((tx) => openAdvisoryStore(tx).loadPolicies());
  return arrangePolicies(stored.map(compilePolicy));
}
