/**
 * Delegations in the console.
 *
 *     GET  /console/delegations               what the person gave and was given, and the form to give one
 *     POST /console/delegations               303 back to the list, or the form again with why not
 *     POST /console/delegations/:id/revoke    303 back to the list
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { decidingRoles } from '../../domain/authority.ts';
import {
  type DelegationCommands,
  type DelegationWish,
  DELEGATION_REASON_CHARACTERS_MAX,
} from '../../domain/delegation.ts';
import { type DelegationId, isUuid } from '../../domain/ids.ts';
import { isRefusal, problems, type Refusal, refuse } from '../../domain/problem.ts';
import { riskLevels } from '../../domain/risk-level.ts';
import { parseTimestamp } from '../../domain/time.ts';
import { delegationsPage } from '../console/pages/delegations.ts';
import type { Show } from '../console/show.ts';
import { barredFromList } from '../review-desk.ts';
import { signedIn } from './console-sign-in.ts';

export interface DelegationPagesOptions {
  readonly delegations: DelegationCommands;
  readonly show: Show;
}

const DelegationForm = Type.Object({
  form_token: Type.String(),
  to: Type.String({ maxLength: 100 }),
  role: Type.Enum([...decidingRoles]),
  up_to_level: Type.Enum(riskLevels.filter((level) => level !== 'UNKNOWN')),
  /** A date as a browser writes it: the delegation ends with that day, UTC. */
  last_day: Type.String({ maxLength: 10 }),
  reason: Type.String({ maxLength: DELEGATION_REASON_CHARACTERS_MAX }),
});
export type DelegationFields = Static<typeof DelegationForm>;
const Params = Type.Object({ id: Type.String() });

export function addDelegationRoutes(
  scope: FastifyInstance,
  { delegations, show }: DelegationPagesOptions,
): void {
  const server = scope.withTypeProvider<TypeBoxTypeProvider>();

  server.get('/delegations', (request, reply) => showDelegations(request, reply));

  server.post('/delegations', { schema: { body: DelegationForm } }, async (request, reply) => {
    const wish = wishOf(request.body);
    const given = isRefusal(wish) ? wish : await delegations.give(signedIn(request).personId, wish);
    if (!isRefusal(given)) return reply.redirect('/console/delegations', 303);
    return showDelegations(request, reply, { refusal: given, fields: request.body });
  });

  server.post('/delegations/:id/revoke', { schema: { params: Params } }, async (request, reply) => {
    const { id } = request.params;
    const refusal = isUuid(id)
      ? await delegations.revoke(signedIn(request).personId, id as DelegationId)
      : refuse('unknown_delegation', 'no delegation has this id');
    if (refusal !== undefined) return show.problem(request, reply, refusal);
    return reply.redirect('/console/delegations', 303);
  });

  async function showDelegations(
    request: FastifyRequest,
    reply: FastifyReply,
    refused?: { readonly refusal: Refusal; readonly fields: DelegationFields },
  ): Promise<FastifyReply> {
    const person = signedIn(request);
    const barred = barredFromList(person);
    if (barred !== undefined) return show.problem(request, reply, barred);
    const found = await delegations.of(person.personId);
    const formToken = reply.generateCsrf();
    const status = refused === undefined ? 200 : problems[refused.refusal.reason].status;
    const page = delegationsPage({ person, delegations: found, formToken, ...refused });
    return show.page(request, reply, page, status);
  }
}

function wishOf(fields: DelegationFields): DelegationWish | Refusal {
  const endsAt = parseTimestamp(`${fields.last_day}T23:59:59Z`);
  if (endsAt === undefined) return refuse('bad_delegation', 'the last day is no date');
  const { to, role, up_to_level: upToLevel, reason } = fields;
  return { to: to.trim(), role, upToLevel, endsAt, reason };
}
