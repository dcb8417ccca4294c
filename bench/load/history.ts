/**
 * A past, loaded by COPY: events with their payloads and, where wanted, with everything that followed from them when no
 * policy matched: assessment, evaluation, and three entries in the ledger. Every hash and digest is the one that the
 * pipeline would have computed, so that all constraints hold and the ledger verifies.
 */
import pg from 'pg';
import { type AskedPolicy, evaluationDigest } from '../../src/domain/advisory.ts';
import { newSalt, sha256 } from '../../src/domain/digest.ts';
import { type AcceptedEvent, acceptEvent } from '../../src/domain/event.ts';
import {
  assessmentIdOf,
  type EventId,
  evaluationIdOf,
  eventIdOf,
  modelIdOf,
} from '../../src/domain/ids.ts';
import { chain, type Entry, type Head, type UnplacedEntry } from '../../src/domain/ledger.ts';
import { entryDataOf } from '../../src/domain/ledger/entry-data.ts';
import { assessmentDigest, DEFAULT_CONTEXT, type Weighing } from '../../src/domain/risk.ts';
import { type Timestamp, timestampOfMs } from '../../src/domain/time.ts';
import { copyAll, type Table } from './copy.ts';
import { SOURCE } from './events.ts';
import { planPolicies, policiesOf, riskModel } from './policies.ts';

export interface HistoryOptions {
  readonly events: number;
  readonly policies: number;
  readonly payloadBytes: number;
  /** False: events and payloads only, and nothing in the ledger. */
  readonly recorded: boolean;
  /** For the files that the server reads; on its own machine. */
  readonly directory: string;
  readonly onProgress: (loaded: number) => void;
}

const CHUNK_EVENTS = 20_000;
/** The past began here; one event every ten milliseconds. */
const BEGINNING_MS = Date.UTC(2025, 0, 1);
const EVENT_EVERY_MS = 10;

/** @throws what Postgres says of a row that its checks refuse. */
export async function loadHistory(url: string, options: HistoryOptions): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // Foreign keys need not be looked up for rows that are made together; checks and indexes work as ever.
  await client.query('set session_replication_role = replica');
  let head = await headOf(client);
  let copying: Promise<void> = Promise.resolve();
  for (let first = 0; first < options.events; first += CHUNK_EVENTS) {
    const count = Math.min(CHUNK_EVENTS, options.events - first);
    const rows = rowsOf(first, count, options, head);
    head = rows.head;
    // The next chunk is made while the server takes this one.
    await copying;
    copying = copyAll(client, rows.tables, options.directory);
    // Awaited when the next chunk is there; until then a failure is not unhandled.
    copying.catch(() => undefined);
    options.onProgress(first);
  }
  await copying;
  await client.query('vacuum (analyze)');
  await client.query('checkpoint');
  await client.end();
}

function rowsOf(
  first: number,
  count: number,
  options: HistoryOptions,
  head: Head,
): { readonly tables: readonly Table[]; readonly head: Head } {
  const tables = {
    events: tableOf('event.event', EVENT_COLUMNS),
    payloads: tableOf('event.event_payload', ['event_id', 'payload_data', 'created_at']),
    assessments: tableOf('risk.risk_assessment', ASSESSMENT_COLUMNS),
    evaluations: tableOf('advisory.evaluation', EVALUATION_COLUMNS),
    entries: tableOf('ledger.ledger_entry', ENTRY_COLUMNS),
  };
  const facts: UnplacedEntry[] = [];
  const asked = policiesOf(options.policies).map(
    ({ policy, version }): AskedPolicy => ({
      policy: `${policy}@${version}`,
      result: 'not matched',
    }),
  );
  for (let index = first; index < first + count; index += 1) {
    const at = timestampOfMs(BEGINNING_MS + index * EVENT_EVERY_MS);
    const event = eventOf(index, options, at);
    tables.events.rows.push(eventRow(event, at));
    tables.payloads.rows.push([event.eventId, event.payload, at]);
    if (options.recorded) facts.push(...record(event, at, asked, tables));
  }
  const entries = facts.length === 0 ? [] : chain(head, lastOf(facts).timestamp, facts);
  tables.entries.rows.push(...entries.map(entryRow));
  return {
    tables: Object.values(tables).filter(({ rows }) => rows.length > 0),
    head: {
      ...head,
      size: head.size + entries.length,
      hash: entries.at(-1)?.currentHash ?? head.hash,
    },
  };
}

const historyIdOf = (index: number): string => `history-${index}`;

/** The ids of the first events of a history. */
export function historyEventIds(count: number): readonly EventId[] {
  return Array.from({ length: count }, (_, index) => eventIdOf(SOURCE, historyIdOf(index)));
}

const lastOf = <T>(items: readonly T[]): T => items.at(-1)!;
const tableOf = (name: string, columns: readonly string[]): Table => ({ name, columns, rows: [] });

function eventOf(
  index: number,
  { policies, payloadBytes }: HistoryOptions,
  at: Timestamp,
): AcceptedEvent {
  const { types } = planPolicies(policies);
  const claim = {
    source: SOURCE,
    id: historyIdOf(index),
    type: types[index % types.length]!,
    subject: `account/${index % 5_000}`,
    time: at,
    correlationId: null,
    data: { amount: index % 9_999, note: 'n'.repeat(payloadBytes) },
  };
  return acceptEvent(claim, at, 'v1,of-the-past');
}

