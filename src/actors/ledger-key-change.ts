/**
 * Gives a stream another signing key. The old key says which one follows it, in a note that is kept in the database, and
 * the checkpoint in the state file gets a signature by each: from then on the new key is the one that goes on.
 */
import { checkpointText, openCheckpoint } from '../domain/ledger/checkpoint.ts';
import { isNoteFault, type SignerKey, signatureLine } from '../domain/ledger/note.ts';
import type { Database } from '../stores/database.ts';
import { openSignerStore } from '../stores/ledger-checkpoint.ts';
import type { SignedState } from '../stores/signed-state.ts';

export interface KeyChangeOptions {
  /** Works under the role of the signer. */
  readonly database: Database;
  readonly stream: number;
  readonly from: SignerKey;
  /** Has the same name. */
  readonly to: SignerKey;
  /** Held by this process alone: the signer is stopped. */
  readonly state: SignedState;
}

/**
 * Returns the note in which the old key names the new one. The database comes first: a change that is recorded and not
 * yet made is made by asking again, one that was made and not recorded nobody could follow.
 */
export async function changeKey(options: KeyChangeOptions): Promise<string> {
  const { database, stream, from, to, state } = options;
  if (from.verifier.name !== to.verifier.name || from.verifier.type !== to.verifier.type) {
    throw new Error(`A key of ${to.verifier.name} cannot follow one of ${from.verifier.name}.`);
  }
  const kept = await state.read();
  if (kept === undefined) throw new Error(`There is no ${state.path}: nothing was signed yet.`);
  const signed = openCheckpoint(kept, [from.verifier]);
  if (isNoteFault(signed)) throw new Error(`${state.path}: ${signed.detail}`);
  const size = Number(signed.size);
  const text =
    `sentinelops-key-change/v1\norigin ${signed.origin}\nsize ${size}\n` +
    `from ${from.verifier.text}\nto ${to.verifier.text}\n`;
  const statement = `${text}\n${signatureLine(text, from)}`;
  await database.transact((tx) =>
    openSignerStore(tx, stream).keepKeyChange({
      size,
      fromKey: from.verifier.text,
      toKey: to.verifier.text,
      statement,
    }),
  );
  const tree = checkpointText(signed);
  const both = `${tree}\n${signatureLine(tree, from)}${signatureLine(tree, to)}`;
  await state.replace(kept, Buffer.from(both));
  return statement;
}
