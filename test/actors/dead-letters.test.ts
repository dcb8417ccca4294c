import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createDeadLetterCommands,
  type DeadLetterCommands,
} from '../../src/actors/dead-letters.ts';
import { ingestActor } from '../../src/actors/ingest.ts';
import { createIntake } from '../../src/actors/intake.ts';
import { createLedgerActor } from '../../src/actors/ledger.ts';
import { type RunningActor, runActor } from '../../src/actors/runtime.ts';
import { type DiscardedLetter, discardDigest } from '../../src/domain/dead-letter.ts';
import type { DeadLetterId, PersonId } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/domain/log.ts';
import { isRefusal, type Refusal } from '../../src/domain/problem.ts';
import { systemClock } from '../../src/domain/time.ts';
import type { Broker } from '../../src/queues/broker.ts';
import type { Database } from '../../src/stores/database.ts';
import { openAuditStore } from '../../src/stores/audit.ts';
import { keepDeadLetters } from '../../src/stores/dead-letter.ts';
import { eventBody, githubDelivery, registry, signedEvent } from '../support/bad-events.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { openFacts } from '../support/facts.ts';
import { queueStores } from '../support/queue-stores.ts';
import { registerSources } from '../support/sources.ts';

let clone: TestDatabase;
let database: Database;
let client: pg.Client;
let broker: Broker;
let commands: DeadLetterCommands;
let operator: PersonId;
let reviewer: PersonId;
let sent: { readonly queue: string; readonly message: unknown }[];
let isQueueDown: boolean;

beforeAll(async () => {
  clone = await cloneDatabase();
  database = clone.open('event');
  client = await clone.superuser();
  const facts = await openFacts(client);
  operator = await facts.person('olga', 'Operator');
  reviewer = await facts.person('rita', 'Compliance Officer');
  await registerSources(database, registry);
});
afterAll(() => clone.close());
beforeEach(() => {
  sent = [];
  isQueueDown = false;
  const sender: Broker['sender'] = (queue) => async (messages) => {
    if (isQueueDown) throw new Error('Connection is closed.');
    sent.push(...messages.map((message) => ({ queue, message })));
    await Promise.resolve();
  };
  commands = createDeadLetterCommands({ database, broker: { sender }, log: silentLog });
});

const letter = {
  queue: 'risk',
  messageId: null,
  source: null,
  externalId: null,
  reason: 'fails_every_time',
  detail: 'failed 5 times',
  claims: 5,
  content: null,
  contentBytes: 0,
  contentSha256: null,
};

/** Keeps a letter; its id. */
async function keep(more: Partial<Parameters<typeof keepDeadLetters>[1][number]>) {
  const before = new Set(await ids());
  await database.transact((tx) => keepDeadLetters(tx, [{ ...letter, ...more }]));
  return (await ids()).find((id) => !before.has(id))!;
}

async function ids(): Promise<readonly DeadLetterId[]> {
  const { rows } = await client.query<{ id: DeadLetterId }>(
    'select dead_letter_id as id from event.dead_letter',
  );
  return rows.map(({ id }) => id);
}

const read = (id: string) =>
  clone.open('audit').transact((tx) => openAuditStore(tx).deadLetter(id));
const reasonOf = (answer: object | Refusal) => (isRefusal(answer) ? answer.reason : 'done');

