/**
 * CloudEvents 1.0, signed by Standard Webhooks. The three modes of its HTTP binding: structured (the event is the body),
 * batched (an array of events is the body) and binary (the attributes are `ce-` headers, the data is the body). A
 * message without content type and `ce-` headers, as it comes through the queue, is one structured event.
 *
 * The reading is strict and ours. The `cloudevents` package would invent a missing id and time, replace a time that it
 * cannot read by the present, and drop data that is 0, false or empty: after a check that excludes all this, nothing
 * would be left for it to do. It sends the events of our tests.
 */
import { type Claim, originOf, readAttributes } from '../domain/event.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { type JsonElement, readJson, readJsonArray } from '../domain/json-text.ts';
import { isRefusal, type Refusal, refuse } from '../domain/problem.ts';
import type { Batch, Inbound, Reading, SourceKind } from '../domain/source.ts';
import { isStandardWebhook, verifyStandardWebhook } from './signature.ts';

export const BATCH_EVENTS_MAX = 256;
export const cloudevents: SourceKind = {
  name: 'cloudevents',
  headers: ['content-type', 'ce-', 'webhook-'],
  idHeaders: ['ce-id', 'webhook-id'],
  read(inbound) {
    switch (modeOf(inbound)) {
      case 'structured':
        return { text: inbound.body, claim: readStructured(inbound) };
      case 'batched':
        return readBatch(inbound);
      case 'binary':
        return { text: inbound.body, claim: readBinary(inbound) };
      case 'none':
        return { text: inbound.body, claim: notAnEvent };
    }
  },
  verify: verifyStandardWebhook,
};

const notAnEvent = refuse(
  'unsupported_media_type',
  'neither application/cloudevents+json nor application/cloudevents-batch+json, and no ce- headers',
);

function modeOf({ headers = {} }: Inbound): 'structured' | 'batched' | 'binary' | 'none' {
  const contentType = headers['content-type'];
  const type = contentType === undefined ? undefined : mediaType(contentType);
  if (type === 'application/cloudevents+json') return 'structured';
  if (type === 'application/cloudevents-batch+json') return 'batched';
  if (Object.keys(headers).some((name) => name.startsWith('ce-'))) return 'binary';
  return type === undefined ? 'structured' : 'none';
}

// Structured and batched mode

function readStructured(inbound: Inbound): Claim | Refusal {
  const text = readJson(inbound.body);
  if (isRefusal(text)) return text;
  const claim = readEvent(text.value);
  return isRefusal(claim) ? claim : (refuseOtherId(inbound, claim) ?? claim);
}

/** The body holds the id, so a signature that covers the body binds it; this makes the two ids of the message one. */
function refuseOtherId({ headers }: Inbound, { source, id }: Claim): Refusal | undefined {
  const webhookId = headers?.['webhook-id'];
  if (webhookId === undefined || webhookId === id) return undefined;
  return refuse('webhook_id_mismatch', 'webhook-id differs from the id of the event', {
    ...originOf(source, id),
  });
}

function readBatch({ body }: Inbound): Reading | Batch<Reading> {
  const elements = readJsonArray(body, BATCH_EVENTS_MAX);
  if (elements === undefined) {
    const detail = `the batch holds more than ${BATCH_EVENTS_MAX} events`;
    return { text: body, claim: refuse('batch_too_long', detail) };
  }
  if (isRefusal(elements)) return { text: body, claim: elements };
  const readElement = ({ text, read }: JsonElement): Reading => ({
    text,
    claim: isRefusal(read) ? read : readEvent(read.value),
  });
  return { batch: elements.map(readElement) };
}

/** One event in the JSON event format of CloudEvents. */
function readEvent(event: JsonValue): Claim | Refusal {
  if (!isJsonObject(event)) return refuse('wrong_shape', 'an event is an object');
  const origin = originOf(event.source, event.id);
  if (event.specversion !== '1.0') return refuse('wrong_shape', 'specversion is not "1.0"', origin);
  const fault = Object.entries(event).map(faultOfAttribute).find(Boolean);
  if (fault !== undefined) return refuse('wrong_shape', fault, origin);
  if (event.data_base64 !== undefined) {
    return refuse('data_not_json', 'data_base64 holds data of another type than JSON', origin);
  }
  const { datacontenttype } = event;
  if (typeof datacontenttype === 'string' && !isJson(datacontenttype)) {
    return refuse('data_not_json', 'datacontenttype is not JSON', origin);
  }
  const attributes = readAttributes(event);
  return isRefusal(attributes) ? attributes : { ...attributes, data: event.data ?? null };
}

const ATTRIBUTE_NAME = /^[a-z0-9]+$/;

/** Extensions may be text, booleans and integers. Only `correlationid` is kept; the rest serves transports. */
function faultOfAttribute([name, value]: [string, JsonValue]): string | undefined {
  if (name === 'data' || name === 'data_base64') return undefined;
  if (!ATTRIBUTE_NAME.test(name)) return 'an attribute has a name with other than a-z and 0-9';
  const isSimple = value === null || typeof value === 'string' || typeof value === 'boolean';
  return isSimple || Number.isInteger(value) ? undefined : `${name} is not a simple value`;
}

// Binary mode

function readBinary(inbound: Inbound): Claim | Refusal {
  const { headers = {}, body } = inbound;
  const stated = attributesIn(headers);
  if (isRefusal(stated)) return stated;
  const origin = originOf(stated.source, stated.id);
  // The signature covers the body alone: whoever carries the message could turn the event into another one.
  if (isStandardWebhook(inbound)) {
    return refuse('signature_incomplete', 'in binary mode the ce- headers are not signed', origin);
  }
  if (stated.specversion !== '1.0') {
    return refuse('wrong_shape', 'ce-specversion is not 1.0', origin);
  }
  if (headers['content-type'] !== undefined && !isJson(headers['content-type'])) {
    return refuse('data_not_json', 'the content type is not JSON', origin);
  }
  const attributes = readAttributes(stated);
  if (isRefusal(attributes)) return attributes;
  if (body === '') return { ...attributes, data: null };
  const text = readJson(body);
  return isRefusal(text) ? { ...text, ...origin } : { ...attributes, data: text.value };
}

/** Attributes by their names without `ce-`, decoded as CloudEvents' HTTP binding §3.1.3.2 encodes them. */
function attributesIn(headers: Readonly<Record<string, string>>): JsonObject | Refusal {
  const attributes: Record<string, string> = {};
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith('ce-')) continue;
    const name = header.slice('ce-'.length);
    const text = decodeHeader(value);
    if (text === undefined || !ATTRIBUTE_NAME.test(name)) {
      return refuse('wrong_shape', 'a ce- header does not hold an attribute');
    }
    attributes[name] = text;
  }
  return attributes;
}

function decodeHeader(value: string): string | undefined {
  if (!/^[\u0020-\u007e]*$/.test(value)) return undefined;
  const unquoted = /^".*"$/.test(value) ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value;
  try {
    return decodeURIComponent(unquoted);
  } catch {
    return undefined;
  }
}

// Content types

function mediaType(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}

function isJson(contentType: string): boolean {
  return /^[a-z0-9!#$&^_.+-]+\/(?:json|[a-z0-9!#$&^_.+-]+\+json)$/.test(mediaType(contentType));
}
