/**
 * What a person does about a dead letter: has it sent again, as it is, or discards it for good. Nobody edits one.
 *
 * Sent again:  COMMIT, from here the letter is closed and its redrive is on record; then the message goes to the queue of
 *              the stage that gave it up. In this order, since that stage may refuse it once more before the send has
 *              returned, which opens the letter again. When the queue store does not take it, the letter is opened here.
 *              A process that dies in between leaves a closed letter and no message. Behind ingest the reconciler then
 *              sends the id; at ingest the letter has the only copy, and whoever got no answer repeats the command, which
 *              may be done as often as one likes.
 * Discarded:   COMMIT, from here it is a fact; then its id goes to the ledger, or later by the reconciler.
 */
import {
  DISCARD_REASON_CHARACTERS_MAX,
  type DiscardedLetter,
  discardDigest,
} from '../domain/dead-letter.ts';
import { newSalt } from '../domain/digest.ts';
import type { DeadLetterId, PersonId } from '../domain/ids.ts';
import type { Log } from '../domain/log.ts';
import { isRefusal, type Refusal, refuse } from '../domain/problem.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Broker } from '../queues/broker.ts';
import { isMessageOf, type Message } from '../queues/messages.ts';
import { type QueueName, queueNames } from '../queues/pipeline.ts';
import type { Database } from '../stores/database.ts';
import {
  type DeadLetterStore,
  type LockedLetter,
  openDeadLetterStore,
} from '../stores/dead-letter.ts';
import { type CommitFault, commitSurely } from './commit.ts';
import { errorClassOf } from './fault.ts';
import { within } from './time-limit.ts';

export interface Redriven {
  readonly deadLetterId: DeadLetterId;
  readonly queue: QueueName;
  readonly redrivenAt: Timestamp;
}

export interface Discarded {
  readonly deadLetterId: DeadLetterId;
  readonly discardedAt: Timestamp;
}

/** Refusals of both: `unknown_letter`, `not_authorised`, `letter_discarded`, `unavailable`, `outcome_unknown`, `internal`. */
export interface DeadLetterCommands {
  /**
   * Sends the message again; `by` is null where nobody said who they are. Refusals: `letter_truncated`,
   * `letter_not_sendable`.
   */
  retry(deadLetterId: DeadLetterId, by: PersonId | null): Promise<Redriven | Refusal>;
  /** Closes the letter for good. Repeated by the same person it answers the same. Refusals: `letter_redriven`, `reason_required`. */
  discard(deadLetterId: DeadLetterId, reason: string, by: PersonId): Promise<Discarded | Refusal>;
}

export interface DeadLetterCommandsOptions {
  /** Sessions of the event domain. */
  readonly database: Database;
  readonly broker: Pick<Broker, 'sender'>;
  readonly log: Log;
}

/** A queue store that hangs must not hold the answers. */
const SEND_MS_MAX = 5_000;

export function createDeadLetterCommands({
  database,
  broker,
  log,
}: DeadLetterCommandsOptions): DeadLetterCommands {
  const inStore = <T>(work: (store: DeadLetterStore) => Promise<T>): Promise<T | Refusal> =>
    commitSurely(database, (tx) => work(openDeadLetterStore(tx))).catch((fault: CommitFault) =>
      refusalOf(fault),
    );

  const refusalOf = ({ code, cause }: CommitFault): Refusal => {
    log.error({ code, error: cause }, 'a dead letter could not be changed');
    if (code === 'unavailable') return refuse(code, 'the database does not answer');
    if (code === 'unknown') {
      return refuse('outcome_unknown', 'the database did not say what it did');
    }
    return refuse('internal', 'the dead letter could not be changed');
  };

  const send = <Q extends QueueName>(queue: Q, message: Message<Q>): Promise<void> =>
    within(SEND_MS_MAX, broker.sender(queue)([message]));

  return {
    async retry(deadLetterId, by) {
      const closed = await inStore((store) => close(store, deadLetterId, by));
      if (isRefusal(closed)) return closed;
      const { queue, message, redrivenAt } = closed;
      try {
        await send(queue, message);
        return { deadLetterId, queue, redrivenAt };
      } catch (error) {
        log.warn({ deadLetterId, error: errorClassOf(error) }, 'a dead letter was not sent again');
        await inStore((store) => store.reopen(deadLetterId, redrivenAt));
        return refuse('unavailable', 'the queue store does not answer; the letter is open again');
      }
    },

    async discard(deadLetterId, reason, by) {
      const discarded = await inStore((store) => discard(store, deadLetterId, reason.trim(), by));
      if (isRefusal(discarded)) return discarded;
      await send('ledger', { type: 'DEAD_LETTER', id: deadLetterId }).catch((error: unknown) =>
        log.warn({ deadLetterId, error: errorClassOf(error) }, 'a discard was not handed on'),
      );
      return discarded;
    },
  };
}

