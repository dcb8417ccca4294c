/**
 * The description of the API (OpenAPI 3.1), made from the schemas that the routes validate with. A route is in it when it
 * names an operation: `describe` does that. Pages of the console are not part of the API.
 */
import swagger from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import Type, { type TSchema } from 'typebox';

/** Who may call it: anybody, a source by its signature, or a person with a bearer token. */
export type Caller = 'anybody' | 'source' | 'person';

export interface Operation {
  /** The name of the function in a client. */
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly caller: Caller;
  /** Media types of the request body, where it is not JSON alone. */
  readonly consumes?: readonly string[];
  /** Media type of the answer, where it is not JSON. */
  readonly produces?: string;
}

/** A route's schema with what readers of the description want to know of it. */
export function describe<Schema extends FastifySchema>(
  { operationId, tag, summary, caller, consumes, produces }: Operation,
  schema: Schema,
): Schema {
  return {
    ...schema,
    operationId,
    summary,
    tags: [tag],
    security: caller === 'person' ? [{ token: [] }] : [],
    ...(consumes === undefined ? {} : { consumes: [...consumes] }),
    ...(produces === undefined ? {} : { produces: [produces] }),
  };
}

/** RFC 9457; see GET /problems/:code for what each code means. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'Leads to the title and remedy of the code.' }),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String(),
    detail: Type.String(),
    remedy: Type.String(),
    request_id: Type.Optional(Type.String()),
  },
  { description: 'A problem document (RFC 9457). Some codes carry further members.' },
);

/** Has the routes that are added afterwards described, in what `server.swagger()` returns. */
export async function describeRoutes(server: FastifyInstance): Promise<void> {
  await server.register(swagger, {
    hideUntagged: true,
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'SentinelOps',
        version: '1',
        description:
          'The system evaluates, a human decides, the system records. Times are RFC 3339 in UTC with microseconds.',
      },
      components: {
        securitySchemes: {
          token: {
            type: 'http',
            scheme: 'bearer',
            description: 'so_<id>_<secret>, from "sentinelops reviewer add".',
          },
        },
      },
    },
    transform: ({ schema, url }) => ({ schema: withProblems(schema), url }),
  });
}

/** Everything that goes wrong is answered in one form, so no route has to say it. */
function withProblems(schema: FastifySchema | undefined): FastifySchema {
  const response = (schema?.response ?? {}) as Readonly<Record<string, TSchema>>;
  const problem = {
    description: 'What is wrong, and what to do next.',
    content: { 'application/problem+json': { schema: Problem } },
  };
  return { ...schema, response: { ...response, default: problem } };
}
