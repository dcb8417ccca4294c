import { CloudEvent, HTTP } from 'cloudevents';
import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../src/domain/problem.ts';
import type { Inbound, Reading } from '../../src/domain/source.ts';
import { BATCH_EVENTS_MAX, cloudevents } from '../../src/sources/cloudevents.ts';

const event = { specversion: '1.0', source: 'acme/ci', id: 'e-1', type: 'com.acme.built' };
const structured = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
const batched = { 'content-type': 'application/cloudevents-batch+json' };
const binary = {
  'content-type': 'application/json',
  'ce-specversion': '1.0',
  'ce-source': 'acme/ci',
  'ce-id': 'e-1',
  'ce-type': 'com.acme.built',
};
const attributes = {
  source: 'acme/ci',
  id: 'e-1',
  type: 'com.acme.built',
  subject: null,
  time: null,
  correlationId: null,
};

function claimOf(inbound: Inbound) {
  const read = cloudevents.read(inbound);
  if ('batch' in read) throw new Error('a batch');
  expect(read.text).toBe(inbound.body);
  return read.claim;
}

const claimIn = (value: unknown) => claimOf({ headers: structured, body: JSON.stringify(value) });

describe('a structured event', () => {
  it('is read with its data, whatever JSON that is', () => {
    for (const data of [{ a: 1 }, [], 'text', 0, false, null, '']) {
      expect(claimIn({ ...event, data })).toEqual({ ...attributes, data });
    }
  });

  it('has no data when none is stated', () => {
    expect(claimIn(event)).toEqual({ ...attributes, data: null });
  });

  it('needs no headers, as on the queue', () => {
    expect(claimOf({ body: JSON.stringify(event) })).toEqual({ ...attributes, data: null });
  });

  it('keeps time as stated, subject and correlationid; other extensions serve transports', () => {
    const time = '2026-01-02T03:04:05.123456789+01:00';
    const claim = claimIn({
      ...event,
      time,
      subject: 's',
      correlationid: 'c',
      priority: 3,
      x: true,
    });
    expect(claim).toEqual({ ...attributes, time, subject: 's', correlationId: 'c', data: null });
  });

  it.each([
    ['wrong_shape', 'an array', []],
    ['wrong_shape', 'null', null],
    ['wrong_shape', 'no specversion', { ...event, specversion: undefined }],
    ['wrong_shape', 'another specversion', { ...event, specversion: '0.3' }],
    ['wrong_shape', 'no id', { ...event, id: undefined }],
    ['wrong_shape', 'no source', { ...event, source: undefined }],
    ['wrong_shape', 'no type', { ...event, type: undefined }],
    ['wrong_shape', 'an attribute in capitals', { ...event, Priority: 1 }],
    ['wrong_shape', 'an attribute that is an object', { ...event, priority: {} }],
    ['wrong_shape', 'an attribute that is a fraction', { ...event, priority: 0.5 }],
    ['bad_time', 'a time without a zone', { ...event, time: '2026-01-02T03:04:05' }],
    ['data_not_json', 'bytes', { ...event, data_base64: 'AA==' }],
    ['data_not_json', 'XML', { ...event, datacontenttype: 'text/xml', data: '<a/>' }],
  ])('is refused as %s: %s', (reason, _fault, value) => {
    expect(claimIn(value)).toMatchObject({ kind: 'refusal', reason });
  });

  it('names its source and id in the refusal, where it has them', () => {
    expect(claimIn({ ...event, type: undefined })).toMatchObject({
      source: 'acme/ci',
      externalId: 'e-1',
    });
  });

  it('has one id: that of its webhook is the same', () => {
    const body = JSON.stringify(event);
    const withId = (id: string) => claimOf({ headers: { ...structured, 'webhook-id': id }, body });
    expect(withId('e-1')).toEqual({ ...attributes, data: null });
    expect(withId('msg-7')).toMatchObject({ reason: 'webhook_id_mismatch', externalId: 'e-1' });
  });
});

