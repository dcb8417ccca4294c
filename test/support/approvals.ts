/**
 * Decisions that people have made and the ledger has taken, by the real actors and the real command: the permissions
 * that executions rest on.
 */
import { createDecide } from '../../src/actors/decision.ts';
import { createLedgerActor } from '../../src/actors/ledger.ts';
import { viewDigest } from '../../src/domain/decision.ts';
import type { DecisionId, EventId } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/domain/log.ts';
import { startRound } from '../../src/domain/review.ts';
import { systemClock } from '../../src/domain/time.ts';
import { openDecisionStore } from '../../src/stores/decision.ts';
import type { TestDatabase } from './database.ts';
import type { Facts } from './facts.ts';

export interface ApprovalWish {
  /** Where the command goes; `access-control` when not given. */
  readonly target?: string;
  readonly act?: 'approve' | 'reject';
  /** How long the approval may be executed, in seconds; an hour when not given. */
  readonly validForS?: number;
  /** False: the decision is final and the ledger has not heard of it. */
  readonly isLedgered?: boolean;
}

export interface Approvals {
  /** A decision on an event of its own, final and, unless told otherwise, ledgered. */
  decide(
    wish?: ApprovalWish,
  ): Promise<{ readonly decisionId: DecisionId; readonly eventId: EventId }>;
  /** Takes a decision into the ledger. */
  enterLedger(decisionId: DecisionId): Promise<void>;
}

const AN_HOUR_S = 3_600;

export async function openApprovals(database: TestDatabase, facts: Facts): Promise<Approvals> {
  const decision = database.open('decision');
  const ledger = database.open('ledger');
  const personId = await facts.person('approver.of.executions', 'Administrator');
  const decide = createDecide({ database: decision, send: async () => undefined, log: silentLog });
  const ledgerActor = createLedgerActor({
    onFactConflict: (conflict) => {
      throw new Error(`fact conflict: ${JSON.stringify(conflict)}`);
    },
  });

  const enterLedger = async (id: DecisionId): Promise<void> => {
    await ledger.transact((tx) =>
      ledgerActor.receive([{ type: 'DECISION', id }], ledgerActor.openStore(tx), systemClock),
    );
  };

  return {
    enterLedger,
    async decide({ target, act = 'approve', validForS = AN_HOUR_S, isLedgered = true } = {}) {
      const { evaluationId, eventId } = await facts.evaluation(
        target === undefined ? {} : { target },
      );
      const round = await decision.transact(async (tx) => {
        const store = openDecisionStore(tx);
        const [advisory] = await store.advisoriesOf([evaluationId]);
        const first = { ...startRound(advisory!, 1), validForS };
        const bound = { ...first, viewDigest: viewDigest({ ...advisory!, ...first }) };
        await store.openReviews([{ advisory: advisory!, round: bound }]);
        return bound;
      });
      const answer = await decide({
        personId,
        reviewId: round.reviewId,
        act,
        justification: 'It was not meant to be open.',
        viewDigest: round.viewDigest,
        ...(act === 'approve' ? { option: 'restore' } : {}),
      });
      if (!('decisionId' in answer)) throw new Error(`refused: ${JSON.stringify(answer)}`);
      if (isLedgered) await enterLedger(answer.decisionId);
      return { decisionId: answer.decisionId, eventId };
    },
  };
}
