/**
 * Health, for supervisors and load balancers; without a token.
 *
 *     GET /livez    200 as long as this process answers at all
 *     GET /readyz   200 when all that it depends on is there and nothing is behind; 503 with a reason for each that is not
 *
 * An intake that is not ready may still take in events: it needs PostgreSQL alone. So a balancer in front of sources asks
 * /livez, and people and alarms ask /readyz.
 */
import Type from 'typebox';
import { refuse } from '../../domain/problem.ts';
import { describe } from '../openapi.ts';
import { sendProblem } from '../problem.ts';
import type { AdminRoutes } from '../server.ts';

/** By dependency: what is wrong with it; null when nothing is. See actors/readiness.ts. */
export type Readiness = Readonly<Record<string, string | null>>;

const Live = Type.Object({ status: Type.Literal('ok') });
const Ready = Type.Object({
  status: Type.Literal('ok'),
  checks: Type.Object({}, { additionalProperties: Type.Union([Type.String(), Type.Null()]) }),
});

const ofHealth = { tag: 'Health', caller: 'anybody' } as const;
const operations = {
  live: {
    ...ofHealth,
    operationId: 'isLive',
    summary: 'Whether the process answers.',
  },
  ready: {
    ...ofHealth,
    operationId: 'isReady',
    summary: 'Whether all that it depends on is there and nothing is behind.',
  },
} as const;

export function healthRoutes(readiness: () => Promise<Readiness>): AdminRoutes {
  return (server) => {
    server.get('/livez', { schema: describe(operations.live, { response: { 200: Live } }) }, () =>
      Promise.resolve({ status: 'ok' }),
    );
    server.get(
      '/readyz',
      { schema: describe(operations.ready, { response: { 200: Ready } }) },
      async (_request, reply) => {
        const checks = await readiness();
        const faults = Object.entries(checks).filter(([, reason]) => reason !== null);
        if (faults.length === 0) return { status: 'ok', checks };
        const detail = faults.map(([name, reason]) => `${name} ${reason}`).join('; ');
        return sendProblem(reply, refuse('not_ready', detail), { checks });
      },
    );
  };
}
