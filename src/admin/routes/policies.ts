/**
 * Policies and their life cycle, for people with a bearer token.
 *
 *     GET  /v1/policies                                       every policy, with the version in force
 *     GET  /v1/policies/:name                                 its versions, the newest first, and every change of them
 *     POST /v1/policies                                       keeps a definition as a draft
 *     POST /v1/policies/:name/versions/:version/approve       likewise activate and deprecate
 *
 * Every act may be repeated. Who acts is who holds the token, a Compliance Officer: author, approver and activator are
 * told apart by their tokens alone.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import type { Finding } from '../../domain/conditions.ts';
import type { PersonId } from '../../domain/ids.ts';
import { type Move, moves } from '../../domain/life-cycle.ts';
import type { PolicyDefinition } from '../../domain/policy.ts';
import { isRefusal, type Refusal, refuse } from '../../domain/problem.ts';
import {
  changesOf,
  listPolicies,
  type PolicyVersion,
  versionsOf,
} from '../../stores/audit-policies.ts';
import type { Database } from '../../stores/database.ts';
import { personOf, requirePerson } from '../authentication.ts';
import { describe } from '../openapi.ts';
import { sendProblem } from '../problem.ts';
import { barredFromList } from '../review-desk.ts';
import type { AdminRoutes } from '../server.ts';

/** See actors/policy-life-cycle.ts, whose `lifeCycleCommands` makes them. */
export interface PolicyActs {
  apply(
    documents: { readonly policies: readonly PolicyDefinition[]; readonly riskModels: readonly [] },
    author: PersonId,
  ): Promise<{ readonly policies: readonly string[] } | { readonly refusals: readonly Refusal[] }>;
  move(
    move: Move,
    version: { readonly name: string; readonly version: number },
    by: PersonId,
  ): Promise<
    { readonly steps: readonly { readonly label: string; readonly to: string }[] } | Refusal
  >;
}

export interface PolicyRoutesOptions {
  /** Sessions of the identity domain. */
  readonly identity: Database;
  /** Sessions of the audit role. */
  readonly audit: Database;
  readonly commands: PolicyActs;
  /** See documents/policy-document.ts. */
  readonly read: (
    value: unknown,
  ) => { readonly definition: PolicyDefinition } | { readonly findings: readonly Finding[] };
}

const strict = { additionalProperties: false };
const Named = Type.Object({ name: Type.String({ maxLength: 64 }) }, strict);
const Act = Type.Object(
  {
    name: Type.String({ maxLength: 64 }),
    version: Type.String({ pattern: '^[1-9][0-9]{0,6}$' }),
    move: Type.Enum([...moves]),
  },
  strict,
);

const Text = Type.String();
const OrNull = Type.Union([Text, Type.Null()]);
const PolicyList = Type.Object({
  policies: Type.Array(
    Type.Object({
      policy: Text,
      version: Type.Integer({ description: 'The one in force; where there is none, the newest.' }),
      status: Text,
      title: Text,
      priority_level: Type.Integer(),
      regulatory_reference: Text,
      open_reviews: Type.Integer(),
    }),
  ),
});
const Version = Type.Object({
  version: Type.Integer(),
  status: Text,
  author: Text,
  approvers: Type.Array(Text),
  activator: OrNull,
  created_at: Text,
  active_from: OrNull,
  active_to: OrNull,
  definition_sha256: Text,
  definition: Type.Unknown(),
});
const PolicyHistory = Type.Object({
  policy: Text,
  versions: Type.Array(Version),
  changes: Type.Array(Type.Object({ version: Type.Integer(), status: Text, by: Text, at: Text })),
});
/** Read by the rules of policy documents, which say more than a schema. */
const Definition = Type.Unknown({ description: 'A policy document, as JSON.' });
const Kept = Type.Object({ policy: Text, version: Type.Integer() });
const Moved = Type.Object({ steps: Type.Array(Type.Object({ version: Text, status: Text })) });

