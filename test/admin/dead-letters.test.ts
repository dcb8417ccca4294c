import { randomUUID } from 'node:crypto';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDeadLetterCommands } from '../../src/actors/dead-letters.ts';
import { deadLetterRoutes } from '../../src/admin/routes/dead-letters.ts';
import { createAdminServer } from '../../src/admin/server.ts';
import { silentLog } from '../../src/domain/log.ts';
import { type Problem, problems } from '../../src/domain/problem.ts';
import type { Database } from '../../src/stores/database.ts';
import { keepDeadLetters } from '../../src/stores/dead-letter.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { tokensOf } from '../support/tokens.ts';

let clone: TestDatabase;
let event: Database;
let server: FastifyInstance;
let sent: unknown[];
let tokens: Readonly<Record<string, string>>;

beforeAll(async () => {
  clone = await cloneDatabase();
  event = clone.open('event');
  const identity = clone.open('identity');
  tokens = await tokensOf(identity, {
    olga: ['Operator'],
    aud: ['Auditor'],
    cora: ['Compliance Officer'],
    nil: [],
  });
  server = await createAdminServer({
    routes: [
      deadLetterRoutes({
        identity,
        audit: clone.open('audit'),
        commands: createDeadLetterCommands({
          database: event,
          broker: {
            sender: (queue) => async (messages) => {
              sent.push({ queue, messages });
              await Promise.resolve();
            },
          },
          log: silentLog,
        }),
      }),
    ],
    log: silentLog,
    isTransient: () => false,
    requestsPerSecondMax: 10_000,
  });
});
afterAll(async () => {
  await server.close();
  await clone.close();
});
beforeEach(() => {
  sent = [];
});

