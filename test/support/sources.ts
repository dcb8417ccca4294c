/** A registry for tests: one source of each sort, and what each needs to send. */
import { sourceCommands } from '../../src/actors/source.ts';
import { isRefusal, type Refusal } from '../../src/domain/problem.ts';
import type { Registration } from '../../src/domain/registration.ts';
import type { KeyAlgorithm } from '../../src/domain/source.ts';
import type { Database } from '../../src/stores/database.ts';

export interface TestSource extends Registration {
  readonly keys?: readonly { readonly algorithm: KeyAlgorithm; readonly key: string }[];
}

/** Registers sources with their keys; rejects when the registry refuses one. */
export async function registerSources(
  database: Database,
  sources: readonly TestSource[],
): Promise<void> {
  const commands = sourceCommands(database);
  for (const { keys = [], ...registration } of sources) {
    demand(await commands.register(registration));
    for (const { algorithm, key } of keys) {
      demand(await commands.addKey(registration.name, algorithm, key));
    }
  }
}

function demand(result: Refusal | object | undefined): void {
  if (result !== undefined && isRefusal(result)) throw new Error(result.detail);
}
