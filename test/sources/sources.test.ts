import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../src/domain/problem.ts';
import { DEFAULT_SOURCE_KIND, type Inbound } from '../../src/domain/source.ts';
import { timestampOfMs } from '../../src/domain/time.ts';
import { sourceKinds } from '../../src/sources/sources.ts';
import { eventBody, githubDelivery, signedEvent } from '../support/bad-events.ts';
import { ed25519Key, hmacKey } from '../support/signing.ts';

const nowMs = 1_767_323_045_000;
const window = { now: timestampOfMs(nowMs), pastMsMax: 300_000, futureMsMax: 300_000 };
const keys = [hmacKey(1).key, ed25519Key().key];

it('lists each kind once, the default one among them', () => {
  const names = sourceKinds.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toContain(DEFAULT_SOURCE_KIND);
});

describe.each(sourceKinds)('the source kind $name', (kind) => {
  /** Anything a stranger may send: noise, and real messages that are bent somewhere. */
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom('1.0', 'e-1', 'open', 'push', 'v1,AAAA v1a,AAAA', String(nowMs / 1_000)),
    fc.constantFrom('application/json', 'application/cloudevents+json; charset=utf-8'),
    fc.constantFrom('application/cloudevents-batch+json', `sha256=${'0'.repeat(64)}`),
  );
  const names = kind.headers.flatMap((name) =>
    name.endsWith('-')
      ? ['id', 'source', 'timestamp', 'signature'].map((end) => name + end)
      : [name],
  );
  const inbound: fc.Arbitrary<Inbound> = fc.record({
    source: fc.option(text, { nil: undefined }),
    headers: fc.dictionary(fc.constantFrom(...names), text),
    body: fc.oneof(
      text,
      fc.json(),
      fc.constantFrom(eventBody(), `[${eventBody()},7]`, githubDelivery('d').body),
      fc
        .dictionary(
          fc.constantFrom('id', 'source', 'type', 'data', 'action', 'sender'),
          fc.jsonValue(),
        )
        .map((members) => JSON.stringify({ specversion: '1.0', ...members })),
    ),
  });

  it('reads headers by their names in lower case', () => {
    for (const name of [...kind.headers, ...kind.idHeaders]) expect(name).toBe(name.toLowerCase());
    for (const name of kind.idHeaders) {
      expect(
        kind.headers.some((read) => name === read || (read.endsWith('-') && name.startsWith(read))),
      ).toBe(true);
    }
  });

  it('reads anything, and what it does not refuse has the form of an event', () => {
    fc.assert(
      fc.property(inbound, (message) => {
        const read = kind.read(message);
        for (const { text: part, claim } of 'batch' in read ? read.batch : [read]) {
          expect(message.body).toContain(part);
          if (isRefusal(claim)) continue;
          expect(claim.source).toMatch(/^[0-9A-Za-z._:/-]{1,100}$/);
          expect(claim.id.length).toBeGreaterThan(0);
          expect(claim.id.length).toBeLessThanOrEqual(200);
          expect(claim.type.length).toBeLessThanOrEqual(200);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('verifies anything, and lets nothing hold that no key signed', () => {
    fc.assert(
      fc.property(inbound, (message) => {
        const verdict = kind.verify(message, keys, window);
        if (verdict !== null) expect(verdict).toMatchObject({ kind: 'refusal' });
      }),
      { numRuns: 2_000 },
    );
  });
});

it('verifies what the other tests call signed', () => {
  const byName = new Map(sourceKinds.map((kind) => [kind.name, kind]));
  const verify = (name: string, message: Inbound) =>
    byName.get(name)?.verify(message, keys, window);
  expect(typeof verify('cloudevents', signedEvent('e-1', nowMs))).toBe('string');
  expect(typeof verify('github', githubDelivery('d-1'))).toBe('string');
});
