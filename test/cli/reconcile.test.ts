/** What an operator does by hand about what is stuck: see the gaps, send them again, deal with dead letters. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createReviewerCommands } from '../../src/actors/reviewers.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import { keepDeadLetters } from '../../src/stores/dead-letter.ts';
import { type JourneyGround, openGround } from '../journeys/foundation.ts';
import { type EvaluatedEvent, openFacts } from '../support/facts.ts';
import { queueStores } from '../support/queue-stores.ts';
import { type Ended, sentinelops } from './command.ts';

const TEST_MS_MAX = 120_000;
const UNKNOWN = '00000000-0000-8000-8000-000000000000';

let ground: JourneyGround;
let stuck: EvaluatedEvent;
let letterId: string;

beforeAll(async () => {
  ground = await openGround(queueStores.find(({ name }) => name === 'postgres')!);
  const client = await ground.database.superuser();
  const facts = await openFacts(client);
  stuck = await facts.evaluation();
  await client.query('alter table advisory.advisory disable trigger user');
  await client.query(`update advisory.advisory set created_at = now() - interval '1 hour'`);
  const issued = await createReviewerCommands(ground.sessions.of('identity')).add({
    name: 'olga',
    roles: ['Operator'],
  });
  if (isRefusal(issued)) throw new Error(issued.detail);
  const letter = {
    queue: 'awaiting-decision',
    messageId: stuck.evaluationId,
    source: null,
    externalId: null,
    reason: 'fails_every_time',
    detail: 'failed 5 times',
    claims: 5,
    content: null,
    contentBytes: 0,
    contentSha256: null,
    kind: 'EVALUATION',
  };
  await ground.sessions.of('event').transact((tx) => keepDeadLetters(tx, [letter]));
  const { rows } = await client.query<{ id: string }>(
    'select dead_letter_id as id from event.dead_letter',
  );
  letterId = rows[0]!.id;
});
afterAll(() => ground.close());

const run = (...args: readonly string[]): Promise<Ended> => sentinelops(args, ground.environment);
async function json<T>(...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}
const waiting = async () => (await ground.broker.counts('awaiting-decision'))['waiting'];

it(
  'a letter is sent again, its stage’s queue has it, and who did it is known',
  async () => {
    const nobody = await run('deadletter', 'retry', letterId, '--as', 'nemo');
    expect(nobody).toMatchObject({ code: 4, stdout: '' });
    expect(nobody.stderr).toMatch(/^Nobody is called nemo\./);
    expect((await run('deadletter', 'retry', UNKNOWN)).code).toBe(4);
    const { code, stderr } = await run('deadletter', 'retry', letterId, '--as', 'olga');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/^Sent again to awaiting-decision at \S+\.\n$/) as string,
    });
    expect(await waiting()).toBe(1);
    expect(await json('deadletter', 'show', letterId)).toMatchObject({
      state: 'redriven',
      redrives: [{ by: 'olga' }],
    });
  },
  TEST_MS_MAX,
);

it(
  'what is open shows in the status, and a dry run shows what would be sent and sends nothing',
  async () => {
    const client = await ground.database.superuser();
    await client.query('delete from bullmq.job');
    const status = await json<{ gaps: { hop: string; open: number; oldestMs: number }[] }>(
      'status',
    );
    const review = status.gaps.find(({ hop }) => hop === 'review');
    expect(review?.open).toBe(1);
    expect(review?.oldestMs).toBeGreaterThan(3_500_000);
    const due = await json<object[]>('reconcile', '--dry-run');
    expect(due).toContainEqual({
      queue: 'awaiting-decision',
      type: null,
      id: stuck.evaluationId,
      since: expect.any(String) as string,
    });
    expect((await run('reconcile', '--dry-run')).stdout).toContain(stuck.evaluationId);
    expect(await waiting()).toBe(0);
  },
  TEST_MS_MAX,
);

it(
  'reconcile sends it, and what has been sent shows in the queue',
  async () => {
    const { code, stdout } = await run('reconcile');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^review +1 +1 *$/m);
    expect(await waiting()).toBe(1);
  },
  TEST_MS_MAX,
);

it(
  'a letter is discarded with a reason by an Operator, or not at all',
  async () => {
    const client = await ground.database.superuser();
    await client.query('update event.dead_letter set redriven_at = null');
    expect((await run('deadletter', 'discard', letterId, '--as', 'olga')).code).toBe(2);
    const blank = await run('deadletter', 'discard', letterId, '--as', 'olga', '--reason', ' ');
    expect(blank).toMatchObject({ code: 2, stdout: '' });
    const { code, stderr } = await run(
      ...['deadletter', 'discard', letterId, '--as', 'olga', '--reason', 'a test'],
    );
    expect({ code, said: stderr.startsWith('Discarded at ') }).toEqual({ code: 0, said: true });
    const again = await run('deadletter', 'retry', letterId);
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/^A discarded letter stays discarded/);
    expect(await json('deadletter', 'show', letterId)).toMatchObject({
      state: 'discarded',
      discardedBy: 'olga',
      discardReason: 'a test',
    });
    expect((await ground.broker.counts('ledger'))['waiting']).toBeGreaterThan(0);
  },
  TEST_MS_MAX,
);
