import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openConsole, readable, type TestConsole, type Visitor } from '../support/console.ts';
import { openReview, type ReviewToDecide } from '../support/reviews.ts';
import { keepDeadLetters } from '../../src/stores/dead-letter.ts';
import { sha256 } from '../../src/domain/digest.ts';
import { createLedgerActor } from '../../src/actors/ledger.ts';
import { systemClock } from '../../src/domain/time.ts';

let desk: TestConsole;
let states: () => Promise<Record<string, Record<string, number>>>;
let ada: Visitor;
let ole: Visitor;
let review: ReviewToDecide;
beforeAll(async () => {
  states = async () => ({ risk: { waiting: 3, active: 1 }, ledger: { waiting: 0, active: 0 } });
  desk = await openConsole({ queueStates: () => states() });
  ada = await desk.signedIn('ada', 'Administrator');
  ole = await desk.signedIn('ole', 'Operator');
  review = await openReview(desk.decision, desk.facts, {
    data: { secret: '<b>of the event</b>' },
  });
});
afterAll(() => desk.close());

const read = async (path: string, visitor = ada) => {
  const response = await visitor.get(path);
  expect(response.statusCode, readable(response.body)).toBe(200);
  return response.body;
};

describe('the dashboard', () => {
  it('says where everything stands', async () => {
    await openReview(desk.decision, desk.facts, { level: 'HIGH' });
    const said = readable(await read('/console/dashboard'));
    expect(said).toContain('2 Open reviews');
    expect(said).toContain('0 Overdue');
    expect(said).toContain('less than a minute Oldest open');
    expect(said).toContain('Ledger');
    expect(said).toContain('HIGH 1 0 0 0 0 1');
    expect(said).toContain('LOW 1 0 0 0 0 1');
    expect(said).toContain('Queue waiting active risk 3 1 ledger 0 0');
  });

  it('counts what is overdue, by the time that its level allows', async () => {
    await desk.client.query('alter table decision.decision disable trigger user');
    await desk.client.query(
      `update decision.decision set created_at = created_at - interval '24 hours 1 minute' where review_id = $1 or risk_level = 'HIGH'`,
      [review.reviewId],
    );
    await desk.client.query('alter table decision.decision enable trigger user');
    expect(readable(await read('/console/dashboard'))).toContain('1 Overdue');
    const inbox = readable(await read('/console'));
    expect(inbox).toContain('HIGH overdue by 1 min');
  });

  it('stands without the queue store, and waits no longer than a second for it', async () => {
    const was = states;
    states = () => Promise.reject(new Error('down'));
    expect(readable(await read('/console/dashboard'))).toContain('The queue store does not answer');
    states = () => new Promise(() => {});
    const startedMs = performance.now();
    expect(readable(await read('/console/dashboard'))).toContain('The queue store does not answer');
    expect(performance.now() - startedMs).toBeGreaterThan(900);
    states = was;
  });

  it('is for everybody who holds a role', async () => {
    await read('/console/dashboard', ole);
    const nil = await desk.signedIn('nil');
    for (const path of [
      '/console',
      '/console/dashboard',
      '/console/policies',
      '/console/dead-letters',
    ]) {
      expect((await nil.get(path)).statusCode, path).toBe(403);
    }
  });
});

describe('policies', () => {
  it('are listed with what they serve and what is open under them', async () => {
    const page = await read('/console/policies');
    expect(readable(page)).toContain('1 in force');
    expect(readable(page)).toMatch(
      /A policy branch-protection SOC 2 CC6.1 1 active 3 2 open reviews/,
    );
    expect(page).toContain('href="/console?policy=branch-protection"');
  });

  it('that do not exist are not found', async () => {
    for (const path of [
      '/console/policies/none',
      '/console/policies/branch-protection?version=2',
    ]) {
      expect((await ada.get(path)).statusCode).toBe(404);
    }
    expect((await ada.get('/console/policies/branch-protection?version=0')).statusCode).toBe(400);
  });
});

