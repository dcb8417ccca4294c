/** What the intake reads and keeps, within the transaction of one batch, under the role of the event domain. */
import { sql } from 'kysely';
import type { Digest } from '../domain/digest.ts';
import type { AcceptedEvent } from '../domain/event.ts';
import type { EventId } from '../domain/ids.ts';
import type { KeyAlgorithm, RegisteredSource } from '../domain/source.ts';
import type { Tx } from './database.ts';

export interface EventStore {
  /** The registered ones among `names`, with their valid keys. */
  sourcesByName(names: readonly string[]): Promise<ReadonlyMap<string, RegisteredSource>>;
  /**
   * Keeps the events that are not there yet, of several with one id the first, and returns what stands for each id:
   * the same content, or that of an earlier event. Durable at the COMMIT of the transaction.
   */
  keepEvents(events: readonly AcceptedEvent[]): Promise<ReadonlyMap<EventId, StandingEvent>>;
}

export interface StandingEvent {
  readonly contentDigest: Digest;
  /** False when it stood before this call. */
  readonly isNew: boolean;
}

export function openEventStore(tx: Tx): EventStore {
  return {
    sourcesByName: (names) => sourcesByName(tx, names),
    keepEvents: (events) => keepEvents(tx, events),
  };
}

interface SourceAndKey {
  readonly name: string;
  readonly kind: string;
  readonly signatureRequired: boolean;
  readonly queueAgeMaxS: number;
  readonly retired: boolean;
  readonly algorithm: KeyAlgorithm | null;
  readonly material: Buffer | null;
}

async function sourcesByName(
  tx: Tx,
  names: readonly string[],
): Promise<ReadonlyMap<string, RegisteredSource>> {
  if (names.length === 0) return new Map();
  const { rows } = await sql<SourceAndKey>`
    select s.source_system as "name", s.kind as "kind", s.signature_required as "signatureRequired",
      s.queue_age_max_s as "queueAgeMaxS", s.retired_at is not null as "retired",
      k.algorithm as "algorithm", k.key_material as "material"
    from event.source s
    left join event.source_signing_key k on k.source_system = s.source_system and k.retired_at is null
    where s.source_system = any(${names}::text[])
    order by s.source_system, k.created_at desc, k.source_key_id`.execute(tx);
  const sources = new Map<string, RegisteredSource>();
  for (const { algorithm, material, ...source } of rows) {
    const keys = sources.get(source.name)?.keys ?? [];
    const key = algorithm === null || material === null ? [] : [{ algorithm, material }];
    sources.set(source.name, { ...source, keys: [...keys, ...key] });
  }
  return sources;
}

async function keepEvents(
  tx: Tx,
  events: readonly AcceptedEvent[],
): Promise<ReadonlyMap<EventId, StandingEvent>> {
  if (events.length === 0) return new Map();
  const first = new Map<EventId, AcceptedEvent>();
  for (const event of events) if (!first.has(event.eventId)) first.set(event.eventId, event);
  const kept = await insertEvents(tx, [...first.values()]);
  await insertPayloads(
    tx,
    [...first.values()].filter(({ eventId }) => kept.has(eventId)),
  );
  // A second statement: it also sees what another transaction committed while the first one waited for it.
  const { rows } = await sql<{ eventId: EventId; contentDigest: Digest }>`
    select event_id as "eventId", content_digest as "contentDigest"
    from event.event where event_id = any(${[...first.keys()]}::uuid[])`.execute(tx);
  return new Map(
    rows.map(({ eventId, contentDigest }) => [
      eventId,
      { contentDigest, isNew: kept.has(eventId) },
    ]),
  );
}

/** Returns the ids of the rows that were not there. */
async function insertEvents(
  tx: Tx,
  events: readonly AcceptedEvent[],
): Promise<ReadonlySet<EventId>> {
  const { rows } = await sql<{ eventId: EventId }>`
    insert into event.event (event_id, source_system, external_id, event_type, subject, occurred_at, received_at,
      correlation_id, integrity_signature, payload_reference, content_digest, salt, row_digest)
    select * from unnest(
      ${events.map(({ eventId }) => eventId)}::uuid[],
      ${events.map(({ source }) => source)}::text[],
      ${events.map(({ externalId }) => externalId)}::text[],
      ${events.map(({ type }) => type)}::text[],
      ${events.map(({ subject }) => subject)}::text[],
      ${events.map(({ occurredAt }) => occurredAt)}::timestamptz[],
      ${events.map(({ receivedAt }) => receivedAt)}::timestamptz[],
      ${events.map(({ correlationId }) => correlationId)}::text[],
      ${events.map(({ integritySignature }) => integritySignature)}::text[],
      ${events.map(({ payloadReference }) => payloadReference)}::text[],
      ${events.map(({ contentDigest }) => contentDigest)}::text[],
      ${events.map(({ salt }) => salt)}::text[],
      ${events.map(({ rowDigest }) => rowDigest)}::text[]
    )
    order by 1 on conflict do nothing
    returning event_id as "eventId"`.execute(tx);
  return new Set(rows.map(({ eventId }) => eventId));
}

async function insertPayloads(tx: Tx, events: readonly AcceptedEvent[]): Promise<void> {
  if (events.length === 0) return;
  await sql`
    insert into event.event_payload (event_id, payload_data)
    select m.event_id, m.payload::jsonb
    from unnest(
      ${events.map(({ eventId }) => eventId)}::uuid[],
      ${events.map(({ payload }) => payload)}::text[]
    ) as m(event_id, payload)
    order by 1 on conflict do nothing`.execute(tx);
}
