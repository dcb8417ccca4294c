/**
 * The signer of one stream: answers, by a checkpoint, for every entry that is in the ledger. The only holder of the
 * signing key, and the only part of the house that notices a database that was put back.
 *
 *     read     the entries that have come, and hash each of them again
 *     compare  with what was read before, and the state file with what was written last
 *     sign     the new tree
 *     keep     the note in the state file, outside the database        from here it is signed
 *     release  note and subtree hashes into the database                  from here it is published, its entries sealed
 *
 * A crash loses a signature that nobody has seen, or releases at the next start what was kept; it never makes two
 * signatures over one size. When the ledger is not the one that was signed, the signer halts it and signs nothing: no
 * repair of ours could tell which of the two is true.
 */
import { type Checkpoint, openCheckpoint, signCheckpoint } from '../domain/ledger/checkpoint.ts';
import type { Failure } from '../domain/ledger/line.ts';
import { isNoteFault, type SignerKey, type VerifierKey } from '../domain/ledger/note.ts';
import { stateFault } from '../domain/ledger/signed-ledger.ts';
import { EMPTY_ROOT, type SubtreeHash } from '../domain/ledger/tree.ts';
import { statusCodes } from '../domain/ledger/verdict.ts';
import type { Database } from '../stores/database.ts';
import {
  openSignerStore,
  type ReleasableCheckpoint,
  type SignerStore,
} from '../stores/ledger-checkpoint.ts';
import { type SignedState, StateMoved } from '../stores/signed-state.ts';
import { createLedgerReading, type LedgerReading } from './ledger-reading.ts';

/** Why nothing is signed any more. The ledger stays halted until a signer finds it to be what was signed. */
export class LedgerHalted extends Error {
  override readonly name = 'LedgerHalted';
  readonly exitCode: number;
  constructor({ status, detail }: Failure) {
    super(`${status}: ${detail}`);
    this.exitCode = statusCodes[status];
  }
}

export interface SignerOptions {
  /** Works under the role of the signer. */
  readonly database: Database;
  readonly stream: number;
  /** Its name is the origin of the stream. */
  readonly key: SignerKey;
  readonly state: SignedState;
  /** Of those who cosign, to be handed out with evidence beside its own. */
  readonly witnessKeys?: readonly VerifierKey[];
  /** True to begin with a ledger that has entries and no state file yet: `ledger adopt`. */
  readonly adopts?: boolean;
  /** Entries hashed so far, while the whole ledger is read at the start. */
  readonly onProgress?: (hashed: number) => void;
  /** Waited for at the steps at which a test may end the process. */
  readonly failpoint?: ((step: 'checkpoint_signed' | 'state_kept') => Promise<void>) | undefined;
}

export interface Signer {
  readonly origin: string;
  /**
   * Signs what has come since the last time; undefined when nothing has. Rejects with LedgerHalted, after which it is of
   * no more use, and with whatever the database fails with, after which it may be called again.
   */
  seal(): Promise<ReleasableCheckpoint | undefined>;
}

/**
 * Reads the whole ledger and compares it with the state file; then lifts a halt that stood, since the ledger is the one
 * that was signed. Rejects with LedgerHalted when it is not, after the halt is recorded.
 */
export async function openSigner(options: SignerOptions): Promise<Signer> {
  const { database, stream, key, state, witnessKeys = [] } = options;
  const work = storeWork(database, stream);
  const origin = await work((store) => store.origin());
  if (key.verifier.name !== origin) {
    throw new Error(`The signing key is named ${key.verifier.name}; this ledger is ${origin}.`);
  }
  return orHalt(work, async () => {
    const kept = await state.read();
    const signed = kept === undefined ? undefined : openKept(kept, options);
    const reading = await readAll(options, work, signed);
    const release = createRelease(work, reading);
    // Kept, and perhaps not released: the process may have ended in between.
    if (kept !== undefined && signed !== undefined && signed.size > 0n) {
      await release(releasable(signed, kept));
    }
    await work((store) => store.keepVerifierKeys([key.verifier, ...witnessKeys]));
    await work((store) => store.liftHalt());
    const begun = kept ?? (reading.size === 0 ? await keepBeginning(options, origin) : undefined);
    return createSigner(options, { origin, work, reading, release, kept: begun });
  });
}

/**
 * Keeps that this signer began with an empty ledger. Without it a signer that ends before its first checkpoint is kept
 * would come back to entries and no state file, which is what a lost file looks like, and would halt the ledger.
 */
async function keepBeginning({ key, state }: SignerOptions, origin: string): Promise<Buffer> {
  const note = Buffer.from(signCheckpoint({ origin, size: 0n, root: EMPTY_ROOT }, key));
  await replaceState(state, undefined, note);
  return note;
}

