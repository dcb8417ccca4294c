import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createIntake, type Intake, type IntakeOptions } from '../../src/actors/intake.ts';
import type { Verdict } from '../../src/domain/event.ts';
import { type EventId, eventIdOf } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/domain/log.ts';
import { isRefusal, refuse } from '../../src/domain/problem.ts';
import type { Batch, Inbound } from '../../src/domain/source.ts';
import { systemClock } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import { eventBody, eventOf, registry } from '../support/bad-events.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { registerSources } from '../support/sources.ts';

const batched = { 'content-type': 'application/cloudevents-batch+json' };

describe('the intake', () => {
  let clone: TestDatabase;
  let database: Database;
  let transactions: number;
  let handedOn: (readonly EventId[])[];

  beforeAll(async () => {
    clone = await cloneDatabase();
    const event = clone.open('event');
    database = {
      ...event,
      transact(work) {
        transactions += 1;
        return event.transact(work);
      },
    };
    await registerSources(event, registry);
    const superuser = await clone.superuser();
    // What the domain does not know of: the last line of defence says no.
    await superuser.query(
      "alter table event.event add constraint uncursed check (subject <> 'cursed')",
    );
  });
  afterAll(async () => {
    await clone.close();
  });
  beforeEach(() => {
    transactions = 0;
    handedOn = [];
  });

  const open = (change: Partial<IntakeOptions> = {}): Intake =>
    createIntake({
      database,
      handOn: (ids) => {
        handedOn.push(ids);
        return Promise.resolve();
      },
      clock: systemClock,
      log: silentLog,
      ...change,
    });

  async function one(intake: Intake, inbound: Inbound): Promise<string> {
    const verdict: Verdict | Batch<Verdict> = await intake.take(inbound);
    if ('batch' in verdict) throw new Error('a batch');
    return isRefusal(verdict) ? verdict.reason : verdict.kind;
  }

  async function letterCount(reason: string): Promise<number> {
    const superuser = await clone.superuser();
    const { rows } = await superuser.query<{ count: string }>(
      'select count(*) from event.dead_letter where reason = $1',
      [reason],
    );
    return Number(rows[0]?.count);
  }

  it('puts what arrives during one transaction into the next one, handed on at once', async () => {
    const intake = open();
    const ids = Array.from({ length: 40 }, (_, index) => `natural-${index}`);
    const verdicts = await Promise.all(ids.map((id) => one(intake, eventOf({ id }))));
    expect(new Set(verdicts)).toEqual(new Set(['kept']));
    expect(transactions).toBe(2);
    expect(handedOn.map((batch) => batch.length)).toEqual([1, 39]);
  });

  it('refuses alone what Postgres alone refuses, as a dead letter, and keeps its neighbours', async () => {
    const body = [
      eventBody({ id: 'n-1' }),
      eventBody({ id: 'n-2', subject: 'cursed' }),
      eventBody({ id: 'n-3' }),
    ];
    const verdict = await open().take({ headers: batched, body: `[${body.join(',')}]` });
    expect(verdict).toMatchObject({
      batch: [{ kind: 'kept' }, { reason: 'refused_by_database' }, { kind: 'kept' }],
    });
    expect(handedOn).toEqual([[eventIdOf('open', 'n-1'), eventIdOf('open', 'n-3')]]);
    expect(await letterCount('refused_by_database')).toBe(1);
  });

  it('keeps an event when the hand-off fails, and when it does not come back', async () => {
    const failing = open({ handOn: () => Promise.reject(new Error('Connection is closed.')) });
    expect(await one(failing, eventOf({ id: 'fails' }))).toBe('kept');
    const hanging = open({ handOn: () => new Promise(() => undefined) });
    expect(await one(hanging, eventOf({ id: 'hangs' }))).toBe('kept');
  });

  it('keeps what was refused before it became a message', async () => {
    const refusal = refuse('not_utf8', 'the body is not UTF-8', { source: 'open' });
    const content = { bytes: Buffer.from([0xff]), length: 1 };
    expect(await open().keepRefused(refusal, content)).toBe(refusal);
    expect(await letterCount('not_utf8')).toBe(1);
  });

  it('opens no transaction for a batch of nothing', async () => {
    expect(await open().take({ headers: batched, body: '[]' })).toEqual({ batch: [] });
    expect(transactions).toBe(0);
  });
});
