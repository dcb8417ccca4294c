/**
 * Appends facts to the ledger, one chain, one transaction for each batch:
 *
 *     read     the facts, and what their entries will say; facts never change, so this needs no lock
 *     lock     the head of the chain, until COMMIT
 *     compare  with the entries that stand; what stands wins
 *     hash     the rest onto the chain, by type and id
 *     append   in one call; the table computes every hash again
 *
 * From the COMMIT the entries are durable. Only then an approving decision is handed on to be executed; it is handed on
 * again whenever its id comes again, since the first hand-off may have been lost.
 */
import { factTypes } from '../domain/fact.ts';
import { chain, type Entry, STREAM, type UnplacedEntry } from '../domain/ledger.ts';
import { entryDataOf, MalformedFact, type RecordedFact } from '../domain/ledger/entry-data.ts';
import type { Message } from '../queues/messages.ts';
import {
  type FactKey,
  HASH_CONSTRAINT,
  type LedgerStore,
  type LockedHead,
  openLedgerStore,
} from '../stores/ledger.ts';
import { type Actor, forward, Halt, type Outcome, reject, settle } from './actor.ts';
import type { Failpoint } from './failpoint.ts';

/** A fact that is no longer what its entry says. The entry stands; someone must find out what changed the fact. */
export interface FactConflict extends FactKey {
  /** What the entry would say if it were written now; undefined when the fact is gone. */
  readonly found: string | undefined;
  readonly standing: string;
}

export interface LedgerActorOptions {
  /** Called inside the transaction, each time the fact is seen; must not throw. */
  readonly onFactConflict: (conflict: FactConflict) => void;
  readonly failpoint?: Failpoint<'head_locked' | 'hashed'> | undefined;
}

/** Rejects: unknown_id, fact_malformed. Halts when SQL computes another hash: no fact is given up for that. */
export function createLedgerActor({
  onFactConflict,
  failpoint,
}: LedgerActorOptions): Actor<'ledger', LedgerStore> {
  return {
    queue: 'ledger',
    domain: 'ledger',
    openStore: openLedgerStore,
    async receive(messages, store, _clock, actorFailpoint) {
      const keys = inChainOrder(messages);
      const prepared = byName(await store.facts(keys), prepare);
      await actorFailpoint?.('upstream_read');
      const head = await store.lockHead(STREAM);
      await failpoint?.('head_locked');
      const standing = byName(await store.standing(keys), (entry) => entry.entryData);
      const entries = chain(head, head.now, missing(keys, prepared, standing));
      await failpoint?.('hashed');
      if (entries.length > 0) await append(store, head, entries);
      reportConflicts(keys, prepared, standing, onFactConflict);
      return messages.map((key) => outcomeOf(key, prepared, standing));
    },
  };
}

/** By name: what each known fact's entry would be, or why it cannot have one. */
type Prepared = ReadonlyMap<string, UnplacedEntry | MalformedFact>;
/** By name: the data of the entries that stand. */
type Standing = ReadonlyMap<string, string>;

/** Each fact once, by type and id. */
function inChainOrder(messages: readonly Message<'ledger'>[]): readonly FactKey[] {
  const distinct = new Map(messages.map((key) => [nameOf(key), key]));
  return [...distinct.values()].sort(
    (a, b) => rankOf.get(a.type)! - rankOf.get(b.type)! || (a.id < b.id ? -1 : 1),
  );
}

const rankOf = new Map(factTypes.map((type, rank) => [type, rank]));

function nameOf({ type, id }: FactKey): string {
  return `${type} ${id}`;
}

function byName<T extends FactKey, V>(items: readonly T[], of: (item: T) => V): Map<string, V> {
  return new Map(items.map((item) => [nameOf(item), of(item)]));
}

function prepare(fact: RecordedFact): UnplacedEntry | MalformedFact {
  const { type: entryType, id: linkedEntityId, timestamp } = fact;
  try {
    return { entryType, linkedEntityId, timestamp, entryData: entryDataOf(fact) };
  } catch (error) {
    if (error instanceof MalformedFact) return error;
    throw error;
  }
}

function missing(
  keys: readonly FactKey[],
  prepared: Prepared,
  standing: Standing,
): readonly UnplacedEntry[] {
  return keys.flatMap((key) => {
    const entry = prepared.get(nameOf(key));
    const isNew = entry !== undefined && 'entryData' in entry && !standing.has(nameOf(key));
    return isNew ? [entry] : [];
  });
}

async function append(
  store: LedgerStore,
  head: LockedHead,
  entries: readonly Entry[],
): Promise<void> {
  try {
    await store.append(head, entries);
  } catch (cause) {
    if ((cause as { constraint?: unknown }).constraint !== HASH_CONSTRAINT) throw cause;
    throw new Halt('The hash of a ledger entry is another here than in SQL.', { cause });
  }
}

function reportConflicts(
  keys: readonly FactKey[],
  prepared: Prepared,
  standing: Standing,
  onFactConflict: LedgerActorOptions['onFactConflict'],
): void {
  for (const key of keys) {
    const stands = standing.get(nameOf(key));
    const found = sayingOf(prepared.get(nameOf(key)));
    if (stands !== undefined && stands !== found) {
      onFactConflict({ type: key.type, id: key.id, found, standing: stands });
    }
  }
}

function outcomeOf(key: FactKey, prepared: Prepared, standing: Standing): Outcome<'ledger'> {
  const fact = prepared.get(nameOf(key));
  const entryData = standing.get(nameOf(key)) ?? sayingOf(fact);
  if (entryData !== undefined) {
    return key.type === 'DECISION' && approves(entryData)
      ? forward({ queue: 'execution', message: { decisionId: key.id } })
      : settle();
  }
  return fact instanceof MalformedFact
    ? reject('fact_malformed', fact.message)
    : reject('unknown_id', `no ${key.type} with the id ${key.id} is recorded`);
}

function sayingOf(fact: UnplacedEntry | MalformedFact | undefined): string | undefined {
  return fact instanceof MalformedFact ? undefined : fact?.entryData;
}

function approves(entryData: string): boolean {
  const { decision_type: type } = JSON.parse(entryData) as { decision_type?: unknown };
  return type === 'approved' || type === 'override';
}
