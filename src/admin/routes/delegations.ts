/**
 * Delegations, for people with a bearer token, each about their own.
 *
 *     GET  /v1/delegations               what the person gave and was given
 *     POST /v1/delegations               lets somebody act in a role of theirs, until an instant
 *     POST /v1/delegations/:id/revoke    takes it back at once
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { decidingRoles } from '../../domain/authority.ts';
import {
  type Delegation,
  type DelegationCommands,
  DELEGATION_REASON_CHARACTERS_MAX,
  type ListedDelegation,
} from '../../domain/delegation.ts';
import { type DelegationId, isUuid } from '../../domain/ids.ts';
import { isRefusal, refuse } from '../../domain/problem.ts';
import { riskLevels } from '../../domain/risk-level.ts';
import { parseTimestamp } from '../../domain/time.ts';
import type { Database } from '../../stores/database.ts';
import { personOf, requirePerson } from '../authentication.ts';
import { describe } from '../openapi.ts';
import { sendProblem } from '../problem.ts';
import type { AdminRoutes } from '../server.ts';

export interface DelegationRoutesOptions {
  /** Sessions of the identity domain. */
  readonly identity: Database;
  readonly delegations: DelegationCommands;
}

const Level = Type.Enum(riskLevels.filter((level) => level !== 'UNKNOWN'));
const Role = Type.Enum([...decidingRoles]);
const Time = Type.String({ description: 'RFC 3339, UTC, with microseconds.' });

const GivenDelegation = Type.Object({
  delegation_id: Type.String(),
  delegator: Type.String(),
  delegate: Type.String(),
  role: Role,
  up_to_level: Level,
  reason: Type.String(),
  created_at: Time,
  ends_at: Time,
});
const Listed = Type.Object({
  ...GivenDelegation.properties,
  delegator_name: Type.String(),
  delegate_name: Type.String(),
  revoked_at: Type.Union([Time, Type.Null()]),
  running: Type.Boolean({ description: 'Whether it counts at this moment.' }),
});
const Delegations = Type.Object({ delegations: Type.Array(Listed) });
const Revoked = Type.Object({ delegation_id: Type.String() });
const Wish = Type.Object(
  {
    to: Type.String({ maxLength: 100, description: 'The name of a person.' }),
    role: Role,
    up_to_level: Level,
    ends_at: Type.String({ maxLength: 40 }),
    reason: Type.String({ maxLength: DELEGATION_REASON_CHARACTERS_MAX }),
  },
  { additionalProperties: false },
);
const Params = Type.Object({ id: Type.String() });

const ofDelegations = { tag: 'Delegations', caller: 'person' } as const;
const operations = {
  list: {
    ...ofDelegations,
    operationId: 'listDelegations',
    summary: 'What the person who asks gave and was given.',
  },
  give: {
    ...ofDelegations,
    operationId: 'delegate',
    summary: 'Let somebody act in a role of yours, up to a level and an instant.',
  },
  revoke: {
    ...ofDelegations,
    operationId: 'revokeDelegation',
    summary: 'Take a delegation back at once. May be repeated.',
  },
} as const;

export function delegationRoutes({ identity, delegations }: DelegationRoutesOptions): AdminRoutes {
  return (scope: FastifyInstance) => {
    requirePerson(scope, identity);
    const server = scope.withTypeProvider<TypeBoxTypeProvider>();

    server.get(
      '/v1/delegations',
      { schema: describe(operations.list, { response: { 200: Delegations } }) },
      async (request) => {
        const found = await delegations.of(personOf(request).personId);
        return { delegations: found.map(listedDocument) };
      },
    );

    server.post(
      '/v1/delegations',
      { schema: describe(operations.give, { body: Wish, response: { 201: GivenDelegation } }) },
      async (request, reply) => {
        const { to, role, up_to_level: upToLevel, ends_at, reason } = request.body;
        const endsAt = parseTimestamp(ends_at);
        if (endsAt === undefined) {
          return sendProblem(reply, refuse('bad_delegation', 'ends_at is no RFC 3339 time'));
        }
        const wish = { to, role, upToLevel, endsAt, reason };
        const given = await delegations.give(personOf(request).personId, wish);
        if (isRefusal(given)) return sendProblem(reply, given);
        return reply.status(201).send(documentOf(given));
      },
    );

    server.post(
      '/v1/delegations/:id/revoke',
      { schema: describe(operations.revoke, { params: Params, response: { 200: Revoked } }) },
      async (request, reply) => {
        const { id } = request.params;
        const refusal = isUuid(id)
          ? await delegations.revoke(personOf(request).personId, id as DelegationId)
          : refuse('unknown_delegation', 'no delegation has this id');
        return refusal === undefined ? { delegation_id: id } : sendProblem(reply, refusal);
      },
    );
  };
}

function documentOf(given: Delegation): Static<typeof GivenDelegation> {
  return {
    delegation_id: given.delegationId,
    delegator: given.delegator,
    delegate: given.delegate,
    role: given.role,
    up_to_level: given.upToLevel,
    reason: given.reason,
    created_at: given.createdAt,
    ends_at: given.endsAt,
  };
}

function listedDocument(listed: ListedDelegation): Static<typeof Listed> {
  return {
    ...documentOf(listed),
    delegator_name: listed.delegatorName,
    delegate_name: listed.delegateName,
    revoked_at: listed.revokedAt,
    running: listed.isRunning,
  };
}
