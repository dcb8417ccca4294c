import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deadLetterRoutes } from '../../src/admin/routes/dead-letters.ts';
import { completenessRoutes } from '../../src/admin/routes/completeness.ts';
import { evidenceRoutes } from '../../src/admin/routes/evidence.ts';
import { eventRoutes } from '../../src/admin/routes/events.ts';
import { healthRoutes } from '../../src/admin/routes/health.ts';
import { ledgerRoutes } from '../../src/admin/routes/ledger.ts';
import { openapiRoutes } from '../../src/admin/routes/openapi.ts';
import { policyRoutes } from '../../src/admin/routes/policies.ts';
import { problemRoutes } from '../../src/admin/routes/problems.ts';
import { delegationRoutes } from '../../src/admin/routes/delegations.ts';
import { reviewRoutes } from '../../src/admin/routes/reviews.ts';
import { createAdminServer } from '../../src/admin/server.ts';
import { silentLog } from '../../src/domain/log.ts';
import { sourceKinds } from '../../src/sources/sources.ts';
import { type ApiDescription, clientSource } from '../support/client-source.ts';

let server: FastifyInstance;
let description: ApiDescription & { readonly openapi: string };

/** Routes are described before anything reaches a store, so none is needed. */
const untouched = undefined as never;

beforeAll(async () => {
  server = await createAdminServer({
    routes: [
      healthRoutes(untouched),
      eventRoutes({ intake: untouched, kinds: sourceKinds, audit: untouched }),
      reviewRoutes({
        identity: untouched,
        decision: untouched,
        decide: untouched,
        decideInBulk: untouched,
      }),
      delegationRoutes({ identity: untouched, delegations: untouched }),
      deadLetterRoutes({ identity: untouched, audit: untouched, commands: untouched }),
      ledgerRoutes({ audit: untouched }),
      policyRoutes({ identity: untouched, audit: untouched, commands: untouched, read: untouched }),
      evidenceRoutes({ identity: untouched, audit: untouched }),
      completenessRoutes({ identity: untouched, audit: untouched }),
      problemRoutes,
      openapiRoutes,
    ],
    log: silentLog,
    isTransient: () => false,
    requestsPerSecondMax: 1_000,
  });
  description = (await server.inject('/openapi.json')).json();
});
afterAll(() => server.close());

it('the API describes itself in OpenAPI 3.1', () => {
  expect(description.openapi).toBe('3.1.0');
  expect(Object.keys(description.paths)).toContain('/v1/reviews/{id}/decisions');
});

it('every operation has a name of its own, a summary and says what goes wrong', () => {
  const all = Object.values(description.paths).flatMap((methods) => Object.values(methods));
  const names = all.map(({ operationId }) => operationId);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThan(15);
  for (const { operationId, summary, responses } of all) {
    expect(summary, operationId).toMatch(/\.$/);
    expect(responses, operationId).toHaveProperty([
      'default',
      'content',
      'application/problem+json',
    ]);
  }
});

it('no route of the API is left out', () => {
  const served = pathsOf(server.printRoutes({ commonPrefix: false }));
  expect(served.length).toBeGreaterThan(10);
  expect(new Set(served.filter((path) => path !== '/openapi.json'))).toEqual(
    new Set(Object.keys(description.paths)),
  );
});

it('the client is the one of this API (npm test -- test/client -u makes it anew)', async () => {
  await expect(clientSource(description)).toMatchFileSnapshot(
    join('..', '..', 'src', 'client', 'api.ts'),
  );
});

it('a client that is stale is found', () => {
  const file = readFileSync(join(import.meta.dirname, '../../src/client/api.ts'), 'utf8');
  const { '/v1/reviews': reviews, ...others } = description.paths;
  expect(reviews).toBeDefined();
  expect(clientSource({ paths: others })).not.toBe(file);
});

/** Of the tree that the framework prints: each level stands four characters further in. */
function pathsOf(tree: string): readonly string[] {
  const parents: string[] = [];
  return [...tree.matchAll(/^(.*?)[├└]── (\S+)( \()?/gm)].flatMap(([, indent, part, isRoute]) => {
    const depth = indent!.length / 4;
    const path = (parents[depth - 1] ?? '') + part!;
    parents.splice(depth, Infinity, path);
    return isRoute === undefined ? [] : [path.replaceAll(/:(\w+)/g, '{$1}')];
  });
}
