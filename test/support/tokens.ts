/** People with roles, and the tokens by which they call the API. */
import { createReviewerCommands } from '../../src/actors/reviewers.ts';
import type { Role } from '../../src/domain/authority.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import type { Database } from '../../src/stores/database.ts';

/** Adds each of these people with their roles; returns their tokens by their names. */
export async function tokensOf<Name extends string>(
  identity: Database,
  people: Readonly<Record<Name, readonly Role[]>>,
): Promise<Readonly<Record<Name, string>>> {
  const tokens: Partial<Record<Name, string>> = {};
  for (const [name, roles] of Object.entries(people) as [Name, readonly Role[]][]) {
    const issued = await createReviewerCommands(identity).add({ name, roles });
    if (isRefusal(issued)) throw new Error(issued.detail);
    tokens[name] = issued.token;
  }
  return tokens as Record<Name, string>;
}
