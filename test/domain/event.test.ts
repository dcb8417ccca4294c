import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acceptEvent,
  type Claim,
  eventRowDigest,
  originOf,
  readAttributes,
} from '../../src/domain/event.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import { parseTimestamp, type Timestamp } from '../../src/domain/time.ts';

const receivedAt = '2026-01-02T03:04:05.678000Z' as Timestamp;
const stated = { source: 'acme/ci', id: 'e-1', type: 'com.acme.built' };
const claim: Claim = {
  source: 'acme/ci',
  id: 'e-1',
  type: 'com.acme.built',
  subject: 'release',
  time: '2026-01-02T04:04:05.123456+01:00',
  correlationId: null,
  data: { b: [1.5, true, null], a: 'é' },
};

describe('the attributes of an event', () => {
  it('are read as stated, absent ones as null', () => {
    const attributes = readAttributes({ ...stated, subject: null, correlationid: 'c-7' });
    expect(attributes).toEqual({ ...stated, subject: null, time: null, correlationId: 'c-7' });
  });

  it.each([
    ['id is missing', { id: undefined }],
    ['id is missing', { id: null }],
    ['id is empty', { id: '' }],
    ['id is not a string', { id: 7 }],
    ['id is longer than 200 characters', { id: 'x'.repeat(201) }],
    ['id has control characters', { id: 'a\nb' }],
    ['id has control characters', { id: 'a\u0085b' }],
    ['source is missing', { source: undefined }],
    ['source is not a name of a source', { source: 'acme ci' }],
    ['source is not a name of a source', { source: 'аcme' }],
    ['type is missing', { type: undefined }],
    ['type is longer than 200 characters', { type: 'x'.repeat(201) }],
    ['subject is longer than 500 characters', { subject: 'x'.repeat(501) }],
    ['correlationid is not a string', { correlationid: {} }],
    ['id is missing; type is empty', { id: undefined, type: '' }],
  ])('are refused as a wrong shape: %s', (detail, fault) => {
    expect(readAttributes({ ...stated, ...fault })).toMatchObject({
      reason: 'wrong_shape',
      detail,
    });
  });

  it.each([
    '2026-01-02',
    '2026-01-02T03:04:05',
    '1969-12-31T23:59:59Z',
    '2200-01-01T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '2016-12-31T23:59:60Z',
    'infinity',
  ])('are refused for a time that cannot be kept: %s', (time) => {
    expect(readAttributes({ ...stated, time })).toMatchObject({ reason: 'bad_time' });
  });

  it('do not come from the prototype of what was parsed', () => {
    const inherited = Object.create({ id: 'e-1' }) as Record<string, unknown>;
    Object.assign(inherited, { source: 'acme/ci', type: 't' });
    expect(readAttributes(inherited)).toMatchObject({ reason: 'wrong_shape' });
  });

  it('name the origin of a refusal only in the form of a source and an id', () => {
    expect(originOf('acme/ci', 'e-1')).toEqual({ source: 'acme/ci', externalId: 'e-1' });
    expect(originOf('acme ci', 'a\u0000b')).toEqual({});
    expect(originOf(7, 'x'.repeat(201))).toEqual({});
  });
});

describe('an accepted event', () => {
  it('occurred when its source says so, to the microsecond, and otherwise when it came', () => {
    expect(acceptEvent(claim, receivedAt, null).occurredAt).toBe('2026-01-02T03:04:05.123456Z');
    expect(acceptEvent({ ...claim, time: null }, receivedAt, null).occurredAt).toBe(receivedAt);
  });

  it('refers to its payload by the digest of the canonical JSON', () => {
    const { payload, payloadReference } = acceptEvent(claim, receivedAt, null);
    expect(payload).toBe('{"a":"é","b":[1.5,true,null]}');
    expect(payloadReference).toBe(
      'sha256:3fbd7b25dfc07e15f8378fddeac92316a2419f7deda3edd1f509a8f3109d0965',
    );
  });

  it('has the same content whatever the order of its keys, when it came and how it was signed', () => {
    const first = acceptEvent(claim, receivedAt, null);
    const later = parseTimestamp('2026-05-01T00:00:00Z')!;
    const again = acceptEvent({ ...claim, data: { a: 'é', b: [1.5, true, null] } }, later, 'v1,x');
    expect(again.contentDigest).toBe(first.contentDigest);
    expect(again.eventId).toBe(first.eventId);
  });

  it('has no time in its content when none was stated, so that a repeat is a repeat', () => {
    const untimed = { ...claim, time: null };
    const later = parseTimestamp('2026-05-01T00:00:00Z')!;
    expect(acceptEvent(untimed, later, null).contentDigest).toBe(
      acceptEvent(untimed, receivedAt, null).contentDigest,
    );
  });

  it.each([
    ['type', { type: 'com.acme.other' }],
    ['subject', { subject: null }],
    ['time', { time: null }],
    ['data', { data: { a: 'e' } }],
  ])('has other content when its %s is another', (_name, change) => {
    const { contentDigest } = acceptEvent(claim, receivedAt, null);
    expect(acceptEvent({ ...claim, ...change }, receivedAt, null).contentDigest).not.toBe(
      contentDigest,
    );
  });

  it('carries a row digest that any change of any column breaks', () => {
    const { payload: _, rowDigest, ...row } = acceptEvent(claim, receivedAt, 'v1,abc');
    expect(eventRowDigest(row)).toBe(rowDigest);
    for (const column of Object.keys(row)) {
      expect(eventRowDigest({ ...row, [column]: 'changed' }), column).not.toBe(rowDigest);
    }
  });

  it('is one event for each pair of source and id', () => {
    const name = fc.stringMatching(/^[0-9A-Za-z._:/-]{1,20}$/);
    const id = fc.string({ minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(name, id, name, id, (source, first, other, second) => {
        const one = acceptEvent({ ...claim, source, id: first }, receivedAt, null).eventId;
        const two = acceptEvent({ ...claim, source: other, id: second }, receivedAt, null).eventId;
        expect(one === two).toBe(source === other && first === second);
      }),
    );
  });
});

it('accepts every attribute that it reads', () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 220 });
  fc.assert(
    fc.property(fc.record({ id: text, type: text, subject: fc.option(text) }), (fields) => {
      const attributes = readAttributes({ ...stated, ...fields });
      if (isRefusal(attributes)) return;
      const event = acceptEvent({ ...attributes, data: null }, receivedAt, null);
      expect(event).toMatchObject({ externalId: fields.id, payload: 'null' });
    }),
    { numRuns: 1_000 },
  );
});
