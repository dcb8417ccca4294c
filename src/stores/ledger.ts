/**
 * The ledger as its actor uses it: the facts that other domains publish to it, the entries that stand, and the two
 * functions that are the only way in (sql/ledger/0080_ledger.sql).
 */
import { type RawBuilder, sql } from 'kysely';
import type { Digest } from '../domain/digest.ts';
import type { FactType } from '../domain/fact.ts';
import type { Entry, Head } from '../domain/ledger.ts';
import type { RecordedFact } from '../domain/ledger/entry-data.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Database, Tx } from './database.ts';

/** What names a fact. */
export interface FactKey {
  readonly type: FactType;
  readonly id: string;
}

/** An entry that is in the ledger, as far as its fact is concerned. */
export interface StandingEntry extends FactKey {
  /** The exact bytes that were hashed. */
  readonly entryData: string;
}

/** The locked end of a stream, and the database's clock. */
export interface LockedHead extends Head {
  readonly now: Timestamp;
}

export interface LedgerStore {
  /** The facts that exist, one read for each type. What is not there is not published, or not final yet. */
  facts(keys: readonly FactKey[]): Promise<readonly RecordedFact[]>;
  /** Takes the lock of the stream, held until the transaction ends, and reads where its chain ends. */
  lockHead(stream: number): Promise<LockedHead>;
  /** The entries of these facts. Read under the lock, they are all that will ever stand before this transaction's own. */
  standing(keys: readonly FactKey[]): Promise<readonly StandingEntry[]>;
  /**
   * Appends at least one entry of one stream; durable at the transaction's COMMIT. The table computes every hash again:
   * a difference is SQLSTATE 23514 under the constraint HASH_CONSTRAINT.
   */
  append(head: LockedHead, entries: readonly Entry[]): Promise<void>;
}

/** Broken only when the hashes computed here and in SQL differ. */
export const HASH_CONSTRAINT = 'hash_is_of_this_row';

export function openLedgerStore(tx: Tx): LedgerStore {
  return {
    async facts(keys) {
      const facts: RecordedFact[] = [];
      for (const [type, ids] of idsByType(keys)) {
        const read = publishedFacts[type];
        if (read !== undefined) facts.push(...(await read(ids).execute(tx)).rows.map(factOf(type)));
      }
      return facts;
    },

    async lockHead(stream) {
      const { rows } = await sql<HeadRow>`
        select size, head_hash, now, ledger.origin_base() as origin_base from ledger.head(${stream}::smallint)`.execute(
        tx,
      );
      const { size, head_hash: hash, now, origin_base: originBase } = rows[0]!;
      if (originBase === null) throw new Error('This ledger has no name yet. Run migrate.');
      return { stream, originBase, size: Number(size), hash, now };
    },

    async standing(keys) {
      // LATERAL with a limit: one look into the index for each key, whatever the planner believes about the table.
      const { rows } = await sql<StandingEntry>`
        select asked.type as "type", asked.id as id, e.entry_data::text as "entryData"
        from unnest(${keys.map((key) => key.type)}::text[], ${keys.map((key) => key.id)}::uuid[]) as asked (type, id)
        cross join lateral (
          select l.entry_data from ledger.ledger_entry l
          where l.linked_entity_id = asked.id and l.entry_type = asked.type limit 1) as e`.execute(
        tx,
      );
      return rows;
    },

    async append(head, entries) {
      await sql`select ledger.append(${head.stream}::smallint, ${head.size}::bigint,
        ${entries.map((entry) => entry.entryId)}::uuid[],
        ${entries.map((entry) => entry.entryType)}::text[],
        ${entries.map((entry) => entry.linkedEntityId)}::uuid[],
        ${entries.map((entry) => entry.entryData)}::text[],
        ${entries.map((entry) => entry.timestamp)}::timestamptz[],
        ${head.now}::timestamptz,
        ${entries.map((entry) => entry.currentHash)}::text[])`.execute(tx);
    },
  };
}

interface HeadRow {
  readonly size: string;
  readonly head_hash: Digest;
  readonly now: Timestamp;
  readonly origin_base: string | null;
}

interface FactRow {
  readonly linked_entity_id: string;
  readonly event_id: string | null;
  readonly digest: string;
  readonly timestamp: Timestamp;
  readonly [member: string]: unknown;
}

