/** What senders send: events that lead everywhere, repeats, conflicts, and what must be refused. */
import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { canonicalJson } from '../../../src/domain/canonical.ts';
import { sha256 } from '../../../src/domain/digest.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { Random } from '../random.ts';
import { EVENT_TYPES } from './documents.ts';

/** The registered sources, with how each proves itself. */
export const SOURCES = {
  signed: 'chaos/signed',
  open: 'chaos/open',
  github: 'chaos/github',
} as const;

export interface Secrets {
  /** `whsec_…`, of the signed source. */
  readonly signed: string;
  readonly github: string;
}

/** One event as it will be sent. */
export interface Submission {
  readonly source: string;
  readonly id: string;
  /** The text of the event. */
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the canonical JSON of its data. */
  readonly payload: string;
  readonly kind: 'cloudevents' | 'github';
  /** Signed with a key that is not the source's: refused, whatever it says. */
  readonly isForged: boolean;
}

/** How often each of them is drawn, of all. */
const SHARES = { repeat: 0.04, conflict: 0.04, forged: 0.01 };
/** Sent ones that may be repeated or contradicted. */
const REMEMBERED_MAX = 500;
const CANARY = 'canary-in-a-body-5f1d';

/** Secrets that stand in bodies and headers on purpose, for the check that they turn up nowhere else. */
export const bodyCanaries: readonly string[] = [CANARY];

export interface Submissions {
  next(): Submission;
  /** Events of the open source, which may share a batch or come through the queue unsigned. */
  nextOpen(): Submission;
}

export interface SubmissionsOptions {
  readonly random: Random;
  readonly secrets: Secrets;
  /** Of the ids. */
  readonly prefix: string;
  /** Of fresh events, those that people will have to decide about. */
  readonly reviewedShare: number;
}

export function createSubmissions(options: SubmissionsOptions): Submissions {
  const { random, secrets, prefix } = options;
  const sent: Submission[] = [];
  let count = 0;

  function fresh(source: string): Submission {
    count += 1;
    const id = `${prefix}-${count}`;
    const submission =
      source === SOURCES.github
        ? githubDelivery(id, githubData(options, count), secrets.github)
        : cloudEvent(source, id, eventOf(options, count), signerOf(source, secrets));
    sent.push(submission);
    if (sent.length > REMEMBERED_MAX) sent.shift();
    return submission;
  }

  function drawn(sources: readonly string[]): Submission {
    const known = sent.filter(({ source }) => sources.includes(source));
    if (known.length > 0 && random.chance(SHARES.repeat)) return random.pick(known);
    if (known.length > 0 && random.chance(SHARES.conflict)) {
      return contradicting(random.pick(known), secrets, count);
    }
    return fresh(random.pick(sources));
  }

  return {
    next() {
      if (!random.chance(SHARES.forged)) return drawn(Object.values(SOURCES));
      count += 1;
      const data = eventOf(options, count);
      const wrong = `whsec_${Buffer.from('a key that nobody has registered').toString('base64')}`;
      return { ...cloudEvent(SOURCES.signed, `${prefix}-${count}`, data, wrong), isForged: true };
    },
    nextOpen: () => drawn([SOURCES.open]),
  };
}

interface EventData {
  readonly type: string;
  readonly data: JsonObject;
}

function eventOf({ random, reviewedShare }: SubmissionsOptions, count: number): EventData {
  const type = random.chance(reviewedShare)
    ? random.pick([EVENT_TYPES.act, EVENT_TYPES.act, EVENT_TYPES.act, EVENT_TYPES.contested])
    : EVENT_TYPES.quiet;
  const weight = random.pick([0, 0, 0, 0, 1, 1, 2, 3]);
  const isUnknown = type !== EVENT_TYPES.quiet && random.chance(0.05);
  return {
    type,
    data: {
      count,
      act: random.chance(0.9),
      verdict: random.chance(0.1) ? 'refuse' : 'accept',
      note: `${CANARY} ${random.between(0, 1e9)}`,
      ...(isUnknown ? {} : { weight }),
    },
  };
}

function signerOf(source: string, { signed }: Secrets): string | undefined {
  return source === SOURCES.signed ? signed : undefined;
}

function cloudEvent(
  source: string,
  id: string,
  { type, data }: EventData,
  secret: string | undefined,
): Submission {
  const text = JSON.stringify({
    specversion: '1.0',
    source,
    id,
    type,
    subject: `thing-${id}`,
    data,
  });
  return {
    ...{ source, id, text, payload: sha256(canonicalJson(data)), kind: 'cloudevents' },
    ...{ headers: signedHeaders(id, text, secret), isForged: false },
  } as const;
}

function signedHeaders(
  id: string,
  text: string,
  secret: string | undefined,
): Readonly<Record<string, string>> {
  const type = { 'content-type': 'application/cloudevents+json' };
  if (secret === undefined) return type;
  const now = new Date();
  return {
    ...type,
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
    'webhook-signature': new Webhook(secret).sign(id, now, text),
  };
}

function githubData({ random, reviewedShare }: SubmissionsOptions, count: number): JsonObject {
  return {
    action: 'publicized',
    weight: random.pick([0, 0, 1]),
    repository: {
      full_name: `chaos/repository-${count}`,
      private: !random.chance(reviewedShare),
      note: `${CANARY} ${random.between(0, 1e9)}`,
    },
  };
}

function githubDelivery(id: string, data: JsonObject, secret: string): Submission {
  const text = JSON.stringify(data);
  return {
    ...{ source: SOURCES.github, id, text, payload: sha256(canonicalJson(data)), kind: 'github' },
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'repository',
      'x-github-delivery': id,
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(text).digest('hex')}`,
    },
    isForged: false,
  } as const;
}

/** The same key with other data. */
function contradicting(known: Submission, secrets: Secrets, count: number): Submission {
  if (known.kind === 'github') {
    const data = { ...(JSON.parse(known.text) as JsonObject), contradicts: count };
    return githubDelivery(known.id, data, secrets.github);
  }
  const { type, data } = JSON.parse(known.text) as { type: string; data: JsonObject };
  const other = { type, data: { ...data, contradicts: count } };
  return cloudEvent(known.source, known.id, other, signerOf(known.source, secrets));
}

/** The same event with a signature of now: what was signed long ago is refused over HTTP. */
export function signedNow(submission: Submission, secrets: Secrets): Submission {
  const { source, id, text, isForged } = submission;
  if (source !== SOURCES.signed || isForged) return submission;
  return { ...submission, headers: signedHeaders(id, text, secrets.signed) };
}
