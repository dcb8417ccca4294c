/** People as commands name them. */
import { createReviewerCommands } from '../actors/reviewers.ts';
import type { PersonId } from '../domain/ids.ts';
import type { Database } from '../stores/database.ts';
import { CommandError, exitCodes } from './terminal.ts';

/** `identity` works under the role of the identity domain. */
export async function personNamed(identity: Database, name: string): Promise<PersonId> {
  const people = await createReviewerCommands(identity).list();
  const person = people.find((listed) => listed.name === name);
  if (person !== undefined) return person.personId;
  throw new CommandError(
    `Nobody is called ${name}. "reviewer add --name ${name} --role …" makes a person.`,
    exitCodes.notFound,
  );
}
