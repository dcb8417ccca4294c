/**
 * What an entry says of its fact: the members of `entry_data` for each kind of fact. Entries can never be erased, so
 * they hold ids, enumerations, versions, times and digests only; the digest of the recorded row covers the rest.
 */
import {
  type CanonicalRecord,
  type CanonicalValue,
  canonicalRecord,
  NotCanonical,
} from '../canonical.ts';
import type { FactType } from '../fact.ts';
import { isUuid } from '../ids.ts';
import { isJsonObject } from '../json.ts';
import type { Timestamp } from '../time.ts';

/** A fact as its domain publishes it to the ledger. */
export interface RecordedFact {
  readonly type: FactType;
  readonly id: string;
  /** The event that the fact belongs to; null for changes of policies and models, and for what never became an event. */
  readonly eventId: string | null;
  /** The digest of the recorded row. */
  readonly digest: string;
  /** When the fact happened. */
  readonly timestamp: Timestamp;
  /** By column name. Numbers as the decimal text that SQL prints, instants as Timestamp, null where SQL has null. */
  readonly members: Readonly<Record<string, unknown>>;
}

/** Raised when a published fact lacks what its entry must say, or says it in another form. */
export class MalformedFact extends Error {
  override readonly name = 'MalformedFact';
}

type Check = (value: unknown) => value is CanonicalValue;

const text: Check = (value): value is string => typeof value === 'string' && value !== '';
const uuid: Check = (value): value is string => typeof value === 'string' && isUuid(value);
const digest: Check = (value): value is string =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const decimal: Check = (value): value is string =>
  typeof value === 'string' && /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/.test(value);
const time: Check = (value): value is string =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(value);
const approval: Check = (value): value is CanonicalRecord =>
  isJsonObject(value) && hasExactly(value, { actor: uuid, role: text, approved_at: time });
const orNull =
  (check: Check): Check =>
  (value): value is CanonicalValue =>
    value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value): value is readonly CanonicalValue[] =>
    Array.isArray(value) && value.every(check);

type Members = Readonly<Record<string, Check>>;

const changeOfStatus = {
  version: decimal,
  /** Null for the first status of a version. */
  from_status: orNull(text),
  to_status: text,
  definition_sha256: digest,
  actor: uuid,
} satisfies Members;

const membersOf: Readonly<Record<FactType, Members>> = {
  EVENT: {
    source_system: text,
    event_type: text,
    external_id_sha256: digest,
    payload_sha256: digest,
    occurred_at: time,
  },
  RISK_ASSESSMENT: {
    // Null when no model was active, and no score when the engine failed: the level then is UNKNOWN.
    risk_model_id: orNull(uuid),
    risk_model_version: orNull(decimal),
    risk_score: orNull(decimal),
    risk_level: text,
  },
  EVALUATION: { outcome: text, policies: listOf(text) },
  ADVISORY: {
    assessment_id: uuid,
    policy_id: uuid,
    policy_version: decimal,
    risk_level: text,
    advisory_version: decimal,
  },
  DECISION: {
    advisory_id: uuid,
    decision_type: text,
    view_digest: digest,
    approvals: listOf(approval),
  },
  EXECUTION: {
    decision_id: uuid,
    target_system: text,
    execution_status: text,
    command_sha256: digest,
    /** Null when the target never answered. */
    response_sha256: orNull(digest),
  },
  POLICY: { policy_id: uuid, ...changeOfStatus },
  RISK_MODEL: { model_id: uuid, ...changeOfStatus },
  DEAD_LETTER: { stage: text, reason: text, claims: decimal, actor: orNull(uuid) },
  ERASURE: { commitments: listOf(digest), reason: text, actor: uuid },
};

/** Whether entries of a type name an event. */
const eventOf: Readonly<Record<FactType, 'always' | 'sometimes' | 'never'>> = {
  EVENT: 'always',
  RISK_ASSESSMENT: 'always',
  EVALUATION: 'always',
  ADVISORY: 'always',
  DECISION: 'always',
  EXECUTION: 'always',
  POLICY: 'never',
  RISK_MODEL: 'never',
  DEAD_LETTER: 'sometimes',
  ERASURE: 'never',
};

/** The canonical text of a fact's `entry_data`. Throws MalformedFact. */
export function entryDataOf(fact: RecordedFact): string {
  const { type, eventId, members } = fact;
  if (!digest(fact.digest)) throw malformed(fact, 'digest');
  if (
    eventId === null ? eventOf[type] === 'always' : eventOf[type] === 'never' || !isUuid(eventId)
  ) {
    throw malformed(fact, 'event_id');
  }
  if (!hasExactly(members, membersOf[type])) throw malformed(fact, firstFault(members, type));
  const event = eventId === null ? {} : { event_id: eventId };
  return canonicalDataOf(fact, { ...members, ...event, digest: fact.digest });
}

/** A list of policies can be longer than an entry may be. */
function canonicalDataOf({ type, id }: RecordedFact, data: CanonicalRecord): string {
  try {
    return canonicalRecord(data);
  } catch (error) {
    if (!(error instanceof NotCanonical)) throw error;
    throw new MalformedFact(`${type} ${id} does not fit into an entry: ${error.message}`);
  }
}

function hasExactly(
  record: Readonly<Record<string, unknown>>,
  members: Members,
): record is CanonicalRecord {
  const names = Object.keys(members);
  return (
    Object.keys(record).length === names.length &&
    names.every((name) => Object.hasOwn(record, name) && members[name]!(record[name]))
  );
}

function firstFault(record: Readonly<Record<string, unknown>>, type: FactType): string {
  const members = membersOf[type];
  const wrong = Object.keys(members).find(
    (name) => !Object.hasOwn(record, name) || !members[name]!(record[name]),
  );
  return wrong ?? Object.keys(record).find((name) => !Object.hasOwn(members, name)) ?? 'members';
}

function malformed({ type, id }: RecordedFact, member: string): MalformedFact {
  return new MalformedFact(`${type} ${id} has no ${member} in the form that its entry needs`);
}
