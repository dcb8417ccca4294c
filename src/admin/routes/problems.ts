/** GET /problems/:code: what the `type` of a problem document points to. */
import { isProblemCode, problems, refuse } from '../../domain/problem.ts';
import { sendProblem } from '../problem.ts';
import type { AdminRoutes } from '../server.ts';

export const problemRoutes: AdminRoutes = (server) => {
  server.get<{ Params: { code: string } }>('/problems/:code', (request, reply) => {
    const { code } = request.params;
    if (!isProblemCode(code)) return sendProblem(reply, refuse('not_found', 'no such problem'));
    return reply.send({ code, ...problems[code] });
  });
};
