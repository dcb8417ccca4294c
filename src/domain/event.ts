/**
 * The event: what a source states, in the form of a CloudEvent 1.0, and the row that is kept of it.
 *
 * (`source`, `id`) identify an event for ever. The same pair with the same content is a repeat and has one effect; with
 * other content it is a conflict. "Content" is type, subject, the time as stated and the data: what the event says, and
 * not when it reached us or how it was signed.
 */
import { canonicalJson, canonicalRecord } from './canonical.ts';
import { type Digest, newSalt, rowRecord, sha256 } from './digest.ts';
import { type EventId, eventIdOf } from './ids.ts';
import type { JsonValue } from './json.ts';
import { type Refusal, refuse } from './problem.ts';
import { parseTimestamp, type Timestamp } from './time.ts';

/** The attributes that are kept, as the source stated them; null where it stated none. */
export interface EventAttributes {
  readonly source: string;
  readonly id: string;
  readonly type: string;
  readonly subject: string | null;
  readonly time: string | null;
  /** What the source says ties this event to others: the CloudEvents extension `correlationid`. */
  readonly correlationId: string | null;
}

/** What a message claims. Its form has been checked; that it is true has not. */
export interface Claim extends EventAttributes {
  readonly data: JsonValue;
}

/** An event as it is kept: one row of event.event and one of event.event_payload. */
export interface AcceptedEvent {
  readonly eventId: EventId;
  readonly source: string;
  readonly externalId: string;
  readonly type: string;
  readonly subject: string | null;
  readonly occurredAt: Timestamp;
  readonly receivedAt: Timestamp;
  readonly correlationId: string | null;
  readonly integritySignature: string | null;
  /** The canonical JSON of the data. */
  readonly payload: string;
  /** `sha256:` and the digest of `payload`. */
  readonly payloadReference: string;
  readonly contentDigest: Digest;
  readonly salt: string;
  readonly rowDigest: Digest;
}

/** What became of one event. */
export type Verdict = KeptEvent | Refusal;

/** An event that stands: kept now, or found to be there with the same content. */
export interface KeptEvent {
  readonly kind: 'kept';
  readonly eventId: EventId;
  readonly contentDigest: Digest;
  readonly isRepeat: boolean;
}

export const SOURCE_NAME = /^[0-9A-Za-z._:/-]{1,100}$/;
const SOURCE_CHARACTERS_MAX = 100;
const ID_CHARACTERS_MAX = 200;
const TYPE_CHARACTERS_MAX = 200;
const SUBJECT_CHARACTERS_MAX = 500;
const CORRELATION_ID_CHARACTERS_MAX = 200;
const TIME_CHARACTERS_MAX = 40;

/** C0, DEL and C1: they would break lines in logs and in the text under a derived id. */
const CONTROL = /\p{Cc}/u;

/**
 * Reads attributes that may be of any JSON type, by their CloudEvents names; null counts as absent.
 * Refusals: `wrong_shape`, naming every attribute at fault, and `bad_time`.
 */
export function readAttributes(
  stated: Readonly<Record<string, unknown>>,
): EventAttributes | Refusal {
  const faults: string[] = [];
  const optional = (name: string, charactersMax: number): string | null => {
    const value = Object.hasOwn(stated, name) ? (stated[name] ?? null) : null;
    const fault = value === null ? undefined : faultOfText(value, charactersMax);
    if (fault !== undefined) faults.push(`${name} ${fault}`);
    return fault === undefined ? (value as string | null) : '';
  };
  const required = (name: string, charactersMax: number): string => {
    const value = optional(name, charactersMax);
    if (value === null) faults.push(`${name} is missing`);
    return value ?? '';
  };
  const source = required('source', SOURCE_CHARACTERS_MAX);
  const id = required('id', ID_CHARACTERS_MAX);
  const type = required('type', TYPE_CHARACTERS_MAX);
  const subject = optional('subject', SUBJECT_CHARACTERS_MAX);
  const correlationId = optional('correlationid', CORRELATION_ID_CHARACTERS_MAX);
  const time = optional('time', TIME_CHARACTERS_MAX);
  if (source !== '' && !SOURCE_NAME.test(source)) faults.push('source is not a name of a source');
  const origin = originOf(source, id);
  if (faults.length > 0) return refuse('wrong_shape', faults.join('; '), origin);
  if (time !== null && parseTimestamp(time) === undefined) {
    return refuse('bad_time', 'time is not an instant that can be kept', origin);
  }
  return { source, id, type, subject, time, correlationId };
}

function faultOfText(value: unknown, charactersMax: number): string | undefined {
  if (typeof value !== 'string') return 'is not a string';
  if (value === '') return 'is empty';
  if (value.length > charactersMax) return `is longer than ${charactersMax} characters`;
  return CONTROL.test(value) || !value.isWellFormed() ? 'has control characters' : undefined;
}

/** Who a refused message came from, as far as what it states has the form of a source's name and an event's id. */
export function originOf(source: unknown, id: unknown): { source?: string; externalId?: string } {
  return {
    ...(typeof source === 'string' && SOURCE_NAME.test(source) && { source }),
    ...(typeof id === 'string' &&
      faultOfText(id, ID_CHARACTERS_MAX) === undefined && { externalId: id }),
  };
}

/** The row of a claim that has been proven. Its salt is random: of two rows for one event the first to be kept stands. */
export function acceptEvent(
  claim: Claim,
  receivedAt: Timestamp,
  integritySignature: string | null,
): AcceptedEvent {
  const payload = canonicalJson(claim.data);
  const payloadDigest = sha256(payload);
  const row = {
    eventId: eventIdOf(claim.source, claim.id),
    source: claim.source,
    externalId: claim.id,
    type: claim.type,
    subject: claim.subject,
    occurredAt: claim.time === null ? receivedAt : (parseTimestamp(claim.time) ?? receivedAt),
    receivedAt,
    correlationId: claim.correlationId,
    integritySignature,
    payload,
    payloadReference: `sha256:${payloadDigest}`,
    contentDigest: contentDigest(claim, payloadDigest),
    salt: newSalt(),
  };
  return { ...row, rowDigest: eventRowDigest(row) };
}

function contentDigest({ type, subject, time }: EventAttributes, payloadDigest: Digest): Digest {
  return sha256(
    canonicalRecord({
      content: 'sentinelops-event-content/v1',
      payload_sha256: payloadDigest,
      subject,
      time,
      type,
    }),
  );
}

/** A row of event.event as it is hashed: every column but `created_at`. */
export function eventRecord(row: Omit<AcceptedEvent, 'payload' | 'rowDigest'>): string {
  return rowRecord('event.event', {
    content_digest: row.contentDigest,
    correlation_id: row.correlationId,
    event_id: row.eventId,
    event_type: row.type,
    external_id: row.externalId,
    integrity_signature: row.integritySignature,
    occurred_at: row.occurredAt,
    payload_reference: row.payloadReference,
    received_at: row.receivedAt,
    salt: row.salt,
    source_system: row.source,
    subject: row.subject,
  });
}

/** By which the ledger refers to the row. */
export function eventRowDigest(row: Omit<AcceptedEvent, 'payload' | 'rowDigest'>): Digest {
  return sha256(eventRecord(row));
}
