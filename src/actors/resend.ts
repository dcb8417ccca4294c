/** Sends gaps again: to which queue, in which jobs, and not where a queue still has enough to do. */
import { sha256 } from '../domain/digest.ts';
import {
  type Gap,
  type GapsByHop,
  GRACE_EMPTY_MS,
  GRACE_MS,
  type Hop,
  hops,
} from '../domain/gap.ts';
import type { Log } from '../domain/log.ts';
import { afterSend, type Page, planResends, type Resends } from '../domain/resend.ts';
import type { Backlog, Broker, Send } from '../queues/broker.ts';
import { BATCH_MESSAGES_MAX, type Message } from '../queues/messages.ts';
import type { QueueName } from '../queues/pipeline.ts';
import type { Failpoint } from './failpoint.ts';
import { errorClassOf } from './fault.ts';
import { within } from './time-limit.ts';

export interface ResenderOptions {
  readonly broker: Broker;
  readonly log: Log;
  readonly graceMs?: number;
  /** The grace period of a hop whose queue is empty. */
  readonly graceEmptyMs?: number;
  /** Never runs backwards. */
  readonly monotonicMs?: () => number;
  readonly failpoint?: Failpoint<'mid_resend'> | undefined;
}

/** `busy`: the queue has a backlog, and waiting is not lost. `unreachable`: the queue store does not answer. */
export type HopState = 'served' | 'busy' | 'unreachable';

export interface HopPlan {
  readonly hop: Hop;
  readonly queue: QueueName;
  readonly state: HopState;
  readonly open: number;
  /** True when something is open that is too young to be sent now, and its queue is empty. */
  readonly isNextSoon: boolean;
  /** To be sent now. */
  readonly due: readonly Page[];
}

export interface HopReport extends Pick<HopPlan, 'hop' | 'state' | 'open' | 'isNextSoon'> {
  /** Messages that the queue store has taken. */
  readonly sent: number;
}

export interface Resender {
  plan(found: GapsByHop): Promise<readonly HopPlan[]>;
  /** Never rejects: what the queue store does not take now is planned again the next time. */
  send(plans: readonly HopPlan[]): Promise<readonly HopReport[]>;
}

/** Where a gap goes, and as which message. */
interface Resend<Q extends QueueName> {
  readonly queue: Q;
  readonly message: (gap: Gap) => Message<Q>;
}
type AnyResend = { [Q in QueueName]: Resend<Q> }[QueueName];

const resendOf: Readonly<Record<Hop, AnyResend>> = {
  assessment: { queue: 'risk', message: ({ id }) => ({ eventId: id }) },
  evaluation: { queue: 'advisory', message: ({ id }) => ({ assessmentId: id }) },
  review: { queue: 'awaiting-decision', message: ({ id }) => ({ type: 'EVALUATION', id }) },
  'decision-entry': { queue: 'ledger', message: ({ id }) => ({ type: 'DECISION', id }) },
  execution: { queue: 'execution', message: ({ id }) => ({ decisionId: id }) },
  entry: {
    queue: 'ledger',
    message: ({ type, id }) => {
      if (type === null) throw new TypeError(`the fact ${id} has no type`);
      return { type, id };
    },
  },
};

/** A queue store that hangs must not hold the others' turn. */
const ANSWER_MS_MAX = 5_000;

export function createResender({
  broker,
  log,
  graceMs = GRACE_MS,
  graceEmptyMs = GRACE_EMPTY_MS,
  monotonicMs = () => performance.now(),
  failpoint,
}: ResenderOptions): Resender {
  const resends = new Map<Hop, Resends>();
  const backlogOf = (queue: QueueName): Promise<Backlog | undefined> =>
    within(ANSWER_MS_MAX, broker.backlog(queue)).catch(() => undefined);

  function planHop(hop: Hop, found: GapsByHop, backlog: Backlog | undefined): HopPlan {
    const { listed, open } = found.get(hop)!;
    const { queue } = resendOf[hop];
    const state = stateOf(backlog);
    if (state !== 'served') return { hop, queue, state, open, isNextSoon: false, due: [] };
    const isEmpty = backlog?.jobs === 0;
    const rules = { graceMs: isEmpty ? graceEmptyMs : graceMs, pageMax: BATCH_MESSAGES_MAX };
    const nowMs = monotonicMs();
    const pages = planResends(resends.get(hop) ?? [], listed, nowMs, rules);
    resends.set(hop, pages);
    const isNextSoon = isEmpty && listed.some(({ ageMs }) => ageMs < rules.graceMs);
    return {
      hop,
      queue,
      state,
      open,
      isNextSoon,
      due: pages.filter(({ dueMs }) => dueMs <= nowMs),
    };
  }

  function stateOf(backlog: Backlog | undefined): HopState {
    if (backlog === undefined) return 'unreachable';
    return (backlog.oldestWaitingMs ?? 0) > graceMs ? 'busy' : 'served';
  }

  async function sendHop({ hop, due, queue }: HopPlan): Promise<number> {
    let sent = 0;
    for (const page of due) {
      const messages = page.gaps.map((gap) => resendOf[hop].message(gap));
      const send: Send<QueueName> = broker.sender<QueueName>(queue);
      await within(ANSWER_MS_MAX, send(messages, jobIdOf(page)));
      // Taken: from here the page waits its time. Had it failed, the next pass would send it again.
      resends.set(hop, replaced(resends.get(hop) ?? [], page, afterSend(page, monotonicMs())));
      if (sent === 0) await failpoint?.('mid_resend');
      sent += messages.length;
    }
    return sent;
  }

  return {
    async plan(found) {
      const queues = [...new Set(hops.map((hop) => resendOf[hop].queue))];
      const backlogs = new Map(
        await Promise.all(queues.map(async (queue) => [queue, await backlogOf(queue)] as const)),
      );
      return hops.map((hop) => planHop(hop, found, backlogs.get(resendOf[hop].queue)));
    },

    async send(plans) {
      const reports: HopReport[] = [];
      for (const plan of plans) {
        const { hop, state, open, isNextSoon } = plan;
        const report = { hop, open, isNextSoon };
        try {
          reports.push({ ...report, state, sent: await sendHop(plan) });
        } catch (error) {
          log.warn({ hop, error: errorClassOf(error) }, 'gaps could not be sent again');
          reports.push({ ...report, state: 'unreachable', sent: 0 });
        }
      }
      return reports;
    },
  };
}

/** The same ids make the same job, in whatever order they were found. Its name must not be a number nor hold a colon. */
function jobIdOf({ gaps }: Page): string {
  return `r-${sha256(
    gaps
      .map(({ id }) => id)
      .toSorted()
      .join(),
  )}`;
}

function replaced(pages: Resends, page: Page, by: Page): Resends {
  return pages.map((standing) => (standing === page ? by : standing));
}