function request(
  name: string | undefined,
  url: string,
  body?: object,
  method: 'GET' | 'POST' = body === undefined ? 'GET' : 'POST',
): Promise<LightMyRequestResponse> {
  const options: InjectOptions = {
    method,
    url,
    headers: {
      ...(name === undefined ? {} : { authorization: `Bearer ${tokens[name]}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { payload: body }),
  };
  return server.inject(options);
}

function problemIn(response: LightMyRequestResponse): string {
  const problem = response.json<Problem>();
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(response.statusCode).toBe(problems[problem.code].status);
  return problem.code;
}

interface Listed {
  readonly dead_letters: readonly { readonly dead_letter_id: string; readonly reason: string }[];
  readonly next_cursor: string | null;
}
const list = async (query = '') =>
  (await request('olga', `/v1/dead-letters${query}`)).json<Listed>();

/** One letter of ingest under its own id; the id of the letter. */
async function keep(externalId: string, reason = 'unknown_source'): Promise<string> {
  const content = Buffer.from(`{"id": "${externalId}"}`);
  await event.transact((tx) =>
    keepDeadLetters(tx, [
      {
        queue: 'ingest',
        messageId: null,
        source: 'acme',
        externalId,
        reason,
        detail: 'no source acme is registered',
        claims: 1,
        content,
        contentBytes: content.length,
        contentSha256: null,
        headers: { 'webhook-id': externalId },
      },
    ]),
  );
  const { dead_letters: letters } = await list('?limit=200');
  return letters[0]!.dead_letter_id;
}

describe('who is let in', () => {
  it('nobody without a token, and nobody without a role', async () => {
    for (const url of ['/v1/dead-letters', `/v1/dead-letters/${randomUUID()}`]) {
      expect(problemIn(await request(undefined, url))).toBe('token_missing');
      expect(problemIn(await request('nil', url))).toBe('not_authorised');
    }
  });

  it('to acts Operators only, and to what was sent those who may read reviews', async () => {
    const id = await keep('e-1');
    for (const name of ['aud', 'cora', 'nil']) {
      const acts = [
        await request(name, `/v1/dead-letters/${id}/retry`, undefined, 'POST'),
        await request(name, `/v1/dead-letters/${id}/discard`, { reason: 'noise' }),
      ];
      expect(acts.map(problemIn)).toEqual(['not_authorised', 'not_authorised']);
    }
    expect(sent).toEqual([]);
    const shown = async (name: string) =>
      (await request(name, `/v1/dead-letters/${id}`)).json<Record<string, unknown>>();
    const bytes = Buffer.from('{"id": "e-1"}').toString('base64');
    const content = { content_base64: bytes, headers: { 'webhook-id': 'e-1' } };
    expect(await shown('aud')).toMatchObject(content);
    expect(await shown('cora')).toMatchObject(content);
    expect(await shown('olga')).not.toHaveProperty('content_base64');
    expect(await shown('olga')).not.toHaveProperty('headers');
  });
});

describe('the list', () => {
  it('is newest first, filtered, and comes in pages', async () => {
    const ids: string[] = [];
    for (const n of [1, 2, 3]) ids.unshift(await keep(`page-${n}`, 'source_retired'));
    const query = '?reason=source_retired&limit=2';
    const first = await list(query);
    expect(first.dead_letters.map((letter) => letter.dead_letter_id)).toEqual(ids.slice(0, 2));
    const second = await list(`${query}&cursor=${first.next_cursor}`);
    expect(second).toMatchObject({ dead_letters: [{ dead_letter_id: ids[2] }], next_cursor: null });
    expect((await list('?source=nobody')).dead_letters).toEqual([]);
  });

  it('says what each is about and what would help', async () => {
    await keep('about');
    const { dead_letters: letters } = await list('?limit=1');
    expect(letters).toMatchObject([
      {
        state: 'open',
        queue: 'ingest',
        source: 'acme',
        external_id: 'about',
        reason: 'unknown_source',
        remedy: problems.unknown_source.remedy,
      },
    ]);
  });

  it.each([
    ['?cursor=x', 'bad_cursor'],
    ['?limit=0', 'bad_request'],
    ['?state=closed', 'bad_request'],
  ])('refuses %s', async (query, code) => {
    expect(problemIn(await request('olga', `/v1/dead-letters${query}`))).toBe(code);
  });
});

describe('an act', () => {
  it('sends a letter again', async () => {
    const id = await keep('again');
    const response = await request('olga', `/v1/dead-letters/${id}/retry`, undefined, 'POST');
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({
      dead_letter_id: id,
      state: 'redriven',
      queue: 'ingest',
    });
    expect(sent).toMatchObject([{ queue: 'ingest', messages: [{ source: 'acme' }] }]);
    const letter = await request('olga', `/v1/dead-letters/${id}`);
    expect(letter.json()).toMatchObject({ state: 'redriven', redrives: [{ by: 'olga' }] });
    expect((await list()).dead_letters.map((each) => each.dead_letter_id)).not.toContain(id);
  });

  it('discards one with a reason', async () => {
    const id = await keep('noise');
    const url = `/v1/dead-letters/${id}/discard`;
    expect(problemIn(await request('olga', url, {}))).toBe('bad_request');
    expect(problemIn(await request('olga', url, { reason: ' ' }))).toBe('reason_required');
    const response = await request('olga', url, { reason: 'a test' });
    expect(response.json()).toMatchObject({ dead_letter_id: id, state: 'discarded' });
    expect((await request('olga', `/v1/dead-letters/${id}`)).json()).toMatchObject({
      state: 'discarded',
      discarded_by: 'olga',
      discard_reason: 'a test',
    });
    const again = await request('olga', `/v1/dead-letters/${id}/retry`, undefined, 'POST');
    expect(problemIn(again)).toBe('letter_discarded');
  });

  it.each(['no id', randomUUID()])('on %s is refused: there is no such letter', async (id) => {
    const at = `/v1/dead-letters/${encodeURIComponent(id)}`;
    const responses = [
      await request('olga', at),
      await request('olga', `${at}/retry`, undefined, 'POST'),
      await request('olga', `${at}/discard`, { reason: 'noise' }),
    ];
    expect(responses.map(problemIn)).toEqual(Array.from({ length: 3 }, () => 'unknown_letter'));
  });
});
