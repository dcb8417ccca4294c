import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../src/domain/problem.ts';
import { timestampOfMs } from '../../src/domain/time.ts';
import { github } from '../../src/sources/github.ts';
import { githubPayloads } from '../support/github.ts';
import { ed25519Key, hmacKey, signGithub } from '../support/signing.ts';

const body = JSON.stringify({
  action: 'publicized',
  repository: { full_name: 'acme/api' },
  organization: { login: 'acme' },
  sender: { login: 'ada' },
});
const headers = {
  'content-type': 'application/json',
  'x-github-event': 'repository',
  'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
};

function claimOf(change: Record<string, string | undefined> = {}, text = body, source = 'acme') {
  const merged = Object.entries({ ...headers, ...change }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  const inbound = {
    source,
    headers: Object.fromEntries(merged) as Record<string, string>,
    body: text,
  };
  const read = github.read(source === '' ? { headers, body: text } : inbound);
  if ('batch' in read) throw new Error('a batch');
  return read.claim;
}

describe('a delivery of GitHub', () => {
  it('is an event with the id of the delivery, named by event and action', () => {
    expect(claimOf()).toEqual({
      source: 'acme',
      id: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
      type: 'com.github.repository.publicized',
      subject: 'acme/api',
      time: null,
      correlationId: null,
      data: JSON.parse(body) as unknown,
    });
  });

  it('is about the repository, else the organisation, else the sender, else nothing', () => {
    const subjectOf = (payload: object) => {
      const claim = claimOf({}, JSON.stringify(payload));
      return isRefusal(claim) ? claim : claim.subject;
    };
    const sender = { login: 'ada' };
    expect(subjectOf({ organization: { login: 'acme' }, sender })).toBe('acme');
    expect(subjectOf({ repository: null, sender })).toBe('ada');
    expect(subjectOf({ zen: 'Keep it logically awesome.' })).toBeNull();
  });

  it('has no action in its type when the payload has none', () => {
    expect(claimOf({ 'x-github-event': 'push' }, '{"ref":"refs/heads/main"}')).toMatchObject({
      type: 'com.github.push',
    });
  });

  it('is accepted with each of the 329 documented payloads', () => {
    for (const { event, body: text } of githubPayloads()) {
      const claim = claimOf({ 'x-github-event': event }, text);
      expect(isRefusal(claim), `${event}: ${JSON.stringify(claim).slice(0, 200)}`).toBe(false);
    }
  });

  it.each([
    ['wrong_shape', 'no source', {}, body, ''],
    ['wrong_shape', 'no event', { 'x-github-event': undefined }, body, 'acme'],
    ['wrong_shape', 'no delivery', { 'x-github-delivery': undefined }, body, 'acme'],
    ['wrong_shape', 'an event with a line break', { 'x-github-event': 'push\n' }, body, 'acme'],
    ['wrong_shape', 'a payload that is a list', {}, '[]', 'acme'],
    ['wrong_shape', 'an action with a line break', {}, '{"action":"a\\nb"}', 'acme'],
    ['not_json', 'half a payload', {}, '{"action":', 'acme'],
    ['forbidden_key', 'a hostile key', {}, '{"__proto__":{}}', 'acme'],
    [
      'unsupported_media_type',
      'a form',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'payload=%7B%7D',
      'acme',
    ],
  ])('is refused as %s: %s', (reason, _fault, change, text, source) => {
    expect(claimOf(change, text, source)).toMatchObject({ kind: 'refusal', reason });
  });

  it('is known by its headers even when its payload cannot be read', () => {
    expect(claimOf({}, 'payload')).toMatchObject({
      source: 'acme',
      externalId: headers['x-github-delivery'],
    });
  });
});

describe('a signature of GitHub', () => {
  const hmac = hmacKey(1);
  const now = timestampOfMs(0);
  const window = { now, pastMsMax: 0, futureMsMax: 0 };
  const verdict = (signature: string | undefined, text = body, keys = [hmac.key]) =>
    github.verify(
      {
        headers: signature === undefined ? {} : { 'x-hub-signature-256': signature },
        body: text,
      },
      keys,
      window,
    );

  it('is the one of GitHub’s documentation', () => {
    const secret = Buffer.from("It's a Secret to Everybody");
    const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
    const keys = [{ algorithm: 'hmac-sha256' as const, material: secret }];
    expect(verdict(signature, 'Hello, World!', keys)).toBe(signature);
  });

  it('holds over the bytes of the body, for either of two valid keys', () => {
    const signature = signGithub(hmac, body);
    expect(verdict(signature)).toBe(signature);
    expect(verdict(signature, body, [ed25519Key().key, hmacKey(2).key, hmac.key])).toBe(signature);
  });

  it('is absent when its header is', () => {
    expect(verdict(undefined)).toBeNull();
  });

  it.each([
    ['signature_wrong', 'an altered byte', signGithub(hmac, body.replace('acme', 'acmf'))],
    ['signature_wrong', 'another key', signGithub(hmacKey(2), body)],
    ['signature_malformed', 'SHA-1', 'sha1=757107ea0eb2509fc211221cce984b8a37570b6d'],
    ['signature_malformed', 'two values', `${signGithub(hmac, body)}, ${signGithub(hmac, body)}`],
    ['signature_malformed', 'nothing', ''],
  ])('is refused as %s: %s', (reason, _fault, signature) => {
    expect(verdict(signature)).toMatchObject({ reason });
  });

  it('does not hold when the source has no HMAC key', () => {
    expect(verdict(signGithub(hmac, body), body, [ed25519Key().key])).toMatchObject({
      reason: 'signature_wrong',
    });
  });
});
