/**
 * Tells people of reviews, by the routes of the notifications file.
 *
 *     note       every occasion since the last look becomes a row: new, due soon, escalated, decided
 *     compose    messages for what waits, each by itself or gathered into a digest; kept with their bytes
 *     claim      what is due, for the time of a call
 *     send       by webhook or mail
 *     record     how it ended: sent, given up, or again later
 *
 * What it may do twice: send. When it ends between a call and its record, the claim lapses and the message goes out once
 * more, with the same id and bytes: `webhook-id` of a webhook, `Message-ID` of a mail, by which a receiver that looks can
 * tell. What it never does: lose an occasion, since each is a row before anything is sent.
 * Start as many as you like: they take what others have not locked.
 */
import { type Delivery, stepAfter } from '../domain/delivery.ts';
import type { Log } from '../domain/log.ts';
import { composeMessages, type NotificationRoute } from '../domain/notification.ts';
import { type Clock, epochMsOf } from '../domain/time.ts';
import type { Database } from '../stores/database.ts';
import {
  type ClaimedMessage,
  type EndedMessage,
  openNotificationStore,
} from '../stores/notification.ts';
import type { Channel } from '../targets/channel.ts';
import type { Failpoint, PointOf } from './failpoint.ts';
import { errorClassOf } from './fault.ts';
import { createWatch, type Watch } from './watch.ts';

export interface NotifierOptions {
  /** Sessions of the decision domain. */
  readonly database: Database;
  readonly routes: readonly NotificationRoute[];
  /** One for each route, under its name. */
  readonly channels: ReadonlyMap<string, Channel>;
  readonly clock: Clock;
  readonly log: Log;
  readonly intervalMs?: number;
  /** Told of each look that has ended, with how many messages it has sent. */
  readonly onLook?: (sent: number) => void;
  readonly failpoint?: Failpoint<PointOf<'notifier'>> | undefined;
}

const INTERVAL_MS = 5_000;
/** Occasions that become messages in one transaction, and messages that are sent at the same time. */
const COMPOSED_MAX = 200;
const CLAIMED_MAX = 20;
const CALL_MS_MAX = 20_000;
/** Longer than a call, so that nobody takes a message that is being sent. */
const CLAIM_MS = 60_000;

export function createNotifier(options: NotifierOptions): Watch {
  const { database, routes, channels, clock, log, failpoint } = options;
  const names = routes.map(({ name }) => name);

  async function look(): Promise<void> {
    try {
      await inStore((store) => store.note(routes));
      // Durable from here: the occasions.
      await failpoint?.('noted');
      while (await compose());
      await failpoint?.('composed');
      let sent = 0;
      for (let some = await sendDue(); some > 0; some = await sendDue()) sent += some;
      options.onLook?.(sent);
    } catch (error) {
      log.warn({ error: errorClassOf(error) }, 'notifier: a look failed, the next one tries again');
    }
  }

  /** Whether there may be more. */
  function compose(): Promise<boolean> {
    return inStore(async (store) => {
      const untold = await store.untold(routes, COMPOSED_MAX);
      const byRoute = Map.groupBy(untold, ({ route }) => route);
      const messages = routes.flatMap((route) =>
        composeMessages(route, byRoute.get(route.name) ?? []),
      );
      if (messages.length > 0) await store.keepMessages(messages);
      // Durable once this commits: the messages, byte for byte. Nothing has been sent.
      return untold.length === COMPOSED_MAX;
    });
  }

  /** How many it has tried to send. */
  async function sendDue(): Promise<number> {
    const claimed = await inStore((store) => store.claim(names, CLAIMED_MAX, CLAIM_MS));
    await failpoint?.('claimed');
    await Promise.all(claimed.map(sendAndRecord));
    return claimed.length;
  }

  async function sendAndRecord(message: ClaimedMessage): Promise<void> {
    const delivery = await deliver(message);
    await failpoint?.('sent');
    const ended = endOf(message, delivery);
    await inStore((store) => store.end(ended));
    const { messageId, route } = message;
    if (ended.outcome !== 'sent') {
      log.warn({ messageId, route, detail: ended.detail, outcome: ended.outcome }, 'not notified');
    }
  }

  async function deliver(message: ClaimedMessage): Promise<Delivery> {
    const timeUp = new AbortController();
    const timer = setTimeout(() => timeUp.abort(new Error('timed out')), CALL_MS_MAX);
    try {
      const channel = channels.get(message.route)!;
      return await channel.deliver(message, epochMsOf(clock.now()), timeUp.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  function inStore<T>(
    work: (store: ReturnType<typeof openNotificationStore>) => Promise<T>,
  ): Promise<T> {
    return database.transact((tx) => work(openNotificationStore(tx)));
  }

  return createWatch(options.intervalMs ?? INTERVAL_MS, look);
}

/** Retries as executions do. A repeat is harmless: it carries the id of the first. */
function endOf({ messageId, attemptNo }: ClaimedMessage, delivery: Delivery): EndedMessage {
  const step = stepAfter(
    { delivery, attemptNo, earlierUnknown: false, idempotent: true, remainingMs: Infinity },
    Math.random(),
  );
  const common = { messageId, attemptNo, detail: delivery.detail };
  if (step.kind === 'again') return { ...common, outcome: 'again', delayMs: step.delayMs };
  return { ...common, outcome: step.status === 'acknowledged' ? 'sent' : 'given up', delayMs: 0 };
}
