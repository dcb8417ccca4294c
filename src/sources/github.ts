/**
 * GitHub webhooks, of organisations and repositories. The event's name and the id of the delivery are headers, the
 * source is the one that the address names, the body is the data.
 *
 * `X-Hub-Signature-256` is an HMAC over the body and nothing else: neither the delivery's id nor a time is signed, so
 * somebody who holds a signed body can send it again under a new id. TLS between GitHub and the intake is what prevents
 * that; the scheme gives no more.
 */
import { createHmac } from 'node:crypto';
import { type Claim, originOf, readAttributes } from '../domain/event.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { readJson } from '../domain/json-text.ts';
import { isRefusal, type Refusal, refuse } from '../domain/problem.ts';
import type { Inbound, SigningKey, SourceKind } from '../domain/source.ts';
import { equalInConstantTime } from './signature.ts';

export const github: SourceKind = {
  name: 'github',
  headers: ['content-type', 'x-github-event', 'x-github-delivery', 'x-hub-signature-256'],
  read: (inbound) => ({ text: inbound.body, claim: readDelivery(inbound) }),
  idHeaders: ['x-github-delivery'],
  verify: verifyHubSignature,
};

const EVENT_NAME = /^[a-z0-9_]{1,60}$/;

function readDelivery({ source, headers = {}, body }: Inbound): Claim | Refusal {
  const name = headers['x-github-event'];
  const id = headers['x-github-delivery'];
  const origin = originOf(source, id);
  const refuseShape = (detail: string) => refuse('wrong_shape', detail, origin);
  if (source === undefined) return refuseShape('a delivery must be addressed to its source');
  if (name === undefined || id === undefined) {
    return refuseShape('X-GitHub-Event and X-GitHub-Delivery must be there');
  }
  if (!EVENT_NAME.test(name)) return refuseShape('X-GitHub-Event is not the name of an event');
  if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? 'application/json')) {
    return refuse('unsupported_media_type', 'set the webhook to application/json', origin);
  }
  const text = readJson(body);
  if (isRefusal(text)) return { ...text, ...origin };
  const { value: data } = text;
  if (!isJsonObject(data)) return refuseShape('a payload is an object');
  const type = typeOf(name, data.action);
  const attributes = readAttributes({ source, id, type, subject: subjectOf(data) });
  return isRefusal(attributes) ? attributes : { ...attributes, data };
}

/** `com.github.<event>.<action>`. Some have no action; that of a repository_dispatch is any text that its sender chose. */
function typeOf(name: string, action: JsonValue | undefined): string {
  const hasAction = typeof action === 'string' && action !== '';
  return hasAction ? `com.github.${name}.${action}` : `com.github.${name}`;
}

/** What the event is about: the repository, else the organisation, else the account that acted. */
function subjectOf(data: JsonObject): JsonValue {
  const member = (object: string, name: string): JsonValue => {
    const value = data[object];
    return isJsonObject(value) ? (value[name] ?? null) : null;
  };
  return (
    member('repository', 'full_name') ??
    member('organization', 'login') ??
    member('sender', 'login')
  );
}

const SIGNATURE = /^sha256=[0-9a-f]{64}$/;

function verifyHubSignature(
  { headers = {}, body }: Inbound,
  keys: readonly SigningKey[],
): string | null | Refusal {
  const signature = headers['x-hub-signature-256'];
  if (signature === undefined) return null;
  if (!SIGNATURE.test(signature)) {
    return refuse('signature_malformed', 'X-Hub-Signature-256 is not sha256= and 64 hex digits');
  }
  const held = keys
    .filter(({ algorithm }) => algorithm === 'hmac-sha256')
    .some(({ material }) => {
      const expected = createHmac('sha256', material).update(body).digest('hex');
      return equalInConstantTime(signature, `sha256=${expected}`);
    });
  return held ? signature : refuse('signature_wrong', 'X-Hub-Signature-256 holds for no valid key');
}
