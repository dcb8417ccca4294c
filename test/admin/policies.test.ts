import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { lifeCycleCommands } from '../../src/actors/policy-life-cycle.ts';
import { policyRoutes } from '../../src/admin/routes/policies.ts';
import { createAdminServer } from '../../src/admin/server.ts';
import { policyDocument } from '../../src/documents/policy-document.ts';
import { silentLog } from '../../src/domain/log.ts';
import type { Problem } from '../../src/domain/problem.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { tokensOf } from '../support/tokens.ts';
import { policyOf } from '../support/documents.ts';

let clone: TestDatabase;
let server: FastifyInstance;
let tokens: Readonly<Record<string, string>>;
const sent: unknown[] = [];

beforeAll(async () => {
  clone = await cloneDatabase();
  const identity = clone.open('identity');
  tokens = await tokensOf(identity, {
    ada: ['Compliance Officer'],
    ben: ['Compliance Officer'],
    aud: ['Auditor'],
    nil: [],
  });
  server = await createAdminServer({
    routes: [
      policyRoutes({
        identity,
        audit: clone.open('audit'),
        commands: lifeCycleCommands({
          policy: clone.open('policy'),
          risk: clone.open('risk'),
          send: async (facts) => {
            await Promise.resolve();
            sent.push(...facts);
          },
        }),
        read: (value) => policyDocument.check(value),
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

function request(name: string, url: string, payload?: object): Promise<LightMyRequestResponse> {
  const headers = { authorization: `Bearer ${tokens[name]}` };
  return payload === undefined
    ? server.inject({
        method: url.startsWith('POST ') ? 'POST' : 'GET',
        url: url.split(' ').at(-1)!,
        headers,
      })
    : server.inject({ method: 'POST', url, headers, payload });
}
const codeOf = (response: LightMyRequestResponse) => response.json<Problem>().code;

it('takes a policy from draft into force, by the people behind the tokens', async () => {
  const definition = policyOf('over-http');
  expect((await request('ada', '/v1/policies', definition)).statusCode).toBe(201);
  expect((await request('ada', '/v1/policies', definition)).statusCode).toBe(200);
  const act = (name: string, move: string) =>
    request(name, `POST /v1/policies/over-http/versions/1/${move}`);
  expect(codeOf(await act('ada', 'approve'))).toBe('author_approves');
  expect(codeOf(await act('ben', 'activate'))).toBe('wrong_status');
  expect((await act('ben', 'approve')).json()).toEqual({
    steps: [{ version: 'over-http@1', status: 'approved' }],
  });
  expect((await act('ben', 'activate')).statusCode).toBe(200);
  expect((await request('aud', '/v1/policies/over-http')).json()).toMatchObject({
    policy: 'over-http',
    versions: [
      {
        version: 1,
        status: 'active',
        author: 'ada',
        approvers: ['ben'],
        activator: 'ben',
        definition,
      },
    ],
    changes: [
      { status: 'draft', by: 'ada' },
      { status: 'approved', by: 'ben' },
      { status: 'active', by: 'ben' },
    ],
  });
  expect((await request('aud', '/v1/policies')).json()).toMatchObject({
    policies: [{ policy: 'over-http', version: 1, status: 'active' }],
  });
  expect(sent.length).toBeGreaterThanOrEqual(3);
});

it('says where a definition is wrong', async () => {
  const wrong = { ...policyOf('wrong'), conditions: { all: [] } };
  const response = await request('ada', '/v1/policies', wrong);
  expect(codeOf(response)).toBe('wrong_shape');
  expect(response.json()).toMatchObject({ faults: [{ at: 'conditions.all' }] });
  const unknown = await request('ada', '/v1/policies', { ...policyOf('wrong'), titel: 'x' });
  expect(unknown.json()).toMatchObject({ faults: [{ at: 'titel' }] });
});

it('lets nobody act or look who has no such role', async () => {
  expect(codeOf(await request('aud', '/v1/policies', policyOf('audited')))).toBe(
    'not_compliance_officer',
  );
  expect((await request('nil', '/v1/policies')).statusCode).toBe(403);
  expect((await server.inject({ method: 'GET', url: '/v1/policies' })).statusCode).toBe(401);
});

it('does not know what is not there', async () => {
  expect(codeOf(await request('ada', '/v1/policies/nowhere'))).toBe('version_unknown');
  expect(codeOf(await request('ada', 'POST /v1/policies/nowhere/versions/1/approve'))).toBe(
    'version_unknown',
  );
  expect((await request('ada', 'POST /v1/policies/nowhere/versions/0/approve')).statusCode).toBe(
    400,
  );
});
