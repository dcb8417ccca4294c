/**
 * Sources under way: each sends again and again until it is told to stop, over HTTP or as jobs of the ingest queue. Every
 * submission is noted before it leaves, as unknown, and once more when it was answered. What was not answered, or put
 * off, is sent again with the same key, as a source should.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { sha256 } from '../../../src/domain/digest.ts';
import type { Op } from '../checker/evidence.ts';
import type { RunFolder } from '../journal.ts';
import type { Random } from '../random.ts';
import { createSubmissions, type Secrets, signedNow, type Submission } from './submissions.ts';

export interface SendersOptions {
  /** Where HTTP servers listen now. */
  readonly httpUrls: () => readonly string[];
  /** The queue store, as a source reaches it. */
  readonly redisUrl: string;
  readonly secrets: Secrets;
  readonly folder: RunFolder;
  readonly random: Random;
  /** In all, while everything is up. */
  readonly eventsPerSecond: number;
  readonly reviewedShare: number;
}

export interface Senders {
  /** What was sent since the beginning, by how it ended; repeats count each time. */
  readonly counts: Readonly<Record<Op['outcome'], number>>;
  /** Sends nothing new, and resolves when what is under way has been answered or given up. */
  stop(): Promise<void>;
}

const HTTP_SENDERS = 4;
const QUEUE_SENDERS = 2;
/** Of the requests over HTTP. */
const BATCH_SHARE = 0.1;
const BATCH_MAX = 20;
const BATCH_MIN = 2;
const ANSWER_MS_MAX = 8_000;
const TRIES_MAX = 8;
const RETRY_MS = 400;
const JOB_OPTIONS = {
  attempts: 1_000_000,
  backoff: { type: 'capped' },
  removeOnComplete: true,
  removeOnFail: true,
} as const;

type Ending = Pick<Op, 'outcome' | 'status' | 'eventId' | 'digest'>;
const NOT_ANSWERED: Ending = { outcome: 'unknown', status: null, eventId: null, digest: null };

export function startSenders(options: SendersOptions): Senders {
  const { folder, random, secrets } = options;
  const counts = { ok: 0, refused: 0, unknown: 0 };
  const stopped = new AbortController();
  const queue = openIngestQueue(options.redisUrl);

  /** Notes an op, lets it happen, and notes how it ended. */
  async function noted(
    path: Op['path'],
    submissions: readonly Submission[],
    send: () => Promise<readonly Ending[]>,
  ): Promise<readonly Ending[]> {
    const startedAt = Date.now();
    const ops = submissions.map(({ source, id, payload, text }) => ({
      ...{ op: randomUUID(), path, source, id, payload, body: sha256(text), startedAt },
      ...{ endedAt: startedAt, ...NOT_ANSWERED },
    }));
    await Promise.all(ops.map((op) => folder.note('ops', op)));
    const endings = await send();
    const endedAt = Date.now();
    await Promise.all(
      ops.map((op, index) => folder.note('ops', { ...op, endedAt, ...endings[index]! })),
    );
    for (const { outcome } of endings) counts[outcome] += 1;
    return endings;
  }

  async function sendOverHttp(submissions: readonly Submission[], drawn: Random): Promise<void> {
    for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
      const urls = options.httpUrls();
      const url = urls[tries % urls.length]!;
      const fresh = submissions.map((submission) => signedNow(submission, secrets));
      const endings = await noted('http', fresh, () =>
        fresh.length === 1 ? post(url, fresh[0]!) : postBatch(url, fresh),
      );
      if (!endings.some(isPutOff) || stopped.signal.aborted) return;
      await sleep(RETRY_MS * tries * (0.5 + drawn.next()));
    }
  }

  async function sendAsJob(submission: Submission, drawn: Random): Promise<void> {
    for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
      const [ending] = await noted('queue', [submission], async () => [
        await enqueue(queue, submission),
      ]);
      if (ending!.outcome === 'ok' || stopped.signal.aborted) return;
      await sleep(RETRY_MS * tries * (0.5 + drawn.next()));
    }
  }

  async function run(index: number): Promise<void> {
    const own = random.fork(`sender ${index}`);
    const submissions = createSubmissions({
      ...{ random: own, secrets, reviewedShare: options.reviewedShare },
      prefix: `${index}-${own.between(0, 1e9)}`,
    });
    const senders = HTTP_SENDERS + QUEUE_SENDERS;
    const pauseMs = (1_000 * senders) / options.eventsPerSecond;
    let dueAtMs = performance.now() + own.next() * pauseMs;
    while (!stopped.signal.aborted) {
      const events =
        index >= HTTP_SENDERS || !own.chance(BATCH_SHARE) ? 1 : own.between(BATCH_MIN, BATCH_MAX);
      if (index >= HTTP_SENDERS) await sendAsJob(submissions.nextOpen(), own);
      else if (events === 1) await sendOverHttp([submissions.next()], own);
      else
        await sendOverHttp(
          distinct(Array.from({ length: events }, () => submissions.nextOpen())),
          own,
        );
      dueAtMs = Math.max(dueAtMs + pauseMs * events, performance.now() - pauseMs);
      await sleep(Math.max(0, dueAtMs - performance.now()), undefined, {
        signal: stopped.signal,
      }).catch(() => undefined);
    }
  }

  const running = Array.from({ length: HTTP_SENDERS + QUEUE_SENDERS }, (_, index) => run(index));
  return {
    counts,
    async stop() {
      stopped.abort();
      await Promise.all(running);
      await queue.close();
    },
  };
}

