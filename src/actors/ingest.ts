/**
 * Takes in what sources send: reads it by the kind of its source, lets it prove where it comes from, keeps it once.
 * `takeIn` serves the queue here and HTTP in intake.ts, so that both accept and refuse the same.
 */
import type { AcceptedEvent, Verdict } from '../domain/event.ts';
import type { EventId } from '../domain/ids.ts';
import { isRefusal, refuse } from '../domain/problem.ts';
import {
  admit,
  readInbound,
  type Statement,
  sourcesClaimed,
  type Transport,
} from '../domain/source.ts';
import type { Clock } from '../domain/time.ts';
import type { Message } from '../queues/messages.ts';
import { sourceKinds } from '../sources/sources.ts';
import { type EventStore, openEventStore, type StandingEvent } from '../stores/event.ts';
import { type Actor, forward, type Outcome, reject } from './actor.ts';
import type { Failpoint } from './failpoint.ts';

/**
 * Judges and keeps what messages state: one verdict for each statement, in order. Durable at the COMMIT of the store's
 * transaction. Refusals beside those of the reading and of `admit`: `conflict`.
 */
export async function takeIn(
  statements: readonly Statement[],
  transport: Transport,
  store: EventStore,
  clock: Clock,
  failpoint?: Failpoint<'upstream_read'>,
): Promise<readonly Verdict[]> {
  const sources = await store.sourcesByName(sourcesClaimed(statements));
  await failpoint?.('upstream_read');
  const admitted = admit(statements, sources, transport, clock.now());
  const accepted = admitted.flatMap((event) => (isRefusal(event) ? [] : [event]));
  const standing = await store.keepEvents(accepted);
  const seen = new Set<EventId>();
  return admitted.map((event) => (isRefusal(event) ? event : verdictOn(event, standing, seen)));
}

/** `seen` tells the event that was kept from its repeats within the same batch. */
function verdictOn(
  { eventId, source, externalId, contentDigest }: AcceptedEvent,
  standing: ReadonlyMap<EventId, StandingEvent>,
  seen: Set<EventId>,
): Verdict {
  const stands = standing.get(eventId);
  if (stands === undefined) throw new TypeError(`event ${eventId} is not kept and does not stand`);
  if (stands.contentDigest !== contentDigest) {
    const digests = { stored_digest: stands.contentDigest, sent_digest: contentDigest };
    return refuse(
      'conflict',
      `stored under this id is content ${stands.contentDigest}, sent was ${contentDigest}`,
      { source, externalId, members: digests },
    );
  }
  const isRepeat = !stands.isNew || seen.has(eventId);
  seen.add(eventId);
  return { kind: 'kept', eventId, contentDigest, isRepeat };
}

/** Rejects with the reasons of `takeIn`, and a message that holds several events as `batch_on_queue`. */
export const ingestActor: Actor<'ingest', EventStore> = {
  queue: 'ingest',
  domain: 'event',
  openStore: openEventStore,
  async receive(messages, store, clock, failpoint) {
    const statements = messages.map(oneStatement);
    const verdicts = await takeIn(statements, 'queue', store, clock, failpoint);
    return verdicts.map(outcomeOf);
  },
};

/** A message has one outcome, so it must hold one event; a job may hold many messages. */
function oneStatement(message: Message<'ingest'>): Statement {
  const read = readInbound(sourceKinds, message);
  if (!('batch' in read)) return read;
  const claim = refuse('batch_on_queue', `the message is a batch of ${read.batch.length} events`);
  return { inbound: message, kind: undefined, text: message.body, claim };
}

/** A repeat is forwarded again: what followed the first time may have been lost. */
function outcomeOf(verdict: Verdict): Outcome<'ingest'> {
  if (isRefusal(verdict)) {
    const { reason, detail, source, externalId } = verdict;
    return reject(reason, detail, { source, externalId });
  }
  return forward<'risk' | 'ledger'>(
    { queue: 'risk', message: { eventId: verdict.eventId } },
    { queue: 'ledger', message: { type: 'EVENT', id: verdict.eventId } },
  );
}
