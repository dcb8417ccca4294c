/**
 * The witness without a network: requests and answers are files that somebody carries. `NAME.request` holds the body of an
 * add-checkpoint; the answer to it is `NAME.answer`, its first line the status, then what HTTP would have as body.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceDurably } from '../stores/signed-state.ts';
import type { Witness } from './witness.ts';

const REQUEST = '.request';
const ANSWER = '.answer';

/** Answers every request that has no answer yet; the names that were answered, with the status. */
export async function answerDropped(
  directory: string,
  witness: Witness,
): Promise<readonly { readonly name: string; readonly status: number }[]> {
  const files = new Set(await readdir(directory));
  const names = [...files]
    .filter((file) => file.endsWith(REQUEST))
    .map((file) => file.slice(0, -REQUEST.length))
    .filter((name) => !files.has(name + ANSWER))
    .toSorted();
  const answered: { name: string; status: number }[] = [];
  for (const name of names) {
    const { status, body } = await witness.add(await readFile(join(directory, name + REQUEST)));
    await replaceDurably(join(directory, name + ANSWER), `${status}\n${body}`, directory);
    answered.push({ name, status });
  }
  return answered;
}
