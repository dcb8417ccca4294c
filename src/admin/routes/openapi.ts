/** GET /openapi.json: what the API takes and answers, for generators of clients. The console has the same for people. */
import type { AdminRoutes } from '../server.ts';

/** Once all routes are there, nothing of it changes any more. */
export const openapiRoutes: AdminRoutes = (server) => {
  server.get('/openapi.json', (_request, reply) => reply.send(server.swagger()));
};
