/**
 * The HTTP side of the ingest stage. Requests that arrive while one transaction runs share the next one, as jobs do.
 *
 *     read     by the kind of the source; what a message states is known, nothing of it is proven
 *     commit   events, and the dead letters of what was refused, in one transaction
 *     COMMIT   from here an event is kept for ever and may be answered with 202
 *     hand on  to risk and ledger. When the queue store is down the answer is 202 all the same: the event is on record,
 *              and whoever repairs the gap sends it again
 */
import { sha256 } from '../domain/digest.ts';
import type { Verdict } from '../domain/event.ts';
import type { EventId } from '../domain/ids.ts';
import type { Log } from '../domain/log.ts';
import { isRefusal, type Refusal, refuse } from '../domain/problem.ts';
import { type Batch, type Inbound, readInbound, type Statement } from '../domain/source.ts';
import type { Clock } from '../domain/time.ts';
import { BATCH_MESSAGES_MAX } from '../queues/messages.ts';
import { sourceKinds } from '../sources/sources.ts';
import type { Database, Tx } from '../stores/database.ts';
import { type DeadLetter, keepDeadLetters } from '../stores/dead-letter.ts';
import { openEventStore } from '../stores/event.ts';
import { type CommitFault, commitSurely } from './commit.ts';
import type { Failpoint, PointOf } from './failpoint.ts';
import { errorClassOf, faultOf } from './fault.ts';
import { takeIn } from './ingest.ts';
import { CONTENT_KEPT_BYTES } from './letters.ts';
import { createMailbox } from './mailbox.ts';
import { HAND_ON_MS_MAX, within } from './time-limit.ts';

export interface IntakeOptions {
  /** Sessions of the event domain. */
  readonly database: Database;
  /** Sends events on to the queues that follow `ingest`. */
  readonly handOn: (eventIds: readonly EventId[]) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly failpoint?: Failpoint<PointOf<'intake'>> | undefined;
}

/**
 * Beside what `takeIn` refuses, verdicts say when there is none: `unavailable` and `internal` (certainly not kept), and
 * `outcome_unknown` (perhaps kept, so the client may not be told that it was not).
 */
export interface Intake {
  /** Resolves after COMMIT. */
  take(inbound: Inbound): Promise<Verdict | Batch<Verdict>>;
  /** Keeps what was refused before it became a message. Resolves with the refusal, or with why it cannot be kept. */
  keepRefused(refusal: Refusal, content: RefusedContent): Promise<Refusal>;
}

export interface RefusedContent {
  /** Null where the body was not read. */
  readonly bytes: Buffer | null;
  /** Length of the whole, as far as it is known. */
  readonly length: number;
  /** What came with the bytes, where they are the body of a message. */
  readonly inbound?: Omit<Inbound, 'body'>;
}

export function createIntake(options: IntakeOptions): Intake {
  const { database, handOn, clock, log, failpoint } = options;
  const watch = failpoint && { commitSent: () => failpoint('commit_sent') };
  const mailbox = createMailbox(receive, {
    deliveriesMax: BATCH_MESSAGES_MAX,
    messagesMax: BATCH_MESSAGES_MAX,
  });

  async function receive(statements: readonly Statement[]): Promise<readonly Verdict[]> {
    const verdicts = await settle(statements);
    // Durable from here: events and dead letters. Not yet sent: the events' successors.
    const kept = verdicts.flatMap((verdict) => (isRefusal(verdict) ? [] : [verdict.eventId]));
    if (kept.length > 0) await tryHandOn([...new Set(kept)]);
    return verdicts;
  }

  /** On a fault that may lie in one of them the others go on without it, each half in a transaction of its own. */
  async function settle(statements: readonly Statement[]): Promise<readonly Verdict[]> {
    try {
      return await commitSurely(database, (tx) => keep(tx, statements), watch);
    } catch (error) {
      const fault = error as CommitFault;
      if (fault.code !== 'failed') return statements.map(() => refusalOf(fault));
      if (statements.length === 1) return [await endAlone(statements[0]!, fault.cause)];
      const middle = Math.ceil(statements.length / 2);
      return [
        ...(await settle(statements.slice(0, middle))),
        ...(await settle(statements.slice(middle))),
      ];
    }
  }

  async function keep(tx: Tx, statements: readonly Statement[]): Promise<readonly Verdict[]> {
    const verdicts = await takeIn(statements, 'http', openEventStore(tx), clock);
    const letters = verdicts.flatMap((verdict, index) =>
      isRefusal(verdict) ? [letterOf(verdict, contentOf(statements[index]!))] : [],
    );
    await keepDeadLetters(tx, letters);
    await failpoint?.('before_commit');
    return verdicts;
  }

  /** What Postgres will not store is refused for good; anything else is a fault of ours, and the client may retry. */
  function endAlone(statement: Statement, cause: unknown): Promise<Refusal> {
    log.error({ error: cause }, 'an event could not be kept');
    const errorClass = errorClassOf(cause);
    return faultOf(cause) === 'data'
      ? keepRefused(
          refuse('refused_by_database', `Postgres refuses it: ${errorClass}`),
          contentOf(statement),
          errorClass,
        )
      : Promise.resolve(refuse('internal', 'the event could not be kept'));
  }

  async function keepRefused(
    refusal: Refusal,
    content: RefusedContent,
    errorClass?: string,
  ): Promise<Refusal> {
    const letter = { ...letterOf(refusal, content), errorClass };
    try {
      await commitSurely(database, (tx) => keepDeadLetters(tx, [letter]));
      return refusal;
    } catch (error) {
      return refusalOf(error as CommitFault);
    }
  }

  /** The events are on record: when this fails nothing is lost, and nobody has to send them again. */
  async function tryHandOn(eventIds: readonly EventId[]): Promise<void> {
    try {
      await failpoint?.('after_commit');
      await within(HAND_ON_MS_MAX, handOn(eventIds));
      await failpoint?.('enqueued');
    } catch (error) {
      log.warn({ events: eventIds.length, error: errorClassOf(error) }, 'events not handed on');
    }
  }

  return {
    async take(inbound) {
      await failpoint?.('received');
      const read = readInbound(sourceKinds, inbound);
      if (!('batch' in read)) return (await mailbox.put([read]))[0]!;
      return { batch: read.batch.length === 0 ? [] : await mailbox.put(read.batch) };
    },
    keepRefused,
  };
}

function refusalOf({ code }: CommitFault): Refusal {
  if (code === 'unavailable') return refuse(code, 'the database does not answer');
  if (code === 'unknown') return refuse('outcome_unknown', 'the database did not say what it did');
  return refuse('internal', 'the request could not be recorded');
}

/** A part of a batch is a message by itself, without the headers, which spoke for the whole batch. */
function contentOf({ text, inbound: { body, kind, source, headers } }: Statement): RefusedContent {
  const bytes = Buffer.from(text);
  const inbound = text === body ? { kind, source, headers } : { kind, source };
  return { bytes, length: bytes.length, inbound };
}

function letterOf(
  refusal: Refusal,
  { bytes, length, inbound: { kind, source, headers } = {} }: RefusedContent,
): DeadLetter {
  return {
    queue: 'ingest',
    messageId: null,
    source: refusal.source ?? source ?? null,
    externalId: refusal.externalId ?? null,
    reason: refusal.reason,
    detail: refusal.detail,
    claims: 1,
    content: bytes?.subarray(0, CONTENT_KEPT_BYTES) ?? null,
    contentBytes: length,
    contentSha256: bytes === null ? null : sha256(bytes),
    kind,
    headers,
  };
}
