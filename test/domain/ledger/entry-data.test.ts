import { describe, expect, it } from 'vitest';
import { type FactType, factTypes } from '../../../src/domain/fact.ts';
import {
  entryDataOf,
  MalformedFact,
  type RecordedFact,
} from '../../../src/domain/ledger/entry-data.ts';
import { isCanonicalObject } from '../../../src/domain/ledger/canonical-form.ts';
import type { Timestamp } from '../../../src/domain/time.ts';

const id = '10000000-0000-4000-8000-000000000001';
const other = '20000000-0000-4000-8000-000000000002';
const hex = 'ab'.repeat(32);
const instant = '2026-01-02T03:04:05.678901Z' as Timestamp;

const change = {
  version: '2',
  from_status: 'draft',
  to_status: 'approved',
  definition_sha256: hex,
  actor: other,
};
/** One honest fact of each type. */
const members: Readonly<Record<FactType, Readonly<Record<string, unknown>>>> = {
  EVENT: {
    source_system: 'github',
    event_type: 'push',
    external_id_sha256: hex,
    payload_sha256: hex,
    occurred_at: instant,
  },
  RISK_ASSESSMENT: {
    risk_model_id: other,
    risk_model_version: '1',
    risk_score: '42.5000',
    risk_level: 'MEDIUM',
  },
  EVALUATION: { outcome: 'NO_MATCH', policies: ['no-force-push@1', 'no-public-repository@3'] },
  ADVISORY: {
    assessment_id: other,
    policy_id: other,
    policy_version: '1',
    risk_level: 'HIGH',
    advisory_version: '1',
  },
  DECISION: {
    advisory_id: other,
    decision_type: 'approved',
    view_digest: hex,
    approvals: [{ actor: other, role: 'Administrator', approved_at: instant }],
  },
  EXECUTION: {
    decision_id: other,
    target_system: 'log',
    execution_status: 'acknowledged',
    command_sha256: hex,
    response_sha256: hex,
  },
  POLICY: { policy_id: other, ...change },
  RISK_MODEL: { model_id: other, ...change },
  DEAD_LETTER: { stage: 'risk', reason: 'fails_every_time', claims: '5', actor: other },
  ERASURE: { commitments: [hex], reason: 'request', actor: other },
};
const withoutEvent: readonly FactType[] = ['POLICY', 'RISK_MODEL', 'ERASURE'];

function factOf(type: FactType, change: Partial<RecordedFact> = {}): RecordedFact {
  const eventId = withoutEvent.includes(type) ? null : id;
  return { type, id, eventId, digest: hex, timestamp: instant, members: members[type], ...change };
}

describe.each(factTypes)('%s', (type) => {
  it('becomes canonical JSON of its members, the digest of its row and its event', () => {
    const text = entryDataOf(factOf(type));
    expect(isCanonicalObject(text)).toBe(true);
    expect(JSON.parse(text)).toEqual({
      ...members[type],
      digest: hex,
      ...(withoutEvent.includes(type) ? {} : { event_id: id }),
    });
  });

  it.each(Object.keys(members[type]))('is refused without %s', (member) => {
    const { [member]: _left, ...rest } = members[type];
    expect(() => entryDataOf(factOf(type, { members: rest }))).toThrow(member);
  });

  it.each(Object.keys(members[type]))('is refused when %s is not in its form', (member) => {
    for (const wrong of [7, '', undefined, new Date(0), ['x', 7]]) {
      const fact = factOf(type, { members: { ...members[type], [member]: wrong } });
      expect(() => entryDataOf(fact)).toThrow(MalformedFact);
    }
  });

  it('is refused with a member that entries of its type do not have', () => {
    const fact = factOf(type, { members: { ...members[type], payload: 'Ada Example' } });
    expect(() => entryDataOf(fact)).toThrow('payload');
  });

  it('is refused without the digest of its row', () => {
    expect(() => entryDataOf(factOf(type, { digest: '' }))).toThrow('digest');
  });
});

it('writes the bytes of the format document', () => {
  expect(entryDataOf(factOf('RISK_ASSESSMENT'))).toBe(
    `{"digest":"${hex}","event_id":"${id}","risk_level":"MEDIUM","risk_model_id":"${other}",` +
      '"risk_model_version":"1","risk_score":"42.5000"}',
  );
});

it('is refused when it is longer than an entry may be', () => {
  const policies = Array.from({ length: 5_000 }, (_, n) => `policy-number-${n}@1`);
  const fact = factOf('EVALUATION', { members: { outcome: 'NO_MATCH', policies } });
  expect(() => entryDataOf(fact)).toThrow(MalformedFact);
});

it('says null where nothing is known', () => {
  const unknown = {
    risk_model_id: null,
    risk_model_version: null,
    risk_score: null,
    risk_level: 'UNKNOWN',
  };
  expect(JSON.parse(entryDataOf(factOf('RISK_ASSESSMENT', { members: unknown })))).toMatchObject(
    unknown,
  );
});

it('names the event where there must be one, and none where there cannot be one', () => {
  expect(() => entryDataOf(factOf('ADVISORY', { eventId: null }))).toThrow('event_id');
  expect(() => entryDataOf(factOf('POLICY', { eventId: id }))).toThrow('event_id');
  expect(entryDataOf(factOf('DEAD_LETTER', { eventId: null }))).not.toContain('event_id');
  expect(entryDataOf(factOf('DEAD_LETTER'))).toContain('event_id');
});
