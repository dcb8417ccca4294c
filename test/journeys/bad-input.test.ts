/**
 * What bad input gets on the queue: each kind of it, among good events, through the running ingest worker on both queue
 * stores. None stops the worker, none vanishes, and none takes its neighbours with it.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventIdOf } from '../../src/domain/ids.ts';
import { isProblemCode } from '../../src/domain/problem.ts';
import type { Message } from '../../src/queues/messages.ts';
import { type DeadLetterFull, openAuditStore } from '../../src/stores/audit.ts';
import { badEvents, eventOf, registry } from '../support/bad-events.ts';
import { queueStores } from '../support/queue-stores.ts';
import { registerSources } from '../support/sources.ts';
import { type JourneyGround, openGround } from './foundation.ts';
import { type Stage, startStage } from './stage.ts';

const LETTERS_MAX = 1_000;

interface BadJob {
  readonly title: string;
  readonly reason: string;
  readonly content: unknown;
  /** What of it is kept: the bytes of the event, or of what stands where one should be. */
  readonly kept: string;
}

function envelope(...messages: readonly unknown[]) {
  return { v: 1, messages };
}

/** The bad events as messages, and what only a job can be. `original` was accepted before. */
function badJobs(original: Message<'ingest'>): readonly BadJob[] {
  const job = (title: string, reason: string, content: unknown, kept: unknown): BadJob => ({
    title,
    reason,
    content,
    kept: typeof kept === 'string' ? kept : JSON.stringify(kept),
  });
  const changed = original.body.replace('true', 'false');
  const otherVersion = { v: 2, messages: ['of another release'] };
  const noMessages = { v: 1, messages: 'none' };
  const noMessage = { body: 7 };
  return [
    ...badEvents(Date.now()).map(({ title, reason, inbound }) =>
      job(title, reason, envelope(inbound), inbound.body),
    ),
    job('the id of another event', 'conflict', envelope({ ...original, body: changed }), changed),
    job('a job of another version', 'unknown_job_version', otherVersion, otherVersion),
    job('an envelope without messages', 'malformed_job', noMessages, noMessages),
    job('a message of no shape', 'malformed_message', envelope(noMessage), noMessage),
    job('a job that is a text', 'malformed_job', 'event', '"event"'),
    job('a bare event that is none', 'wrong_shape', { hello: 'world' }, { hello: 'world' }),
    job('an array with what is no event', 'wrong_shape', [7], '7'),
  ];
}

describe.each(queueStores)('on $name', (store) => {
  const original = eventOf({ id: 'original' }) as Message<'ingest'>;
  const jobs = badJobs(original);
  let ground: JourneyGround;
  let stage: Stage;
  let letters: readonly DeadLetterFull[];

  beforeAll(async () => {
    ground = await openGround(store);
    await registerSources(ground.sessions.of('event'), registry);
    stage = await startStage(ground, ['ingest']);
    const { sender, publish } = ground.broker;
    await sender('ingest')([original]);
    await stage.handedOn('risk', 1);
    for (const [index, { content }] of jobs.entries()) {
      await publish('ingest', randomUUID(), content as object);
      // The second time it is a duplicate, which has no effect and needs no letter.
      await sender('ingest')([eventOf({ id: `beside-${index}` }) as Message<'ingest'>, original]);
    }
    await stage.handedOn('ledger', 1 + jobs.length);
    await stage.stop();
    letters = await ground.sessions.of('audit').transact(async (tx) => {
      const audit = openAuditStore(tx);
      const listed = await audit.deadLetters({ state: 'open', limit: LETTERS_MAX });
      const full: DeadLetterFull[] = [];
      for (const { deadLetterId } of listed) full.push((await audit.deadLetter(deadLetterId))!);
      return full;
    });
  });
  afterAll(() => ground.close());

  it.each(jobs)('$title is found as $reason, with its bytes', ({ reason, kept }) => {
    const bytes = Buffer.from(kept);
    const same = letters.filter(
      (letter) => letter.contentBytes === bytes.length && letter.reason === reason,
    );
    expect(same.length).toBeGreaterThan(0);
    const contents = same.map(({ content }) => content?.toString());
    expect(contents).toContain(bytes.subarray(0, 65_536).toString());
    expect(isProblemCode(reason)).toBe(true);
  });

  it('leaves one letter for each of them, and none for anything else', () => {
    expect(letters.map(({ queue, reason }) => `${queue} ${reason}`).toSorted()).toEqual(
      jobs.map(({ reason }) => `ingest ${reason}`).toSorted(),
    );
  });

  it('takes every good event beside them, and its repeats without a second effect', async () => {
    const good = ['original', ...jobs.map((_, index) => `beside-${index}`)];
    expect(stage.arrived('risk').map(({ eventId }) => eventId)).toEqual(
      good.map((id) => eventIdOf('open', id) as string).sort(),
    );
    expect(await ground.counts()).toMatchObject({ events: good.length });
  });
});