/** The facts that an unremarkable event leaves, with their rows. */
function record(
  event: AcceptedEvent,
  at: Timestamp,
  asked: readonly AskedPolicy[],
  tables: { readonly assessments: Table; readonly evaluations: Table },
): readonly UnplacedEntry[] {
  const { eventId } = event;
  const assessment = {
    ...NOTHING_HELD,
    assessmentId: assessmentIdOf(eventId, DEFAULT_CONTEXT),
    eventId,
    context: DEFAULT_CONTEXT,
    modelId: modelIdOf(riskModel.risk_model),
    modelVersion: riskModel.version,
    evaluatedAt: at,
    salt: newSalt(),
  };
  const digest = assessmentDigest(assessment);
  tables.assessments.rows.push([
    ...[assessment.assessmentId, eventId, assessment.modelId, assessment.modelVersion],
    ...[assessment.score, assessment.level, at, assessment.context],
    ...[CONTRIBUTIONS_TEXT, at, assessment.salt, digest],
  ]);
  const evaluation = {
    evaluationId: evaluationIdOf(assessment.assessmentId),
    eventId,
    assessmentId: assessment.assessmentId,
    outcome: 'NO_MATCH',
    asked,
    evaluatedAt: at,
  } as const;
  const evaluated = evaluationDigest(evaluation);
  tables.evaluations.rows.push([
    ...[evaluation.evaluationId, eventId, evaluation.assessmentId, evaluation.outcome],
    ...[JSON.stringify(asked), at, at, evaluated],
  ]);
  const fact = (
    type: 'EVENT' | 'RISK_ASSESSMENT' | 'EVALUATION',
    id: string,
    rowDigest: string,
    members: Readonly<Record<string, unknown>>,
  ): UnplacedEntry => ({
    entryType: type,
    linkedEntityId: id,
    timestamp: at,
    entryData: entryDataOf({ type, id, eventId, digest: rowDigest, timestamp: at, members }),
  });
  return [
    fact('EVENT', eventId, event.rowDigest, eventMembers(event)),
    fact('RISK_ASSESSMENT', assessment.assessmentId, digest, {
      risk_model_id: assessment.modelId,
      risk_model_version: String(assessment.modelVersion),
      risk_score: assessment.score,
      risk_level: assessment.level,
    }),
    fact('EVALUATION', evaluation.evaluationId, evaluated, {
      outcome: evaluation.outcome,
      policies: asked.map(({ policy }) => policy),
    }),
  ];
}

/** What the ledger says of an event, as the event domain publishes it. */
function eventMembers(event: AcceptedEvent): Readonly<Record<string, string>> {
  return {
    source_system: event.source,
    event_type: event.type,
    external_id_sha256: sha256(event.externalId),
    payload_sha256: event.payloadReference.slice('sha256:'.length),
    occurred_at: event.occurredAt,
  };
}

const NOTHING_HELD: Weighing = {
  score: '0.0000',
  level: 'LOW',
  contributions: riskModel.factors.map(({ factor, title, points }) => ({
    factor,
    title,
    points,
    held: false,
  })),
};
const CONTRIBUTIONS_TEXT = JSON.stringify(NOTHING_HELD.contributions);

const EVENT_COLUMNS = [
  ...['event_id', 'source_system', 'event_type', 'occurred_at', 'received_at'],
  ...['payload_reference', 'correlation_id', 'integrity_signature', 'created_at', 'external_id'],
  ...['subject', 'content_digest', 'salt', 'row_digest'],
];
const ASSESSMENT_COLUMNS = [
  ...['assessment_id', 'event_id', 'risk_model_id', 'risk_model_version', 'risk_score'],
  ...['risk_level', 'evaluated_at', 'context', 'contributions', 'created_at', 'salt', 'row_digest'],
];
const EVALUATION_COLUMNS = [
  ...['evaluation_id', 'event_id', 'assessment_id', 'outcome', 'policies'],
  ...['evaluated_at', 'created_at', 'row_digest'],
];
const ENTRY_COLUMNS = [
  ...['entry_id', 'entry_type', 'linked_entity_id', 'previous_hash', 'current_hash'],
  ...['entry_data', '"timestamp"', 'sealed_at', 'stream', 'seq'],
];
const STREAM = 0;

function eventRow(event: AcceptedEvent, createdAt: Timestamp): Table['rows'][number] {
  return [
    ...[event.eventId, event.source, event.type, event.occurredAt, event.receivedAt],
    ...[event.payloadReference, event.correlationId, event.integritySignature, createdAt],
    ...[event.externalId, event.subject, event.contentDigest, event.salt, event.rowDigest],
  ];
}

function entryRow(entry: Entry): Table['rows'][number] {
  return [
    ...[entry.entryId, entry.entryType, entry.linkedEntityId, entry.previousHash],
    ...[entry.currentHash, entry.entryData, entry.timestamp, entry.sealedAt, STREAM, entry.seq],
  ];
}

async function headOf(client: pg.Client): Promise<Head> {
  const { rows } = await client.query<{ base: string; size: string | null; hash: Head['hash'] }>(
    `select ledger.origin_base() as base, e.seq + 1 as size, e.current_hash as hash
     from ledger.ledger_entry e where e.stream = ${STREAM} order by e.seq desc limit 1`,
  );
  const { base, size, hash } = rows[0]!;
  return { originBase: base, stream: STREAM, size: Number(size), hash };
}
