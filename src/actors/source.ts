/**
 * Commands on the registry of sources, for the operator. Each is one transaction and may be given again: it then finds
 * what it wanted and changes nothing. All lock the source first, so that two of them never see each other half done.
 */
import type { SourceKeyId } from '../domain/ids.ts';
import { isRefusal, type Refusal, refuse } from '../domain/problem.ts';
import {
  QUEUE_AGE_MAX_S,
  type Registration,
  readKey,
  refuseRegistration,
  sourceKeyIdOf,
} from '../domain/registration.ts';
import type { KeyAlgorithm } from '../domain/source.ts';
import { sourceKinds } from '../sources/sources.ts';
import type { Database } from '../stores/database.ts';
import { openSourceStore, type SourceStore } from '../stores/source.ts';

/** While a new key replaces an old one, both are valid. */
const VALID_KEYS_MAX = 2;

export interface SourceCommands {
  /** Adds a source or changes its settings. Refusals: `bad_source`, `source_kind_fixed`, `source_retired`. */
  register(registration: Registration): Promise<Refusal | undefined>;
  /** Refusals: `unknown_source`. */
  retire(name: string): Promise<Refusal | undefined>;
  /** Refusals: `unknown_source`, `source_retired`, `bad_key`, `too_many_keys`, `key_retired`. */
  addKey(
    source: string,
    algorithm: KeyAlgorithm,
    key: string,
  ): Promise<{ readonly keyId: SourceKeyId } | Refusal>;
  /** Refusals: `unknown_source`, `unknown_key`. */
  retireKey(source: string, keyId: string): Promise<Refusal | undefined>;
}

/** `database` holds sessions of the event domain. */
export function sourceCommands(database: Database): SourceCommands {
  const transact = <T>(work: (store: SourceStore) => Promise<T>) =>
    database.transact((tx) => work(openSourceStore(tx)));
  return {
    async register(registration) {
      const kinds = sourceKinds.map(({ name }) => name);
      return (
        refuseRegistration(registration, kinds) ??
        transact((store) => register(store, registration))
      );
    },
    retire: (name) =>
      transact(async (store) => {
        if ((await store.lockSource(name)) === undefined) return unknownSource(name);
        await store.retireSource(name);
        return undefined;
      }),
    async addKey(source, algorithm, key) {
      const material = readKey(algorithm, key);
      if (isRefusal(material)) return material;
      return transact((store) => addKey(store, source, algorithm, material));
    },
    retireKey: (source, keyId) =>
      transact(async (store) => {
        if ((await store.lockSource(source)) === undefined) return unknownSource(source);
        const key = (await store.keysOf(source)).find((candidate) => candidate.keyId === keyId);
        if (key === undefined) return refuse('unknown_key', `${source} has no such key`);
        await store.retireKey(key.keyId);
        return undefined;
      }),
  };
}

async function register(
  store: SourceStore,
  { name, kind, signatureRequired, description = '', queueAgeMaxS = QUEUE_AGE_MAX_S }: Registration,
): Promise<Refusal | undefined> {
  await store.keepSource(name, kind, signatureRequired);
  const source = (await store.lockSource(name))!;
  if (source.kind !== kind) return refuse('source_kind_fixed', `${name} sends as ${source.kind}`);
  if (source.retired) return refuse('source_retired', `the source ${name} is retired`);
  await store.describeSource(name, { description, signatureRequired, queueAgeMaxS });
  return undefined;
}

async function addKey(
  store: SourceStore,
  name: string,
  algorithm: KeyAlgorithm,
  material: Buffer,
): Promise<{ readonly keyId: SourceKeyId } | Refusal> {
  const source = await store.lockSource(name);
  if (source === undefined) return unknownSource(name);
  if (source.retired) return refuse('source_retired', `the source ${name} is retired`);
  const keyId = sourceKeyIdOf(name, algorithm, material);
  const keys = await store.keysOf(name);
  const standing = keys.find((key) => key.keyId === keyId);
  if (standing?.retired === true) return refuse('key_retired', 'this key was retired');
  if (standing !== undefined) return { keyId };
  const valid = keys.filter((key) => key.algorithm === algorithm && !key.retired);
  if (valid.length >= VALID_KEYS_MAX) {
    const ids = valid.map((key) => key.keyId).join(', ');
    return refuse('too_many_keys', `the valid ${algorithm} keys of ${name} are ${ids}`);
  }
  await store.keepKey(name, keyId, algorithm, material);
  return { keyId };
}

function unknownSource(name: string): Refusal {
  return refuse('unknown_source', `no source ${name} is registered`);
}
