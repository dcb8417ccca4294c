/**
 * Puts assessed events to the policies in force and writes the advisories that follow. An event on which no policy fires
 * ends here, in the ledger, with the policy versions that were asked.
 *
 * Without any policy in force nothing is evaluated: "no policy objected" would be a lie. The same holds for an event of
 * unknown risk that no policy takes up, since it must reach people. Both wait and go on by themselves once there are
 * policies (examples/policies/unknown-risk.yaml is the one for the latter).
 */
import {
  type Advisory,
  type AssessedEvent,
  type Evaluation,
  evaluate,
  type KeptEvaluation,
} from '../domain/advisory.ts';
import { newSalt } from '../domain/digest.ts';
import { advisoryIdOf, type AssessmentId, evaluationIdOf } from '../domain/ids.ts';
import { arrangePolicies, compilePolicy, type Policy, type PolicySet } from '../domain/policy.ts';
import type { Timestamp } from '../domain/time.ts';
import {
  type AdvisoryStore,
  type EventToEvaluate,
  openAdvisoryStore,
  type StandingEvaluation,
} from '../stores/advisory.ts';
import { type Actor, forward, type HandOff, type Outcome, reject, Unavailable } from './actor.ts';
import { createPause } from './pause.ts';

/**
 * Rejects: unknown_id. Throws Unavailable when policies are missing. Keeps the compiled policies between batches, and asks
 * the database in every batch whether they are still those in force.
 */
export function createAdvisoryActor(): Actor<'advisory', AdvisoryStore> {
  const policies = policyCache();
  return {
    queue: 'advisory',
    domain: 'advisory',
    openStore: openAdvisoryStore,
    async receive(messages, store, _clock, failpoint) {
      const ids = [...new Set(messages.map(({ assessmentId }) => assessmentId as AssessmentId))];
      const standing = await store.standing(ids);
      const events = await store.assessedEvents(ids.filter((id) => !standing.has(id)));
      await failpoint?.('upstream_read');
      if (events.length === 0) return messages.map((message) => outcomeOf(message, standing));
      const { set, at } = await policies.inForce(store);
      const { evaluations, advisories } = await evaluateAll(events, set, at);
      await store.keepEvaluations(evaluations, advisories);
      // Another worker may have been first; what is stored is what goes on.
      const kept = await store.standing(ids);
      return messages.map((message) => outcomeOf(message, kept));
    },
  };
}

function policyCache() {
  let held: { readonly stamp: string; readonly set: PolicySet } | undefined;
  /** By id, version and digest: when one policy changes, the others need not be compiled again. */
  let compiled: ReadonlyMap<string, Policy> = new Map();

  async function load(store: AdvisoryStore): Promise<PolicySet> {
    const stored = await store.loadPolicies();
    compiled = new Map(
      stored.map((policy) => {
        const key = `${policy.policyId}@${policy.version} ${policy.definitionSha256}`;
        return [key, compiled.get(key) ?? compilePolicy(policy)];
      }),
    );
    return arrangePolicies([...compiled.values()]);
  }

  return {
    async inForce(store: AdvisoryStore): Promise<{ set: PolicySet; at: Timestamp }> {
      const { stamp, at } = await store.policiesInForce();
      if (held?.stamp !== stamp) held = { stamp, set: await load(store) };
      if (held.set.size === 0) throw new Unavailable('no policy is in force');
      return { set: held.set, at };
    },
  };
}

async function evaluateAll(
  events: readonly EventToEvaluate[],
  policies: PolicySet,
  at: Timestamp,
): Promise<{ evaluations: readonly KeptEvaluation[]; advisories: readonly Advisory[] }> {
  const evaluations: KeptEvaluation[] = [];
  const advisories: Advisory[] = [];
  const pause = createPause();
  for (const event of events) {
    const evaluation = await evaluate(assessedEventOf(event), policies);
    if (event.level === 'UNKNOWN' && evaluation.outcome === 'NO_MATCH') {
      throw new Unavailable(`no policy in force takes up events of unknown risk (${event.type})`);
    }
    evaluations.push(keptEvaluation(event, evaluation, at));
    advisories.push(...advisoriesOf(event, evaluation, at));
    await pause();
  }
  return { evaluations, advisories };
}

function assessedEventOf(event: EventToEvaluate): AssessedEvent {
  const { source, externalId, type, subject, occurredAt, data, score, level, contributions } =
    event;
  const held = contributions.filter((contribution) => contribution.held === true);
  return {
    facts: {
      event: { source, id: externalId, type, subject, time: occurredAt, data },
      risk: {
        score: score === null ? null : Number(score),
        level,
        contributions: held.map(({ factor, points }) => ({ factor, points })),
      },
    },
    assessment: { score, level, contributions },
  };
}

function keptEvaluation(
  { assessmentId, eventId }: EventToEvaluate,
  { outcome, asked }: Evaluation,
  evaluatedAt: Timestamp,
): KeptEvaluation {
  const evaluationId = evaluationIdOf(assessmentId);
  return { evaluationId, eventId, assessmentId, outcome, asked, evaluatedAt };
}

function advisoriesOf(
  { assessmentId, eventId }: EventToEvaluate,
  { proposals }: Evaluation,
  createdAt: Timestamp,
): readonly Advisory[] {
  const evaluationId = evaluationIdOf(assessmentId);
  return proposals.map((proposal) => ({
    ...proposal,
    advisoryId: advisoryIdOf(evaluationId, proposal.policyId),
    eventId,
    evaluationId,
    assessmentId,
    advisoryVersion: 1,
    createdAt,
    salt: newSalt(),
  }));
}

function outcomeOf(
  { assessmentId }: { readonly assessmentId: string },
  standing: ReadonlyMap<AssessmentId, StandingEvaluation>,
): Outcome<'advisory'> {
  const evaluation = standing.get(assessmentId as AssessmentId);
  if (evaluation === undefined) {
    return reject('unknown_id', `no assessment ${assessmentId} is stored`);
  }
  const { evaluationId: id, outcome, advisoryIds } = evaluation;
  if (outcome === 'NO_MATCH') {
    return forward<'ledger'>({ queue: 'ledger', message: { type: 'EVALUATION', id } });
  }
  const facts = advisoryIds.map(
    (advisoryId): HandOff<'ledger'> => ({
      queue: 'ledger',
      message: { type: 'ADVISORY', id: advisoryId },
    }),
  );
  return forward<'awaiting-decision' | 'ledger'>(
    { queue: 'awaiting-decision', message: { type: 'EVALUATION', id } },
    ...facts,
  );
}
