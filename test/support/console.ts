/** The console on a database of its own, and people in front of it: browsers as far as cookies and forms go. */
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import type pg from 'pg';
import { createDecideInBulk } from '../../src/actors/bulk.ts';
import { createDecide } from '../../src/actors/decision.ts';
import { createDelegationCommands } from '../../src/actors/delegations.ts';
import { createReviewerCommands, type ReviewerCommands } from '../../src/actors/reviewers.ts';
import type { OidcProvider } from '../../src/admin/oidc.ts';
import { consoleRoutes } from '../../src/admin/routes/console.ts';
import { openapiRoutes } from '../../src/admin/routes/openapi.ts';
import { reviewRoutes } from '../../src/admin/routes/reviews.ts';
import { createAdminServer } from '../../src/admin/server.ts';
import type { Decide } from '../../src/domain/approval.ts';
import type { Role } from '../../src/domain/authority.ts';
import { silentLog } from '../../src/domain/log.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import type { Database } from '../../src/stores/database.ts';
import { cloneDatabase } from './database.ts';
import { type Facts, openFacts } from './facts.ts';

export interface ConsoleOptions {
  readonly isOnLoopback?: boolean;
  readonly readiness?: Readonly<Record<string, string | null>>;
  readonly provider?: OidcProvider;
  /** In place of the real command. */
  readonly decide?: Decide;
  readonly queueStates?: () => Promise<Record<string, Record<string, number>>>;
}

export interface TestConsole {
  readonly server: FastifyInstance;
  readonly decision: Database;
  readonly identity: Database;
  openLedger(): Database;
  readonly client: pg.Client;
  readonly facts: Facts;
  readonly commands: ReviewerCommands;
  /** A person with these roles; returns their token. */
  addPerson(name: string, ...roles: Role[]): Promise<string>;
  /** A browser in which that person, made when there is none, is signed in. */
  signedIn(name: string, ...roles: Role[]): Promise<Visitor>;
  close(): Promise<void>;
}

export async function openConsole(options: ConsoleOptions = {}): Promise<TestConsole> {
  const database = await cloneDatabase();
  const client = await database.superuser();
  const facts = await openFacts(client);
  const decision = database.open('decision');
  const identity = database.open('identity');
  const audit = database.open('audit');
  const commands = createReviewerCommands(identity);
  const decide =
    options.decide ?? createDecide({ database: decision, send: async () => {}, log: silentLog });
  const server = await createAdminServer({
    routes: [
      reviewRoutes({
        identity,
        decision,
        decide,
        decideInBulk: createDecideInBulk(decide, decision),
      }),
      openapiRoutes,
      consoleRoutes({
        identity,
        decision,
        audit,
        decide,
        readiness: async () => options.readiness ?? { postgres: null, ledger: null },
        gaps: () => [
          { hop: 'review', open: 2, oldestMs: 41_000 },
          { hop: 'entry', open: 0, oldestMs: null },
        ],
        decideInBulk: createDecideInBulk(decide, decision),
        delegations: createDelegationCommands(identity),
        queueStates: options.queueStates ?? (async () => ({ risk: { waiting: 3 } })),
        isOnLoopback: options.isOnLoopback ?? true,
        provider: options.provider,
        log: silentLog,
        isTransient: () => false,
      }),
    ],
    log: silentLog,
    isTransient: () => false,
    requestsPerSecondMax: 10_000,
  });

  const addPerson = async (name: string, ...roles: Role[]): Promise<string> => {
    const issued = await commands.add({ name, roles });
    if (isRefusal(issued)) throw new Error(issued.detail);
    return issued.token;
  };
  return {
    server,
    decision,
    identity,
    openLedger: () => database.open('ledger'),
    client,
    facts,
    commands,
    addPerson,
    async signedIn(name, ...roles) {
      const token = await addPerson(name, ...roles);
      const visitor = createVisitor(server);
      const answer = await visitor.signIn({ token });
      if (answer.statusCode !== 303) throw new Error(`${name} was not let in: ${answer.body}`);
      return visitor;
    },
    async close() {
      await server.close();
      await database.close();
    },
  };
}

export interface Visitor {
  /** The cookies that this browser holds, as it would send them. */
  cookies(): string;
  get(path: string, headers?: Record<string, string>): Promise<LightMyRequestResponse>;
  /** Sends a form as a page of the console would; `headers` go on top of what a browser sends. */
  post(
    path: string,
    fields: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<LightMyRequestResponse>;
  /** Opens `path` and sends one of its forms: the hidden fields of the page, and these. */
  submit(
    path: string,
    action: string,
    fields: Record<string, string>,
  ): Promise<LightMyRequestResponse>;
  signIn(fields: Record<string, string>): Promise<LightMyRequestResponse>;
}

export function createVisitor(
  server: FastifyInstance,
  always: Record<string, string> = {},
): Visitor {
  const jar = new Map<string, string>();
  /** Each visitor comes from an address of their own, so that nobody spends the tries of another. */
  const remoteAddress = `127.1.${Math.floor(Math.random() * 250)}.${Math.floor(Math.random() * 250)}`;
  const keep = (response: LightMyRequestResponse) => {
    for (const { name, value } of response.cookies) jar.set(name, value);
    return response;
  };
  const cookies = () => [...jar].map(([name, value]) => `${name}=${value}`).join('; ');

  const visitor: Visitor = {
    cookies,
    async get(path, headers = {}) {
      const sent = { ...always, cookie: cookies(), 'sec-fetch-site': 'same-origin', ...headers };
      return keep(await server.inject({ url: path, headers: sent, remoteAddress }));
    },
    async post(path, fields, headers = {}) {
      return keep(
        await server.inject({
          method: 'POST',
          url: path,
          remoteAddress,
          headers: {
            ...always,
            cookie: cookies(),
            'sec-fetch-site': 'same-origin',
            'content-type': 'application/x-www-form-urlencoded',
            ...headers,
          },
          payload: new URLSearchParams(fields).toString(),
        }),
      );
    },
    async submit(path, action, fields) {
      const page = await visitor.get(path);
      return visitor.post(action, { ...hiddenFields(page.body, action), ...fields });
    },
    signIn: (fields) => visitor.submit('/console/sign-in', '/console/sign-in', fields),
  };
  return visitor;
}

/** Of the first form of a page that goes to `action`. */
export function hiddenFields(page: string, action: string): Record<string, string> {
  const [, form] = new RegExp(`action="${action}"[^>]*>(.*?)</form>`, 's').exec(page) ?? [];
  if (form === undefined) throw new Error(`the page has no form to ${action}:\n${page}`);
  const hidden = form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g);
  return Object.fromEntries(
    [...hidden].map(([, name, value]) => [name!, value!.replaceAll('&amp;', '&')]),
  );
}

/** What a person reads of a page: without markup, white space folded. */
export function readable(page: string): string {
  return page
    .replaceAll(/<(?:script|style)\b.*?<\/(?:script|style)>/gs, '')
    .replaceAll(/<\/?(?:a|bdi|code|em|mark|span|strong|time)\b[^>]*>/g, '')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
