/**
 * Health, for supervisors and load balancers; without a token.
 *
 *     GET /livez    200 as long as this process answers at all
 *     GET /readyz   200 when all that it depends on is there and nothing is behind; 503 with a reason for each that is not
 *
 * An intake that is not ready may still take in events: it needs PostgreSQL alone. So a balancer in front of sources asks
 * /livez, and people and alarms ask /readyz.
 */
import { refuse } from '../../domain/problem.ts';
import { sendProblem } from '../problem.ts';
import type { AdminRoutes } from '../server.ts';

/** By dependency: what is wrong with it; null when nothing is. See actors/readiness.ts. */
export type Readiness = Readonly<Record<string, string | null>>;

export function healthRoutes(readiness: () => Promise<Readiness>): AdminRoutes {
  return (server) => {
    server.get('/livez', () => Promise.resolve({ status: 'ok' }));
    server.get('/readyz', async (_request, reply) => {
      const checks = await readiness();
      const faults = Object.entries(checks).filter(([, reason]) => reason !== null);
      if (faults.length === 0) return { status: 'ok', checks };
      const detail = faults.map(([name, reason]) => `${name} ${reason}`).join('; ');
      return sendProblem(reply, refuse('not_ready', detail), { checks });
    });
  };
}
