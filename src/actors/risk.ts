/**
 * Weighs events under the risk model in force. What cannot be weighed goes on as UNKNOWN: no model in force, a model that
 * cannot be used, a factor that could not be answered. Only an id that names no event is refused.
 */
import { newSalt } from '../domain/digest.ts';
import { type AssessmentId, assessmentIdOf, type EventId } from '../domain/ids.ts';
import {
  type Assessment,
  compileRiskModel,
  DEFAULT_CONTEXT,
  type RiskModel,
  unweighed,
} from '../domain/risk.ts';
import type { EventFact } from '../domain/rules.ts';
import type { Timestamp } from '../domain/time.ts';
import { type EventToWeigh, openRiskStore, type RiskStore } from '../stores/risk.ts';
import { type Actor, forward, type Outcome, reject } from './actor.ts';
import { createPause } from './pause.ts';

/**
 * Rejects: unknown_id. Keeps the compiled model between batches, and asks the database in every batch whether it is
 * still the one in force.
 */
export function createRiskActor(): Actor<'risk', RiskStore> {
  const models = modelCache();
  return {
    queue: 'risk',
    domain: 'risk',
    openStore: openRiskStore,
    async receive(messages, store, _clock, failpoint) {
      const ids = [...new Set(messages.map(({ eventId }) => eventId as EventId))];
      const standing = await store.standing(ids, DEFAULT_CONTEXT);
      const events = await store.eventsById(ids.filter((id) => !standing.has(id)));
      await failpoint?.('upstream_read');
      if (events.length === 0) return messages.map(({ eventId }) => outcomeOf(eventId, standing));
      const { model, at } = await models.inForce(store);
      await store.keepAssessments(await weighAll(events, model, at));
      // Another worker may have been first; what is stored is what goes on.
      const kept = await store.standing(ids, DEFAULT_CONTEXT);
      return messages.map(({ eventId }) => outcomeOf(eventId, kept));
    },
  };
}

function modelCache() {
  let held: { readonly stamp: string; readonly model: RiskModel } | undefined;
  return {
    /** Undefined when no model is in force. */
    async inForce(store: RiskStore): Promise<{ model: RiskModel | undefined; at: Timestamp }> {
      const { stamp, at } = await store.modelInForce(DEFAULT_CONTEXT);
      if (stamp === null) return { model: undefined, at };
      if (held?.stamp !== stamp) {
        const stored = await store.loadModel(DEFAULT_CONTEXT);
        if (stored === undefined)
          throw new TypeError(`the model ${stamp} is in force and not there`);
        held = { stamp, model: compileRiskModel(stored) };
      }
      return { model: held.model, at };
    },
  };
}

async function weighAll(
  events: readonly EventToWeigh[],
  model: RiskModel | undefined,
  evaluatedAt: Timestamp,
): Promise<readonly Assessment[]> {
  const assessments: Assessment[] = [];
  const pause = createPause();
  for (const event of events) {
    const weighing = (await model?.weigh(factOf(event))) ?? unweighed('no risk model is in force');
    assessments.push({
      ...weighing,
      assessmentId: assessmentIdOf(event.eventId, DEFAULT_CONTEXT),
      eventId: event.eventId,
      context: DEFAULT_CONTEXT,
      modelId: model?.modelId ?? null,
      modelVersion: model?.version ?? null,
      evaluatedAt,
      salt: newSalt(),
    });
    await pause();
  }
  return assessments;
}

function factOf({ source, externalId, type, subject, occurredAt, data }: EventToWeigh): EventFact {
  return { source, id: externalId, type, subject, time: occurredAt, data };
}

function outcomeOf(eventId: string, standing: ReadonlyMap<EventId, AssessmentId>): Outcome<'risk'> {
  const assessmentId = standing.get(eventId as EventId);
  if (assessmentId === undefined) return reject('unknown_id', `no event ${eventId} is stored`);
  return forward<'advisory' | 'ledger'>(
    { queue: 'advisory', message: { assessmentId } },
    { queue: 'ledger', message: { type: 'RISK_ASSESSMENT', id: assessmentId } },
  );
}
