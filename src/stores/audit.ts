/**
 * The query layer: reads across all domains through the audit views, writes nothing. Each function is one transaction's
 * worth of statements under the audit role; none of them runs on the pipeline's path.
 */
import { sql } from 'kysely';
import type { Tx } from './database.ts';

/** Where the pipeline stands, in totals since the beginning. */
export interface PipelineCounts {
  readonly events: number;
  readonly assessed: number;
  readonly evaluated: number;
  /** Events that no policy matched. */
  readonly cleared: number;
  readonly advisories: Readonly<Record<string, number>>;
  readonly reviews: number;
  readonly reviewsOpen: number;
  readonly reviewsOpenByLevel: Readonly<Record<string, number>>;
  readonly decisions: Readonly<Record<string, number>>;
  readonly executions: Readonly<Record<string, number>>;
  /** Dead letters that are neither sent again nor discarded. */
  readonly deadLetters: number;
  readonly ledgerEntries: number;
  /** Facts that have no ledger entry yet. */
  readonly unledgered: number;
}

export interface LedgerHead {
  readonly stream: number;
  readonly size: string;
  readonly hash: string;
}

export interface DeadLetterSummary {
  readonly deadLetterId: string;
  readonly queue: string;
  readonly messageId: string | null;
  readonly source: string | null;
  readonly externalId: string | null;
  readonly reason: string;
  readonly detail: string;
  readonly claims: number;
  readonly contentBytes: number;
  readonly createdAt: string;
  readonly state: 'open' | 'redriven' | 'discarded';
}

export interface DeadLetterFull extends DeadLetterSummary {
  readonly errorClass: string | null;
  readonly contentSha256: string | null;
  /** At ingest the kind of source, null for the default one; behind it the type that the message named. */
  readonly kind: string | null;
  readonly headers: Readonly<Record<string, string>> | null;
  /** Each time that it was sent again, oldest first; `by` is the name of a person where one is known. */
  readonly redrives: readonly { readonly at: string; readonly by: string | null }[];
  readonly discardedAt: string | null;
  readonly discardedBy: string | null;
  readonly discardReason: string | null;
  /** The first 64 KiB of what the source sent; null where only an id is known. */
  readonly content: Buffer | null;
}

export function openAuditStore(tx: Tx) {
  return {
    counts: () => countsOf(tx),
    ledgerHeads: () => ledgerHeads(tx),
    sources: () => sources(tx),
    eventState: (eventId: string) => eventState(tx, eventId),
    eventIdOf: (source: string, externalId: string) => eventIdOf(tx, source, externalId),
    deadLetters: (filter: DeadLetterFilter) => deadLetters(tx, filter),
    deadLetter: (deadLetterId: string) => deadLetter(tx, deadLetterId),
  };
}

async function countsOf(tx: Tx): Promise<PipelineCounts> {
  const { rows } = await sql<PipelineCounts>`
    select
      (select count(*) from audit.event)::integer as "events",
      (select count(distinct event_id) from audit.risk_assessment)::integer as "assessed",
      (select count(*) from audit.evaluation)::integer as "evaluated",
      (select count(*) from audit.evaluation where outcome = 'NO_MATCH')::integer as "cleared",
      (select coalesce(jsonb_object_agg(risk_level, n), '{}') from (
        select risk_level, count(*) as n from audit.advisory group by risk_level) a) as "advisories",
      (select count(*) from audit.review)::integer as "reviews",
      (select count(*) from audit.review where resolved_at is null)::integer as "reviewsOpen",
      (select coalesce(jsonb_object_agg(risk_level, n), '{}') from (
        select risk_level, count(*) as n from audit.review where resolved_at is null group by risk_level) r)
        as "reviewsOpenByLevel",
      (select coalesce(jsonb_object_agg(decision_type, n), '{}') from (
        select decision_type, count(*) as n from audit.decision where decision_type <> 'pending' group by decision_type) d)
        as "decisions",
      (select coalesce(jsonb_object_agg(execution_status, n), '{}') from (
        select execution_status, count(*) as n from audit.execution group by execution_status) x) as "executions",
      (select count(*) from audit.dead_letter where redriven_at is null and discarded_at is null)::integer as "deadLetters",
      (select count(*) from audit.ledger_entry)::integer as "ledgerEntries",
      (select count(*) from audit.fact f where not exists (
        select from audit.ledger_entry e
        where e.linked_entity_id = f.linked_entity_id and e.entry_type = f.entry_type))::integer as "unledgered"
  `.execute(tx);
  return rows[0]!;
}