interface Closed {
  readonly queue: QueueName;
  readonly message: Message<QueueName>;
  readonly redrivenAt: Timestamp;
}

async function close(
  store: DeadLetterStore,
  deadLetterId: DeadLetterId,
  by: PersonId | null,
): Promise<Closed | Refusal> {
  const letter = await store.lock(deadLetterId);
  if (letter === undefined) return unknown();
  if (by !== null && !(await store.isOperator(by))) return notAnOperator();
  if (letter.discardedBy !== null) return refuse('letter_discarded', 'it was discarded');
  const sendable = sendableOf(letter);
  if (isRefusal(sendable)) return sendable;
  await store.redrive(deadLetterId, letter.now, by);
  return { ...sendable, redrivenAt: letter.now };
}

async function discard(
  store: DeadLetterStore,
  deadLetterId: DeadLetterId,
  discardReason: string,
  discardedBy: PersonId,
): Promise<Discarded | Refusal> {
  if (discardReason === '' || discardReason.length > DISCARD_REASON_CHARACTERS_MAX) {
    const limit = `a reason has 1 to ${DISCARD_REASON_CHARACTERS_MAX} characters`;
    return refuse('reason_required', limit);
  }
  const letter = await store.lock(deadLetterId);
  if (letter === undefined) return unknown();
  if (!(await store.isOperator(discardedBy))) return notAnOperator();
  const { now, content: _, redrivenAt, discardedAt, ...row } = letter;
  if (discardedAt !== null) {
    const isRepeat = row.discardedBy === discardedBy && row.discardReason === discardReason;
    return isRepeat
      ? { deadLetterId, discardedAt }
      : refuse('letter_discarded', 'it was discarded already');
  }
  if (redrivenAt !== null) return refuse('letter_redriven', `it was sent again at ${redrivenAt}`);
  const discarded: DiscardedLetter = {
    ...row,
    discardedAt: now,
    discardedBy,
    discardReason,
    salt: newSalt(),
  };
  await store.discard(discarded, discardDigest(discarded));
  return { deadLetterId, discardedAt: now };
}

function unknown(): Refusal {
  return refuse('unknown_letter', 'no dead letter has this id');
}

function notAnOperator(): Refusal {
  return refuse('not_authorised', 'dead letters are sent again and discarded by Operators');
}

/** Reasons of letters that hold no message, but what came in the place of one. */
const NO_MESSAGE = new Set(['unknown_job_version', 'malformed_job', 'malformed_message']);

/** The message once more, as the stage that gave it up would read it. */
function sendableOf(letter: LockedLetter): Pick<Closed, 'queue' | 'message'> | Refusal {
  const queue = queueNames.find((name) => name === letter.queue);
  if (queue === undefined || NO_MESSAGE.has(letter.reason)) return notSendable();
  const message = queue === 'ingest' ? inboundOf(letter) : messageById(queue, letter);
  if (isRefusal(message)) return message;
  return isMessageOf(queue, message) ? { queue, message } : notSendable();
}

function inboundOf({
  content,
  contentBytes,
  kind,
  source,
  headers,
}: LockedLetter): object | Refusal {
  if (content === null || content.length < contentBytes) {
    const kept = content?.length ?? 0;
    return refuse('letter_truncated', `${kept} of its ${contentBytes} bytes were kept`);
  }
  const body = content.toString('utf8');
  // What is no UTF-8 came as no message could.
  if (!Buffer.from(body).equals(content)) return notSendable();
  return {
    body,
    ...(kind === null ? {} : { kind }),
    ...(source === null ? {} : { source }),
    ...(headers === null ? {} : { headers }),
  };
}

function messageById(
  queue: Exclude<QueueName, 'ingest'>,
  { messageId: id, kind: type }: LockedLetter,
): object {
  switch (queue) {
    case 'risk':
      return { eventId: id };
    case 'advisory':
      return { assessmentId: id };
    case 'execution':
      return { decisionId: id };
    case 'awaiting-decision':
    case 'ledger':
      return { type, id };
  }
}

function notSendable(): Refusal {
  return refuse('letter_not_sendable', 'what was kept of it is no message of its queue');
}