describe('the life of an event', () => {
  const path = () => `/console/events/${review.eventId}`;

  it('is told in order, with what is not in the ledger yet', async () => {
    const said = readable(await read(path()));
    expect(said).toMatch(
      /evaluated example\.changed.*Received.*Weighed LOW.*Policy versions asked.*Advisory: A policy/,
    );
    expect(said).toContain('Not in the ledger yet');
  });

  it('names the entry of each fact, with its hash', async () => {
    const ledger = desk.openLedger();
    const actor = createLedgerActor({ onFactConflict: () => {} });
    await ledger.transact((tx) =>
      actor.receive([{ type: 'EVENT', id: review.eventId }], actor.openStore(tx), systemClock),
    );
    const { rows } = await desk.client.query<{ hash: string }>(
      'select current_hash as hash from ledger.ledger_entry where linked_entity_id = $1',
      [review.eventId],
    );
    const page = await read(path());
    expect(readable(page)).toMatch(/Ledger entry 0\/\d+ EVENT/);
    expect(page).toContain(rows[0]!.hash);
  });

  it('can be had as JSON, and so can the event as it was sent', async () => {
    const trace = await ada.get(`${path()}/trace`);
    expect(trace.headers['content-disposition']).toBe(
      `attachment; filename="event-${review.eventId}-trace.json"`,
    );
    expect(trace.json()).toMatchObject({ event: { event_id: review.eventId }, advisories: [{}] });
    expect((await ada.get(path())).body).toContain(`${path()}/evidence`);
    // Nothing of it is sealed: there is no evidence to give out yet.
    expect((await ada.get(`${path()}/evidence`)).statusCode).toBe(404);
    const payload = await ada.get(`${path()}/payload`);
    expect(payload.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(payload.json()).toEqual({ secret: '<b>of the event</b>' });
  });

  it('is for those who decide and for Auditors, and for events that exist', async () => {
    for (const more of ['', '/trace', '/payload', '/evidence']) {
      expect((await ole.get(path() + more)).statusCode).toBe(403);
      expect((await ada.get(`/console/events/x${more}`)).statusCode).toBe(404);
      const unknown = `/console/events/00000000-0000-8000-8000-000000000000${more}`;
      expect((await ada.get(unknown)).statusCode).toBe(404);
    }
  });

  it('stays small, however much the event brought', async () => {
    const large = await openReview(desk.decision, desk.facts, {
      data: { text: '"\u202e'.repeat(100_000) },
    });
    for (const place of [
      `/console/events/${large.eventId}`,
      `/console/reviews/${large.reviewId}`,
    ]) {
      const page = await read(place);
      expect(Buffer.byteLength(page)).toBeLessThan(130_000);
      expect(readable(page)).toContain('The first 16,000 of');
    }
  });
});

describe('dead letters', () => {
  const sent = '{"data": "<i>half a message\u202e</i>"';
  let id: string;
  beforeAll(async () => {
    const content = Buffer.from(sent);
    await desk.decision.transact((tx) =>
      keepDeadLetters(tx, [
        {
          queue: 'ingest',
          messageId: null,
          source: 'shop',
          externalId: 'order-1',
          reason: 'not_json',
          detail: 'it ends too early',
          claims: 2,
          content,
          contentBytes: content.length,
          contentSha256: sha256(content),
        },
      ]),
    );
    const { rows } = await desk.client.query<{ id: string }>(
      'select dead_letter_id as id from event.dead_letter',
    );
    id = rows[0]!.id;
  });

  it('are listed with their reason', async () => {
    const page = await read('/console/dead-letters');
    expect(readable(page)).toContain('Not JSON it ends too early ingest open from shop');
    expect(page).toContain(`href="/console/dead-letters/${id}"`);
    expect(readable(await read('/console/dashboard'))).toContain('1 Dead letters');
  });

  it('are shown with what was sent, as text', async () => {
    const page = await read(`/console/dead-letters/${id}`);
    const said = readable(page);
    expect(said).toContain('Send one JSON text');
    expect(said).toContain('Id at the source order-1');
    expect(said).toContain('2 times');
    expect(said).toContain('"<i>half a message[U+202E]</i>"');
    expect(page).not.toContain('<i>half');
  });

  it('say to an Operator what is wrong, not what the message says', async () => {
    const said = readable(await read(`/console/dead-letters/${id}`, ole));
    expect(said).toContain('it ends too early');
    expect(said).not.toContain('half a message');
  });

  it('that do not exist are not found; where there are none, that is said', async () => {
    expect((await ada.get('/console/dead-letters/x')).statusCode).toBe(404);
    await desk.client.query('update event.dead_letter set redriven_at = now()');
    expect(readable(await read('/console/dead-letters'))).toContain('No dead letters');
    expect(readable(await read('/console/dead-letters?state=all'))).toContain('redriven');
  });
});

it('has a page for an address that does not exist', async () => {
  const response = await ada.get('/console/nowhere');
  expect(response.statusCode).toBe(404);
  expect(readable(response.body)).toContain('no page has this address');
});