describe('a letter that is sent again', () => {
  it.each([
    ['risk', undefined, (id: string) => ({ eventId: id })],
    ['advisory', undefined, (id: string) => ({ assessmentId: id })],
    ['awaiting-decision', 'EVALUATION', (id: string) => ({ type: 'EVALUATION', id })],
    ['execution', undefined, (id: string) => ({ decisionId: id })],
    ['ledger', 'ADVISORY', (id: string) => ({ type: 'ADVISORY', id })],
  ])('goes to %s as the message that it was', async (queue, kind, messageOf) => {
    const messageId = randomUUID();
    const id = await keep({ queue, messageId, kind });
    expect(await commands.retry(id, operator)).toMatchObject({ deadLetterId: id, queue });
    expect(sent).toEqual([{ queue, message: messageOf(messageId) }]);
  });

  it('goes to ingest with its bytes and what came with them', async () => {
    const headers = { 'x-github-event': 'push' };
    const content = Buffer.from('{"a": "ü"}');
    const id = await keep({
      queue: 'ingest',
      kind: 'github',
      source: 'acme',
      headers,
      content,
      contentBytes: content.length,
      reason: 'signature_wrong',
    });
    await commands.retry(id, null);
    const message = { kind: 'github', source: 'acme', headers, body: '{"a": "ü"}' };
    expect(sent).toEqual([{ queue: 'ingest', message }]);
  });

  it('is closed, says who did it and when, and may be sent once more', async () => {
    const id = await keep({ messageId: randomUUID() });
    await commands.retry(id, operator);
    await commands.retry(id, null);
    expect(await read(id)).toMatchObject({
      state: 'redriven',
      redrives: [{ by: 'olga' }, { by: null }],
    });
    expect(sent).toHaveLength(2);
  });

  it('is open again when the queue store does not take it', async () => {
    const id = await keep({ messageId: randomUUID() });
    isQueueDown = true;
    expect(reasonOf(await commands.retry(id, operator))).toBe('unavailable');
    expect(await read(id)).toMatchObject({ state: 'open' });
  });

  it('is open again when it is refused again for the same reason', async () => {
    const refused = { messageId: randomUUID() };
    const id = await keep(refused);
    await commands.retry(id, operator);
    await keep(refused);
    expect(await read(id)).toMatchObject({ state: 'open', redrives: [{ by: 'olga' }] });
  });

  const truncated = { queue: 'ingest', content: Buffer.from('{'), contentBytes: 2 };
  it.each([
    ['letter_truncated', truncated],
    ['letter_truncated', { queue: 'ingest', contentBytes: 9, reason: 'too_large' }],
    [
      'letter_not_sendable',
      {
        queue: 'ingest',
        content: Buffer.from([0xff]),
        contentBytes: 1,
        reason: 'not_utf8',
      },
    ],
    [
      'letter_not_sendable',
      { queue: 'ingest', content: Buffer.from('{}'), contentBytes: 2, reason: 'malformed_message' },
    ],
    ['letter_not_sendable', { queue: 'risk', messageId: null, reason: 'malformed_job' }],
    ['letter_not_sendable', { queue: 'ledger', messageId: randomUUID() }],
    ['letter_not_sendable', { queue: 'a queue of an older release', messageId: randomUUID() }],
  ])('must have something to send: %s', async (reason, more) => {
    const id = await keep({ ...more, detail: randomUUID(), externalId: randomUUID() });
    expect(reasonOf(await commands.retry(id, operator))).toBe(reason);
    expect(await read(id)).toMatchObject({ state: 'open', redrives: [] });
    expect(sent).toEqual([]);
  });

  it('must be there, and its sender an Operator', async () => {
    expect(reasonOf(await commands.retry(randomUUID() as DeadLetterId, operator))).toBe(
      'unknown_letter',
    );
    const id = await keep({ messageId: randomUUID() });
    expect(reasonOf(await commands.retry(id, reviewer))).toBe('not_authorised');
    expect(sent).toEqual([]);
  });
});