/**
 * What each domain publishes, with the member names of the entry. Numbers are cast to the text that SQL prints, since
 * that is what is hashed. ERASURE has no row here: nothing records one yet.
 */
const publishedFacts: Partial<Record<FactType, (ids: readonly string[]) => RawBuilder<FactRow>>> = {
  EVENT: (ids) => sql`
    select linked_entity_id, event_id, digest, "timestamp", source_system, event_type, external_id_sha256, payload_sha256,
      occurred_at
    from event.event_for_ledger where linked_entity_id = any(${ids}::uuid[])`,
  RISK_ASSESSMENT: (ids) => sql`
    select linked_entity_id, event_id, digest, "timestamp", risk_model_id, risk_model_version::text as risk_model_version,
      risk_score::text as risk_score, risk_level
    from risk.assessment_for_ledger where linked_entity_id = any(${ids}::uuid[])`,
  EVALUATION: (ids) => sql`
    select linked_entity_id, event_id, digest, "timestamp", outcome,
      array(select asked ->> 'policy' from jsonb_array_elements(policies) as asked) as policies
    from advisory.evaluation_for_ledger where linked_entity_id = any(${ids}::uuid[])`,
  ADVISORY: (ids) => sql`
    select linked_entity_id, event_id, digest, "timestamp", assessment_id, policy_id, policy_version::text as policy_version,
      risk_level, advisory_version::text as advisory_version
    from advisory.advisory_for_ledger where linked_entity_id = any(${ids}::uuid[])`,
  DECISION: (ids) => sql`
    select linked_entity_id, event_id, digest, "timestamp", advisory_id, decision_type, view_digest,
      coalesce(approvals, '[]') as approvals
    from decision.decision_for_ledger where linked_entity_id = any(${ids}::uuid[])`,
  EXECUTION: (ids) => sql`
    select linked_entity_id, event_id, digest, "timestamp", decision_id, target_system, execution_status, command_sha256,
      response_sha256
    from execution.execution_for_ledger where linked_entity_id = any(${ids}::uuid[])`,
  POLICY: (ids) => sql`
    select linked_entity_id, event_id, digest, "timestamp", policy_id, policy_version::text as version, from_status,
      to_status, definition_sha256, actor
    from policy.policy_change_for_ledger where linked_entity_id = any(${ids}::uuid[])`,
  RISK_MODEL: (ids) => sql`
    select linked_entity_id, event_id, digest, "timestamp", model_id, model_version::text as version, from_status,
      to_status, definition_sha256, actor
    from risk.model_change_for_ledger where linked_entity_id = any(${ids}::uuid[])`,
  DEAD_LETTER: (ids) => sql`
    select linked_entity_id, event_id, digest, "timestamp", stage, reason, claims::text as claims, actor
    from event.dead_letter_for_ledger where linked_entity_id = any(${ids}::uuid[])`,
};

function factOf(type: FactType): (row: FactRow) => RecordedFact {
  return ({ linked_entity_id: id, event_id: eventId, digest, timestamp, ...members }) => ({
    type,
    id,
    eventId,
    digest,
    timestamp,
    members,
  });
}

function idsByType(keys: readonly FactKey[]): Map<FactType, string[]> {
  const byType = new Map<FactType, string[]>();
  for (const { type, id } of keys) {
    const ids = byType.get(type);
    if (ids === undefined) byType.set(type, [id]);
    else ids.push(id);
  }
  return byType;
}

/** Shows that the ledger can be appended to at this moment: takes the head once and says so to those who wait for it. */
export async function beat(database: Database, stream: number): Promise<void> {
  await database.transact(async (tx) => {
    await sql`select size from ledger.head(${stream}::smallint)`.execute(tx);
    await sql`select ledger.beat()`.execute(tx);
  });
}

/** How the ledger is protected, compared with what its last migration left (sql/ledger/0099_protection.sql). */
export interface ProtectionState {
  readonly intact: boolean;
  readonly expected: string;
  readonly found: string;
  /** Who could get around the protection now and could not then, one sentence each. */
  readonly newPowers: readonly string[];
}

export async function protectionState(database: Database): Promise<ProtectionState> {
  return database.transact(async (tx) => {
    const { rows } = await sql<ProtectionState>`
      select intact, expected, found, new_powers as "newPowers" from ledger_guard.state()`.execute(
      tx,
    );
    return rows[0]!;
  });
}
