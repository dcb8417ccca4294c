/**
 * Who is asking: a person, by a bearer token. Roles come from the database with every request and never from the token,
 * so that what was taken away is gone at once; whoever decides has them read once more in the deciding transaction.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isSameProof, proofOf } from '../domain/identity.ts';
import { isRefusal, type Refusal, refuse } from '../domain/problem.ts';
import type { Database } from '../stores/database.ts';
import { type HeldToken, openIdentityStore, type Person } from '../stores/identity.ts';
import { Refused } from './problem.ts';

const BEARER = /^Bearer +([^ ]+)$/i;
const PERSON = 'person';

/** Lets only people into the routes of `server`. `identity` works under the role of the identity domain. */
export function requirePerson(server: FastifyInstance, identity: Database): void {
  server.decorateRequest(PERSON);
  server.addHook('onRequest', async (request) => {
    const person = await authenticate(request.headers.authorization, identity);
    if (isRefusal(person)) throw new Refused(person);
    request.setDecorator<Person>(PERSON, person);
  });
}

/** The person behind a request that `requirePerson` has let in. */
export function personOf(request: FastifyRequest): Person {
  return request.getDecorator<Person>(PERSON);
}

/** Refusals: `token_missing`, `token_invalid`. The second does not say why: whoever holds a real token can look it up. */
async function authenticate(
  authorization: string | undefined,
  identity: Database,
): Promise<Person | Refusal> {
  if (authorization === undefined) return refuse('token_missing', 'there is no Authorization');
  const [, token = ''] = BEARER.exec(authorization) ?? [];
  const held = await findToken(token, identity);
  return held?.holder ?? refuse('token_invalid', 'the token is unknown, revoked or expired');
}

/** The token with its holder, when it is one that is valid at this moment. */
export async function findToken(token: string, identity: Database): Promise<HeldToken | undefined> {
  const proof = proofOf(token);
  if (proof === undefined) return undefined;
  const held = await identity.transact((tx) => openIdentityStore(tx).tokenOf(proof.tokenId));
  return held?.isValid === true && isSameProof(proof, held) ? held : undefined;
}