const ofPolicies = { tag: 'Policies', caller: 'person' } as const;
const operations = {
  list: {
    ...ofPolicies,
    operationId: 'listPolicies',
    summary: 'Every policy, with the version in force.',
  },
  show: {
    ...ofPolicies,
    operationId: 'showPolicy',
    summary: 'The versions of a policy, the newest first, and every change of them.',
  },
  keep: {
    ...ofPolicies,
    operationId: 'keepPolicy',
    summary: 'Keep a definition as a draft. Compliance Officers only; may be repeated.',
  },
  move: {
    ...ofPolicies,
    operationId: 'movePolicy',
    summary: 'Approve, activate or deprecate a version. Compliance Officers only; may be repeated.',
  },
} as const;

export function policyRoutes({
  identity,
  audit,
  commands,
  read,
}: PolicyRoutesOptions): AdminRoutes {
  return (scope: FastifyInstance) => {
    requirePerson(scope, identity);
    const server = scope.withTypeProvider<TypeBoxTypeProvider>();

    server.get(
      '/v1/policies',
      { schema: describe(operations.list, { response: { 200: PolicyList } }) },
      async (request, reply) => {
        const barred = barredFromList(personOf(request));
        if (barred !== undefined) return sendProblem(reply, barred);
        const policies = await audit.transact(listPolicies);
        return {
          policies: policies.map((row) => ({
            policy: row.name,
            version: row.version,
            status: row.status,
            title: row.title,
            priority_level: row.priorityLevel,
            regulatory_reference: row.regulatoryReference,
            open_reviews: row.openReviews,
          })),
        };
      },
    );

    server.get(
      '/v1/policies/:name',
      { schema: describe(operations.show, { params: Named, response: { 200: PolicyHistory } }) },
      async (request, reply) => {
        const barred = barredFromList(personOf(request));
        if (barred !== undefined) return sendProblem(reply, barred);
        const { name } = request.params;
        const { versions, changes } = await audit.transact(async (tx) => ({
          versions: await versionsOf(tx, name),
          changes: await changesOf(tx, name),
        }));
        if (versions.length === 0) {
          return sendProblem(reply, refuse('version_unknown', `there is no policy ${name}`));
        }
        return {
          policy: name,
          versions: versions.map(documentOf),
          changes: changes.map(({ version, toStatus, personName, changedAt }) => ({
            version,
            status: toStatus,
            by: personName,
            at: changedAt,
          })),
        };
      },
    );

    server.post(
      '/v1/policies',
      {
        schema: describe(operations.keep, { body: Definition, response: { 200: Kept, 201: Kept } }),
      },
      async (request, reply) => {
        const reading = read(request.body);
        if ('findings' in reading) {
          const faults = reading.findings.map(({ at, problem }) => ({ at: at.join('.'), problem }));
          const detail = 'the definition has faults; see "faults"';
          return sendProblem(reply, refuse('wrong_shape', detail), { faults });
        }
        const { definition } = reading;
        const documents = { policies: [definition], riskModels: [] as const };
        const applied = await commands.apply(documents, personOf(request).personId);
        if ('refusals' in applied) return sendProblem(reply, applied.refusals[0]!);
        const { policy, version } = definition;
        return reply.status(applied.policies.length > 0 ? 201 : 200).send({ policy, version });
      },
    );

    server.post(
      '/v1/policies/:name/versions/:version/:move',
      { schema: describe(operations.move, { params: Act, response: { 200: Moved } }) },
      async (request, reply) => {
        const { name, version, move } = request.params;
        const by = personOf(request).personId;
        const moved = await commands.move(move, { name, version: Number(version) }, by);
        if (isRefusal(moved)) return sendProblem(reply, moved);
        return { steps: moved.steps.map(({ label, to }) => ({ version: label, status: to })) };
      },
    );
  };
}

function documentOf(shown: PolicyVersion): Static<typeof Version> {
  return {
    version: shown.version,
    status: shown.status,
    author: shown.author,
    approvers: [...shown.approvers],
    activator: shown.activator,
    created_at: shown.createdAt,
    active_from: shown.activeFrom,
    active_to: shown.activeTo,
    definition_sha256: shown.definitionSha256,
    definition: shown.definition,
  };
}
