/** GET /problems/:code: what the `type` of a problem document points to. */
import Type from 'typebox';
import { isProblemCode, problems, refuse } from '../../domain/problem.ts';
import { describe } from '../openapi.ts';
import { sendProblem } from '../problem.ts';
import type { AdminRoutes } from '../server.ts';

const Code = Type.Object({ code: Type.String() });
const Meaning = Type.Object({
  code: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  remedy: Type.String(),
});
const operation = {
  operationId: 'explainProblem',
  tag: 'Problems',
  caller: 'anybody',
  summary: 'What the code of a problem document means, and what to do about it.',
} as const;

export const problemRoutes: AdminRoutes = (server) => {
  server.get<{ Params: { code: string } }>(
    '/problems/:code',
    { schema: describe(operation, { params: Code, response: { 200: Meaning } }) },
    (request, reply) => {
      const { code } = request.params;
      if (!isProblemCode(code)) return sendProblem(reply, refuse('not_found', 'no such problem'));
      return reply.send({ code, ...problems[code] });
    },
  );
};