async function ledgerHeads(tx: Tx): Promise<LedgerHead[]> {
  const { rows } = await sql<LedgerHead>`
    select distinct on (e.stream) e.stream as "stream", (e.seq::bigint + 1)::text as "size", e.current_hash as "hash"
    from audit.ledger_entry e order by e.stream, e.seq::bigint desc`.execute(tx);
  return rows;
}

export interface ListedSource {
  readonly name: string;
  readonly kind: string;
  readonly description: string;
  readonly signatureRequired: boolean;
  readonly validKeys: number;
  readonly createdAt: string;
  readonly retiredAt: string | null;
}

async function sources(tx: Tx): Promise<ListedSource[]> {
  const { rows } = await sql<ListedSource>`
    select source_system as "name", kind as "kind", description as "description",
      signature_required as "signatureRequired", valid_keys::integer as "validKeys",
      created_at as "createdAt", retired_at as "retiredAt"
    from audit.source order by source_system`.execute(tx);
  return rows;
}

/** Undefined for an event that is not known. */
async function eventState(
  tx: Tx,
  eventId: string,
): Promise<{ readonly state: string; readonly receivedAt: string } | undefined> {
  const { rows } = await sql<{ state: string; receivedAt: string }>`
    select s.state as "state", e.received_at as "receivedAt"
    from audit.event_state s join audit.event e on e.event_id = s.event_id
    where s.event_id = ${eventId}::uuid`.execute(tx);
  return rows[0];
}

async function eventIdOf(tx: Tx, source: string, externalId: string): Promise<string | undefined> {
  const { rows } = await sql<{ eventId: string }>`
    select event_id as "eventId" from audit.event
    where source_system = ${source} and external_id = ${externalId}`.execute(tx);
  return rows[0]?.eventId;
}

export interface DeadLetterFilter {
  readonly state: 'open' | 'all';
  readonly limit: number;
  readonly queue?: string | undefined;
  readonly source?: string | undefined;
  readonly reason?: string | undefined;
  /** Where the page before ended. */
  readonly after?: Pick<DeadLetterSummary, 'createdAt' | 'deadLetterId'> | undefined;
}

const summary = sql`
  dead_letter_id as "deadLetterId", queue as "queue", message_id as "messageId", source_system as "source",
  external_id as "externalId", reason as "reason", detail as "detail", claims as "claims",
  content_bytes as "contentBytes", created_at as "createdAt",
  case when discarded_at is not null then 'discarded' when redriven_at is not null then 'redriven' else 'open' end as "state"`;

/** Newest first. */
async function deadLetters(tx: Tx, filter: DeadLetterFilter): Promise<DeadLetterSummary[]> {
  const { rows } = await sql<DeadLetterSummary>`
    select ${summary} from audit.dead_letter
    where (${filter.state} = 'all' or (redriven_at is null and discarded_at is null))
      and (${filter.queue ?? null}::text is null or queue = ${filter.queue ?? null})
      and (${filter.source ?? null}::text is null or source_system = ${filter.source ?? null})
      and (${filter.reason ?? null}::text is null or reason = ${filter.reason ?? null})
      and (${filter.after?.createdAt ?? null}::timestamptz is null
        or (created_at, dead_letter_id)
          < (${filter.after?.createdAt ?? null}::timestamptz, ${filter.after?.deadLetterId ?? null}::uuid))
    order by created_at desc, dead_letter_id desc limit ${filter.limit}`.execute(tx);
  return rows;
}

async function deadLetter(tx: Tx, deadLetterId: string): Promise<DeadLetterFull | undefined> {
  const { rows } = await sql<DeadLetterFull>`
    select ${summary}, error_class as "errorClass", content_sha256 as "contentSha256", kind as "kind",
      headers as "headers",
      (select coalesce(jsonb_agg(jsonb_build_object(
          'at', to_char(r.redriven_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'by', p.name)
          order by r.redriven_at), '[]')
        from audit.redrive r left join audit.person p on p.person_id = r.redriven_by
        where r.dead_letter_id = x.dead_letter_id) as "redrives",
      discarded_at as "discardedAt",
      (select p.name from audit.person p where p.person_id = x.discarded_by) as "discardedBy",
      discard_reason as "discardReason", content as "content"
    from audit.dead_letter x where dead_letter_id = ${deadLetterId}::uuid`.execute(tx);
  return rows[0];
}