describe('a letter that is discarded', () => {
  it('is closed for good with person and reason, and its id goes to the ledger', async () => {
    const id = await keep({ messageId: randomUUID() });
    expect(await commands.discard(id, ' a test of the source \n', operator)).toMatchObject({
      deadLetterId: id,
    });
    expect(sent).toEqual([{ queue: 'ledger', message: { type: 'DEAD_LETTER', id } }]);
    expect(await read(id)).toMatchObject({
      state: 'discarded',
      discardedBy: 'olga',
      discardReason: 'a test of the source',
    });
    expect(reasonOf(await commands.retry(id, operator))).toBe('letter_discarded');
  });

  it('carries the digest of what is stored', async () => {
    const headers = { 'webhook-id': 'e-1' };
    const id = await keep({ messageId: randomUUID(), headers, kind: 'EVENT', errorClass: '22P05' });
    await commands.discard(id, 'noise', operator);
    const { rows } = await clone.open('audit').transact((tx) =>
      sql<DiscardedLetter & { rowDigest: string }>`
        select dead_letter_id as "deadLetterId", queue, message_id as "messageId", source_system as "source",
          external_id as "externalId", event_id as "eventId", reason, detail, error_class as "errorClass", claims,
          content_bytes as "contentBytes", content_sha256 as "contentSha256", kind, headers, created_at as "createdAt",
          discarded_at as "discardedAt", discarded_by as "discardedBy", discard_reason as "discardReason", salt,
          row_digest as "rowDigest"
        from audit.dead_letter where dead_letter_id = ${id}`.execute(tx),
    );
    const { rowDigest, ...row } = rows[0]!;
    expect(discardDigest(row)).toBe(rowDigest);
    expect(row.headers).toEqual(headers);
  });

  it('answers the same to the same person once more, and refuses another word', async () => {
    const id = await keep({ messageId: randomUUID() });
    const first = await commands.discard(id, 'noise', operator);
    expect(await commands.discard(id, 'noise', operator)).toEqual(first);
    expect(reasonOf(await commands.discard(id, 'other noise', operator))).toBe('letter_discarded');
  });

  it('stays discarded when the ledger cannot be told: the reconciler tells it', async () => {
    const id = await keep({ messageId: randomUUID() });
    isQueueDown = true;
    expect(reasonOf(await commands.discard(id, 'noise', operator))).toBe('done');
    const { rows } = await client.query(
      `select id from audit.gap_entry where type = 'DEAD_LETTER' and id = $1`,
      [id],
    );
    expect(rows).toHaveLength(1);
  });

  it('needs a reason and an Operator, and must be open', async () => {
    const id = await keep({ messageId: randomUUID() });
    const refusals = [
      await commands.discard(id, ' \n', operator),
      await commands.discard(id, 'x'.repeat(1_001), operator),
      await commands.discard(id, 'noise', reviewer),
      await commands.discard(randomUUID() as DeadLetterId, 'noise', operator),
    ];
    expect(refusals.map(reasonOf)).toEqual([
      'reason_required',
      'reason_required',
      'not_authorised',
      'unknown_letter',
    ]);
    await commands.retry(id, operator);
    expect(reasonOf(await commands.discard(id, 'noise', operator))).toBe('letter_redriven');
  });
});

describe.each(queueStores)('letters of events on $name', (store) => {
  let running: RunningActor[];
  beforeEach(async () => {
    broker = await store.connect(clone);
    commands = createDeadLetterCommands({ database, broker, log: silentLog });
    const of = { broker, clock: systemClock, log: silentLog };
    running = [
      await runActor({ actor: ingestActor, database, ...of }),
      await runActor({
        actor: createLedgerActor({ onFactConflict: () => undefined }),
        database: clone.open('ledger'),
        ...of,
      }),
    ];
  });
  afterEach(async () => {
    await Promise.all(running.map((actor) => actor.drain()));
    await broker.close();
  });

  /** Refused over HTTP; the letter's id. */
  async function refused(inbound: Parameters<ReturnType<typeof createIntake>['take']>[0]) {
    const before = new Set(await ids());
    const handOn = async () => undefined;
    const intake = createIntake({ database, handOn, clock: systemClock, log: silentLog });
    await intake.take(inbound);
    return (await ids()).find((id) => !before.has(id))!;
  }
  const isStored = async (source: string, id: string) => {
    const { rows } = await client.query(
      'select from event.event where source_system = $1 and external_id = $2',
      [source, id],
    );
    return rows.length === 1;
  };

  it('become events once what was wrong is mended, signatures and all', async () => {
    const late = `late-${store.name}`;
    await client.query('update event.source set retired_at = now()');
    const letters = [
      await refused(signedEvent(late, Date.now())),
      await refused(githubDelivery(`gh-${store.name}`)),
    ];
    await client.query('update event.source set retired_at = null');
    for (const id of letters) {
      expect(reasonOf(await commands.retry(id, operator))).toBe('done');
    }
    await expect.poll(() => isStored('signed', late)).toBe(true);
    await expect.poll(() => isStored('acme/github', `gh-${store.name}`)).toBe(true);
    expect(await read(letters[0]!)).toMatchObject({ state: 'redriven' });
  });

  it('open again when nothing was mended', async () => {
    const id = await refused({ body: eventBody({ source: 'nobody', id: `n-${store.name}` }) });
    await commands.retry(id, operator);
    await expect.poll(async () => (await read(id))?.state).toBe('open');
  });

  it('that are discarded have an entry in the ledger', async () => {
    const id = await refused({ body: `not JSON ${store.name}` });
    await commands.discard(id, 'not ours', operator);
    const entry = async () => {
      const { rows } = await client.query<{ data: { actor: string; stage: string } }>(
        `select entry_data as data from ledger.ledger_entry where linked_entity_id = $1`,
        [id],
      );
      return rows[0]?.data;
    };
    await expect.poll(entry).toMatchObject({ actor: operator, stage: 'ingest', claims: '1' });
  });
});
