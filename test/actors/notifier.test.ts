import { Webhook } from 'standardwebhooks';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDecide } from '../../src/actors/decision.ts';
import { createNotifier, type NotifierOptions } from '../../src/actors/notifier.ts';
import type { Watch } from '../../src/actors/watch.ts';
import { silentLog } from '../../src/domain/log.ts';
import { systemClock } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import {
  type Notifications,
  openNotifications,
  readNotifications,
} from '../../src/targets/notifications-file.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Facts, openFacts } from '../support/facts.ts';
import { type MailServer, openMailServer } from '../support/mail.ts';
import { openReceiver, type Receiver, respond } from '../support/receiver.ts';
import { openReview, saying } from '../support/reviews.ts';

const KEY = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;

let database: TestDatabase;
let decision: Database;
let client: pg.Client;
let facts: Facts;
let receiver: Receiver;
let mails: MailServer;
const running: Watch[] = [];

beforeAll(async () => {
  database = await cloneDatabase();
  decision = database.open('decision');
  client = await database.superuser();
  facts = await openFacts(client);
  mails = await openMailServer();
});
beforeEach(async () => {
  receiver = await openReceiver();
});
afterEach(async () => {
  for (const notifier of running.splice(0)) await notifier.stop();
  await receiver.close();
});
afterAll(async () => {
  await mails.close();
  await database.close();
});

let routeCount = 0;
/** Routes of a name of their own: what another test's routes were told does not concern them. */
async function routed(routes: string): Promise<Notifications> {
  routeCount += 1;
  const text = `
console_url: https://console.example.org
mail: { server: env:SMTP_URL, from: s@example.org, loopback: true }
routes:
${routes.replaceAll('NAME', `route-${routeCount}`).replaceAll('URL', receiver.url)}`;
  const reading = readNotifications('test', text);
  if ('faults' in reading) throw new Error(JSON.stringify(reading.faults));
  const secrets: Record<string, string> = {
    'env:KEY': KEY,
    'env:SMTP_URL': `smtp://127.0.0.1:${mails.port}`,
  };
  const readSecret = async (reference: string) => secrets[reference]!;
  return openNotifications(reading.definition, {
    readSecret,
    publish: async () => undefined,
    log: silentLog,
  });
}

const HOOK = `  - name: NAME
    webhook: { url: "URL", keys: ["env:KEY"], loopback: true }`;

/** One look by a notifier of its own; resolves with how many messages it sent, or rejects where a failpoint ended it. */
async function look(of: Notifications, more: Partial<NotifierOptions> = {}): Promise<number> {
  const ended = Promise.withResolvers<number>();
  const log = {
    ...silentLog,
    warn: (_: object, words: string) => {
      if (words.includes('a look failed')) ended.reject(new Error(words));
    },
  };
  const notifier = createNotifier({
    database: decision,
    ...of,
    clock: systemClock,
    log,
    onLook: ended.resolve,
    intervalMs: 3_600_000,
    ...more,
  });
  running.push(notifier);
  notifier.start();
  return ended.promise;
}

interface Told {
  readonly message_id: string;
  readonly notifications: readonly { readonly kind: string; readonly review_id: string }[];
}
const told = (): Told[] => receiver.received.map(({ body }) => JSON.parse(body) as Told);
const kindsTold = () =>
  told().flatMap(({ notifications }) => notifications.map(({ kind }) => kind));

const decide = (
  reviewId: string,
  person: string,
  role: 'Compliance Officer',
  act: 'escalate' | 'reject',
  viewDigest: string,
) =>
  createDecide({ database: decision, send: async () => {}, log: silentLog })({
    personId: person as never,
    reviewId: reviewId as never,
    ...saying(act, { viewDigest }, role),
  } as never);

