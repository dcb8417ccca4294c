/**
 * Opens the reviews that wait for people, and passes on to the ledger how their rounds ended. It decides nothing:
 * that is done by the decision command (decision.ts), which a person calls.
 */
import type { DecisionId, EvaluationId } from '../domain/ids.ts';
import { startRound } from '../domain/review.ts';
import type { Message } from '../queues/messages.ts';
import { type DecisionStore, openDecisionStore } from '../stores/decision.ts';
import { type Actor, forward, type Outcome, reject, settle } from './actor.ts';

/** Rejects: `unknown_id`. */
export const awaitingDecisionActor: Actor<'awaiting-decision', DecisionStore> = {
  queue: 'awaiting-decision',
  domain: 'decision',
  openStore: openDecisionStore,
  async receive(messages, store, _clock, failpoint) {
    const evaluations = await store.evaluationsAmong(idsOf<EvaluationId>('EVALUATION', messages));
    const advisories = await store.advisoriesOf([...evaluations]);
    await failpoint?.('upstream_read');
    await store.openReviews(
      advisories.map((advisory) => ({ advisory, round: startRound(advisory, 1) })),
    );
    const decisions = await store.factsAmong(idsOf<DecisionId>('DECISION', messages));
    return messages.map(({ type, id }): Outcome<'awaiting-decision'> => {
      if (type === 'EVALUATION') {
        return evaluations.has(id as EvaluationId)
          ? settle() // A review is a person's to go on with.
          : reject('unknown_id', 'no evaluation has this id');
      }
      const isFact = decisions.get(id as DecisionId);
      if (isFact === undefined) return reject('unknown_id', 'no decision has this id');
      return isFact ? forward({ queue: 'ledger', message: { type: 'DECISION', id } }) : settle();
    });
  },
};

function idsOf<Id extends string>(
  type: Message<'awaiting-decision'>['type'],
  messages: readonly Message<'awaiting-decision'>[],
): readonly Id[] {
  return messages.filter((message) => message.type === type).map(({ id }) => id as Id);
}