/** Within one batch a key that comes twice would have two answers and one op each; the order would decide. */
function distinct(submissions: readonly Submission[]): readonly Submission[] {
  return [...new Map(submissions.map((submission) => [submission.id, submission])).values()];
}

function isPutOff({ outcome, status }: Ending): boolean {
  return outcome === 'unknown' || status === 503 || status === 429;
}

// HTTP

async function post(url: string, submission: Submission): Promise<readonly Ending[]> {
  const { kind, source, headers, text } = submission;
  const path =
    kind === 'github' ? `/v1/sources/github/${encodeURIComponent(source)}/events` : '/v1/events';
  const answer = await request(`${url}${path}`, headers, text);
  if (answer === undefined) return [NOT_ANSWERED];
  return [endingOf(answer.status, answer.body)];
}

async function postBatch(
  url: string,
  submissions: readonly Submission[],
): Promise<readonly Ending[]> {
  const text = `[${submissions.map((submission) => submission.text).join()}]`;
  const headers = { 'content-type': 'application/cloudevents-batch+json' };
  const answer = await request(`${url}/v1/events`, headers, text);
  if (answer === undefined) return submissions.map(() => NOT_ANSWERED);
  const { body, status } = answer;
  const results = Array.isArray(body) ? body : (body as { results?: unknown[] }).results;
  if (results === undefined) return submissions.map(() => endingOf(status, body));
  return submissions.map((_, index) => {
    const result = results[index] as { readonly status?: number };
    return endingOf(result.status ?? 202, result);
  });
}

interface HttpAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Undefined when no whole answer came. */
async function request(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<HttpAnswer | undefined> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const response = await fetch(url, { method: 'POST', headers, body, signal });
    return { status: response.status, body: await response.json() };
  } catch {
    return undefined;
  }
}

function endingOf(status: number, body: unknown): Ending {
  const { event_id: eventId, digest } = body as { event_id?: string; digest?: string };
  if (status === 202) {
    return { outcome: 'ok', status, eventId: eventId ?? null, digest: digest ?? null };
  }
  return { outcome: 'refused', status, eventId: null, digest: null };
}

// Queue

/** As a foreign client would open it, by docs/sources.md. */
function openIngestQueue(redisUrl: string): Queue {
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: 1, enableOfflineQueue: false });
  connection.on('error', () => {});
  const queue = new Queue('ingest', {
    prefix: '{ingest}',
    connection,
    defaultJobOptions: JOB_OPTIONS,
  });
  queue.on('error', () => {});
  const close = queue.close.bind(queue);
  queue.close = async () => {
    await close();
    connection.disconnect();
  };
  return queue;
}

/** A job that the store has taken counts as accepted: as durable as that store. */
async function enqueue(queue: Queue, { text }: Submission): Promise<Ending> {
  try {
    const added = queue.add('batch', JSON.parse(text) as object);
    await Promise.race([
      added,
      sleep(ANSWER_MS_MAX, undefined, { ref: false }).then(() => {
        throw new Error('no answer');
      }),
    ]);
    return { outcome: 'ok', status: null, eventId: null, digest: null };
  } catch {
    return NOT_ANSWERED;
  }
}
