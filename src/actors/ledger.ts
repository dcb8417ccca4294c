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
import { chain, STREAM, type UnplacedEntry } from '../domain/ledger.ts';
import { entryDataOf, MalformedFact, type RecordedFact } from '../domain/ledger/entry-data.ts';
import type { Message } from '../queues/messages.ts';
import {
  type FactKey,
  HASH_CONSTRAINT,
  type LedgerStore,
  openLedgerStore,
} from '../stores/ledger.ts';
import { type Actor, forward, Halt, type Outcome, reject, settle } from './actor.ts';

/** A fact that is no longer what its entry says. The entry stands; someone must find out what changed the fact. */
export interface FactConflict extends FactKey {
  /** What the entry would say if it were written now; undefined when the fact is gone. */
  readonly found: string | undefined;
  readonly standing: string;
}

export interface LedgerActorOptions {
  /** Called inside the transaction, each time the fact is seen; must not throw. */
  readonly onFactConflict: (conflict: FactConflict) => void;
  /** Waited for at the steps at which a test may end the process. */
  readonly failpoint?: (step: 'head_locked' | 'hashed') => Promise<void>;
}

/** Rejects: unknown_id, fact_malformed. Halts when SQL computes another hash: no fact is given up for that. */
export function createLedgerActor({
  onFactConflict,
  failpoint = async () => undefined,
}: LedgerActorOptions): Actor<'ledger', LedgerStore> {
  return {
    queue: 'ledger',
    domain: 'ledger',
    openStore: openLedgerStore,
    async receive(messages, store) {
      const keys = [...new Map(messages.map((key) => [nameOf(key), key])).values()].sort(
        byTypeThenId,
      );
      const prepared = prepare(keys, await store.facts(keys));
      const head = await store.lockHead(STREAM);
      await failpoint('head_locked');
      const standing = new Map(
        (await store.standing(keys)).map((entry) => [nameOf(entry), entry.entryData]),
      );
      const entries = chain(head, head.now, missing(prepared, standing));
      await failpoint('hashed');
      if (entries.length > 0) await append(store, head, entries);
      reportConflicts(keys, prepared, standing, onFactConflict);
      return messages.map((key) => outcomeOf(key, prepared.get(nameOf(key))!, standing));
    },
  };
}

/** What one fact's entry would be, or why it has none. */
type Prepared = UnplacedEntry | 'unknown' | MalformedFact;

function prepare(
  keys: readonly FactKey[],
  facts: readonly RecordedFact[],
): ReadonlyMap<string, Prepared> {
  const byName = new Map(facts.map((fact) => [nameOf(fact), fact]));
  return new Map(
    keys.map((key) => {
      const fact = byName.get(nameOf(key));
      return [nameOf(key), fact === undefined ? 'unknown' : unplaced(fact)];
    }),
  );
}

function unplaced(fact: RecordedFact): UnplacedEntry | MalformedFact {
  const { type: entryType, id: linkedEntityId, timestamp } = fact;
  try {
    return { entryType, linkedEntityId, timestamp, entryData: entryDataOf(fact) };
  } catch (error) {
    if (error instanceof MalformedFact) return error;
    throw error;
  }
}

function missing(
  prepared: ReadonlyMap<string, Prepared>,
  standing: ReadonlyMap<string, string>,
): readonly UnplacedEntry[] {
  return [...prepared]
    .filter(([name]) => !standing.has(name))
    .map(([, fact]) => fact)
    .filter(isUnplaced);
}

async function append(
  store: LedgerStore,
  ...batch: Parameters<LedgerStore['append']>
): Promise<void> {
  try {
    await store.append(...batch);
  } catch (cause) {
    if ((cause as { constraint?: unknown }).constraint !== HASH_CONSTRAINT) throw cause;
    throw new Halt(
      'The hash of a ledger entry computed here differs from the one computed in SQL.',
      {
        cause,
      },
    );
  }
}

function reportConflicts(
  keys: readonly FactKey[],
  prepared: ReadonlyMap<string, Prepared>,
  standing: ReadonlyMap<string, string>,
  onFactConflict: LedgerActorOptions['onFactConflict'],
): void {
  for (const { type, id } of keys) {
    const stands = standing.get(nameOf({ type, id }));
    const now = prepared.get(nameOf({ type, id }))!;
    const found = isUnplaced(now) ? now.entryData : undefined;
    if (stands !== undefined && stands !== found) {
      onFactConflict({ type, id, found, standing: stands });
    }
  }
}

function outcomeOf(
  key: FactKey,
  prepared: Prepared,
  standing: ReadonlyMap<string, string>,
): Outcome<'ledger'> {
  const stands = standing.get(nameOf(key));
  const entryData = stands ?? (isUnplaced(prepared) ? prepared.entryData : undefined);
  if (entryData !== undefined) {
    return key.type === 'DECISION' && approves(entryData)
      ? forward({ queue: 'execution', message: { decisionId: key.id } })
      : settle();
  }
  return prepared === 'unknown'
    ? reject('unknown_id', `no ${key.type} with the id ${key.id} is recorded`)
    : reject('fact_malformed', (prepared as MalformedFact).message);
}

function approves(entryData: string): boolean {
  const { decision_type: type } = JSON.parse(entryData) as { decision_type?: unknown };
  return type === 'approved' || type === 'override';
}

function isUnplaced(prepared: Prepared): prepared is UnplacedEntry {
  return prepared !== 'unknown' && !(prepared instanceof MalformedFact);
}

function nameOf({ type, id }: Message<'ledger'>): string {
  return `${type} ${id}`;
}

const rankOf = new Map(factTypes.map((type, rank) => [type, rank]));

function byTypeThenId(a: FactKey, b: FactKey): number {
  return rankOf.get(a.type)! - rankOf.get(b.type)! || (a.id < b.id ? -1 : 1);
}