describe('a batch', () => {
  const readBatch = (body: string) => {
    const read = cloudevents.read({ headers: { ...batched, 'webhook-id': 'batch-1' }, body });
    return 'batch' in read ? read.batch : read;
  };

  it('gives each of its events with the text that it was read from', () => {
    const texts = [JSON.stringify(event), JSON.stringify({ ...event, id: 'e-2' }, null, 1)];
    expect(readBatch(`[${texts.join(',')}]`)).toEqual([
      { text: texts[0], claim: { ...attributes, data: null } },
      { text: texts[1], claim: { ...attributes, id: 'e-2', data: null } },
    ]);
  });

  it('may be empty', () => {
    expect(readBatch('[]')).toEqual([]);
  });

  it('loses only the events that are at fault', () => {
    const deep = `${'['.repeat(40)}${']'.repeat(40)}`;
    const good = JSON.stringify(event);
    const bad = ['{"__proto__":1}', '{"a":1,"a":1}', '"\\u0000"', deep, '[1e400]', '7', '{}'];
    const read = readBatch(`[${[good, ...bad, good].join(',')}]`);
    if (!Array.isArray(read)) throw new Error('not a batch');
    const reasons = (read as readonly Reading[]).map(({ claim }) =>
      isRefusal(claim) ? claim.reason : undefined,
    );
    expect(reasons).toEqual([
      undefined,
      ...['forbidden_key', 'duplicate_key', 'bad_string', 'too_deep', 'bad_number'],
      ...['wrong_shape', 'wrong_shape'],
      undefined,
    ]);
  });

  it.each([
    ['not_json', '[{}'],
    ['not_json', `[${JSON.stringify(event)},{"a"}]`],
    ['wrong_shape', JSON.stringify(event)],
    [
      'batch_too_long',
      `[${Array(BATCH_EVENTS_MAX + 1)
        .fill('{}')
        .join(',')}]`,
    ],
  ])('is refused whole as %s', (reason, body) => {
    expect(readBatch(body)).toMatchObject({ text: body, claim: { kind: 'refusal', reason } });
  });
});

describe('a binary event', () => {
  const claimWith = (headers: Record<string, string>, body = '{"a":1}') =>
    claimOf({ headers: { ...binary, ...headers }, body });

  it('has its attributes in headers and its data in the body', () => {
    expect(claimWith({ 'ce-subject': 's', 'ce-correlationid': 'c' })).toEqual({
      ...attributes,
      subject: 's',
      correlationId: 'c',
      data: { a: 1 },
    });
  });

  it('may have no data', () => {
    expect(claimWith({}, '')).toEqual({ ...attributes, data: null });
  });

  it('has its attributes decoded as the HTTP binding encodes them', () => {
    expect(claimWith({ 'ce-subject': 'Euro%20%E2%82%AC%20%F0%9F%98%80' })).toMatchObject({
      subject: 'Euro € 😀',
    });
    expect(claimWith({ 'ce-subject': '"quoted \\"text\\""' })).toMatchObject({
      subject: 'quoted "text"',
    });
  });

  it.each([
    ['wrong_shape', 'no id', { 'ce-id': '' }],
    ['wrong_shape', 'another specversion', { 'ce-specversion': '1.1' }],
    ['wrong_shape', 'a broken escape', { 'ce-subject': '50%' }],
    ['wrong_shape', 'bytes beyond ASCII', { 'ce-subject': 'Ã©' }],
    ['wrong_shape', 'an escaped control character', { 'ce-subject': 'a%0Ab' }],
    ['wrong_shape', 'an attribute with a hyphen', { 'ce-a-b': 'c' }],
    ['bad_time', 'a time that cannot be kept', { 'ce-time': 'yesterday' }],
    ['data_not_json', 'another content type', { 'content-type': 'text/plain' }],
    [
      'signature_incomplete',
      'a signature, which would cover the data alone',
      { 'webhook-id': 'e-1' },
    ],
  ])('is refused as %s: %s', (reason, _fault, headers) => {
    expect(claimWith(headers as Record<string, string>)).toMatchObject({ kind: 'refusal', reason });
  });

  it('is known by its headers even when its data cannot be read', () => {
    expect(claimWith({}, '{"a":')).toMatchObject({
      reason: 'not_json',
      source: 'acme/ci',
      externalId: 'e-1',
    });
  });
});

it('refuses what is no CloudEvent in any mode', () => {
  for (const type of ['application/json', 'text/plain', 'application/cloudevents+avro']) {
    expect(claimOf({ headers: { 'content-type': type }, body: '{}' })).toMatchObject({
      reason: 'unsupported_media_type',
    });
  }
});

describe('what the CloudEvents SDK sends', () => {
  const sent = new CloudEvent({
    source: 'acme/ci',
    id: 'e-1',
    type: 'com.acme.built',
    time: '2026-01-02T03:04:05.678Z',
    subject: 's',
    data: { big: 9_007_199_254_740_991, list: [0, false, ''] },
  });
  const received = {
    ...attributes,
    time: '2026-01-02T03:04:05.678Z',
    subject: 's',
    data: sent.data,
  };

  it.each(['structured', 'binary'] as const)('is accepted in %s mode', (mode) => {
    const message = HTTP[mode](sent);
    const headers = Object.fromEntries(
      Object.entries(message.headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
    );
    expect(claimOf({ headers, body: message.body as string })).toEqual(received);
  });
});