async function replaceState(
  state: SignedState,
  expected: Buffer | undefined,
  next: Buffer,
): Promise<void> {
  await state.replace(expected, next).catch((error: unknown) => {
    throw error instanceof StateMoved ? mismatch(error.message) : error;
  });
}

type Work = <T>(act: (store: SignerStore) => Promise<T>) => Promise<T>;

function storeWork(database: Database, stream: number): Work {
  return (act) => database.transact((tx) => act(openSignerStore(tx, stream)));
}

/** What is wrong with the ledger, found inside; recorded as a halt before it is told to the caller. */
class Mismatch extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.detail);
    this.failure = failure;
  }
}

async function orHalt<T>(work: Work, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    await work((store) => store.halt(error.failure.status, error.failure.detail));
    throw new LedgerHalted(error.failure);
  }
}

function mismatch(detail: string): Mismatch {
  return new Mismatch({ status: 'STATE_MISMATCH', detail });
}

function openKept(note: Buffer, { key, state }: SignerOptions): Checkpoint {
  const signed = openCheckpoint(note, [key.verifier]);
  if (!isNoteFault(signed)) return signed;
  throw mismatch(`${state.path} is not signed by ${key.verifier.text}. ${signed.detail}`);
}

async function readAll(
  options: SignerOptions,
  work: Work,
  signed: Checkpoint | undefined,
): Promise<LedgerReading> {
  const { database, stream, adopts = false, onProgress } = options;
  const released = await work((store) => store.newest());
  const rootsAt = [Number(signed?.size ?? 0), released?.size ?? 0];
  const reading = createLedgerReading({ database, stream, rootsAt, onProgress });
  const failure = await reading.readOn();
  const { size, rootAt } = reading;
  // A ledger that was put back says more than the entry at which it breaks.
  const fault = stateFault({ signed, released, size, rootAt, adopts });
  if (fault !== undefined) throw mismatch(fault);
  if (failure !== undefined) throw new Mismatch(failure);
  return reading;
}

function releasable({ size, root }: Checkpoint, note: Buffer): ReleasableCheckpoint {
  return { size: Number(size), rootHash: root.toString('hex'), note: note.toString() };
}

const SUBTREE_HASHES_PER_CALL_MAX = 10_000;

/** Puts a checkpoint, and the subtree hashes up to it, into the database. After a failure it is simply called again. */
function createRelease(work: Work, reading: LedgerReading) {
  let waiting: readonly SubtreeHash[] = [];
  return async (checkpoint: ReleasableCheckpoint): Promise<void> => {
    waiting = [...waiting, ...reading.takeSubtreeHashes()];
    const counts = await work((store) => store.subtreeHashCounts());
    waiting = waiting.filter(({ level, index }) => index >= (counts.get(level) ?? 0));
    while (waiting.length > 0) {
      const some = waiting.slice(0, SUBTREE_HASHES_PER_CALL_MAX);
      await work((store) => store.keepSubtreeHashes(some));
      waiting = waiting.slice(some.length);
    }
    await work((store) => store.release(checkpoint));
  };
}

interface Started {
  readonly origin: string;
  readonly work: Work;
  readonly reading: LedgerReading;
  readonly release: (checkpoint: ReleasableCheckpoint) => Promise<void>;
  readonly kept: Buffer | undefined;
}

function createSigner(options: SignerOptions, started: Started): Signer {
  const { key, state, failpoint = async () => undefined } = options;
  const { origin, work, reading, release } = started;
  let { kept } = started;
  let signedSize = kept === undefined ? 0 : Number(openKept(kept, options).size);
  let unreleased: ReleasableCheckpoint | undefined;

  async function sign(): Promise<ReleasableCheckpoint> {
    const checkpoint = { origin, size: BigInt(reading.size), root: reading.root() };
    const next = Buffer.from(signCheckpoint(checkpoint, key));
    await failpoint('checkpoint_signed');
    await replaceState(state, kept, next);
    kept = next;
    signedSize = reading.size;
    await failpoint('state_kept');
    return releasable(checkpoint, next);
  }

  async function releaseWaiting(): Promise<void> {
    if (unreleased === undefined) return;
    await release(unreleased);
    unreleased = undefined;
  }

  return {
    origin,
    seal: () =>
      orHalt(work, async () => {
        await releaseWaiting();
        const failure = await reading.readOn();
        if (failure !== undefined) throw new Mismatch(failure);
        if (reading.size === signedSize) return undefined;
        const checkpoint = await sign();
        unreleased = checkpoint;
        await releaseWaiting();
        return checkpoint;
      }),
  };
}