describe('a notifier', () => {
  it('tells of what comes after a route was first seen, once, signed', async () => {
    const before = await openReview(decision, facts);
    const hook = await routed(HOOK);
    expect(await look(hook)).toBe(0);
    const review = await openReview(decision, facts, { level: 'HIGH', subject: 'octo/repo' });
    expect(await look(hook)).toBe(1);
    expect(await look(hook)).toBe(0);
    expect(told()).toMatchObject([
      { notifications: [{ kind: 'new', review_id: review.reviewId }] },
    ]);
    expect(told()[0]!.notifications).not.toMatchObject([{ review_id: before.reviewId }]);
    const { headers, body } = receiver.received[0]!;
    new Webhook(KEY).verify(body, headers as Record<string, string>);
    expect(headers['webhook-id']).toBe(told()[0]!.message_id);
  });

  it('tells of an escalation and of the decision', async () => {
    const hook = await routed(HOOK);
    await look(hook);
    const review = await openReview(decision, facts, { level: 'HIGH' });
    const person = await facts.person('cora', 'Compliance Officer');
    await decide(review.reviewId, person, 'Compliance Officer', 'escalate', review.viewDigest);
    await look(hook);
    expect(kindsTold().toSorted()).toEqual(['escalated', 'new']);
    const { rows } = await client.query<{ digest: string }>(
      `select view_digest as digest from decision.decision where review_id = $1 and round = 2`,
      [review.reviewId],
    );
    const board = await facts.person('bob', 'Governance Board');
    await decide(review.reviewId, board, 'Governance Board' as never, 'reject', rows[0]!.digest);
    await look(hook);
    expect(kindsTold().toSorted()).toEqual(['decided', 'escalated', 'new']);
  });

  it('tells each role of the rounds that may need it, and each level of its own', async () => {
    const routes = await routed(`${HOOK}
    roles: [Governance Board]
    kinds: [new]
${HOOK.replace('NAME', 'NAME-low')}
    levels: [LOW]
    kinds: [new]`);
    await look(routes);
    const critical = await openReview(decision, facts, { level: 'CRITICAL' });
    const medium = await openReview(decision, facts, { level: 'MEDIUM' });
    const low = await openReview(decision, facts, { level: 'LOW' });
    await look(routes);
    const heard = told().flatMap(({ notifications }) =>
      notifications.map(({ review_id: id }) => id),
    );
    expect(heard.filter((id) => id === critical.reviewId)).toHaveLength(1);
    expect(heard).not.toContain(medium.reviewId);
    // By both: a LOW round may be decided by anybody, the Board among them.
    expect(heard.filter((id) => id === low.reviewId)).toHaveLength(2);
  });

  it('gathers a digest until its time has come', async () => {
    const digest = await routed(`${HOOK}
    digest_minutes: 30`);
    await look(digest);
    await openReview(decision, facts);
    await openReview(decision, facts);
    expect(await look(digest)).toBe(0);
    const dueNow = {
      ...digest,
      routes: digest.routes.map((route) => ({ ...route, digestMinutes: 0 })),
    };
    // Due, and still gathered: the route of the same name, whose minutes have passed.
    const passed = {
      ...digest,
      routes: dueNow.routes.map((route) => ({ ...route, digestMinutes: -1 })),
    };
    expect(await look(passed)).toBe(1);
    expect(told()[0]!.notifications).toHaveLength(2);
  });

  it('sends mail as it sends webhooks', async () => {
    const mail = await routed(`  - name: NAME
    mail: { to: [officers@example.org] }
    templates: { new: { subject: "Look: {{title}}", text: "At {{url}}" } }`);
    await look(mail);
    const review = await openReview(decision, facts);
    const already = mails.received.length;
    expect(await look(mail)).toBe(1);
    const { to, source } = mails.received[already]!;
    expect(to).toEqual(['officers@example.org']);
    expect(source).toContain('Subject: Look: A policy');
    expect(source.replaceAll('=\r\n', '')).toContain(`/console/reviews/${review.reviewId}`);
  });

  it('tries again later what fails, and gives up what is refused', async () => {
    const hook = await routed(HOOK);
    await look(hook);
    receiver.script(respond(503), respond(410));
    await openReview(decision, facts);
    await look(hook);
    const state = async () =>
      (
        await client.query<{ attempts: number; sent: boolean; over: boolean; later: boolean }>(
          `select attempts, sent_at is not null as sent, given_up_at is not null as over, next_attempt_at > now() as later
           from decision.notification_message where route = $1`,
          [hook.routes[0]!.name],
        )
      ).rows;
    expect(await state()).toEqual([{ attempts: 1, sent: false, over: false, later: true }]);
    await client.query(
      'update decision.notification_message set next_attempt_at = now() where sent_at is null',
    );
    await look(hook);
    expect(await state()).toMatchObject([{ attempts: 2, sent: false, over: true }]);
    expect(receiver.received[1]!.body).toBe(receiver.received[0]!.body);
    expect(await look(hook)).toBe(0);
  });

  it('tells of a round that has little time left, once', async () => {
    const hook = await routed(`${HOOK}
    kinds: [due_soon]`);
    await look(hook);
    const review = await openReview(decision, facts, { level: 'MEDIUM' });
    expect(await look(hook)).toBe(0);
    // A warning needs a round that is old enough, which only a superuser past the guards can make.
    await client.query('alter table decision.round_warning disable trigger warning_is_due');
    await client.query(
      `insert into decision.round_warning (decision_id)
       select decision_id from decision.decision where review_id = $1`,
      [review.reviewId],
    );
    await look(hook);
    expect(await look(hook)).toBe(0);
    expect(told()).toMatchObject([
      { notifications: [{ kind: 'due_soon', review_id: review.reviewId }] },
    ]);
  });
});

describe('a crash', () => {
  it.each(['noted', 'composed', 'claimed', 'sent'] as const)(
    'at %s loses nothing, and repeats at most with the same id and bytes',
    async (point) => {
      const hook = await routed(`${HOOK}
    kinds: [new]`);
      await look(hook);
      const review = await openReview(decision, facts);
      const failpoint = async (reached: string) => {
        if (reached === point) throw new Error('the end');
      };
      await expect(look(hook, { failpoint })).rejects.toThrow('a look failed');
      // The claim of the one that is gone has run out.
      await client.query(
        'update decision.notification_message set next_attempt_at = now() where sent_at is null',
      );
      await look(hook);
      expect(told().at(-1)).toMatchObject({ notifications: [{ review_id: review.reviewId }] });
      expect(receiver.received).toHaveLength(point === 'sent' ? 2 : 1);
      expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
      expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    },
  );
});

it('several notifiers share the work and send each message once', async () => {
  const hook = await routed(`${HOOK}
    kinds: [new]`);
  await look(hook);
  for (let n = 0; n < 30; n += 1) await openReview(decision, facts);
  await Promise.all([look(hook), look(hook), look(hook)]);
  const ids = told().map(({ message_id: id }) => id);
  expect(ids).toHaveLength(30);
  expect(new Set(ids).size).toBe(30);
});
