/**
 * Runs an idempotent transaction until its outcome is certain. A COMMIT whose reply is lost may or may not have
 * happened, and a plain read can miss one that is still under way. The same transaction run again waits for the first
 * one's rows, and then finds them or writes them itself: so its success is certain in either case.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, TransactionWatch, Tx } from '../stores/database.ts';
import { faultOf } from './fault.ts';

/**
 * `unavailable`: certainly not committed. `unknown`: perhaps committed, so it may not be reported as a failure.
 * `failed`: certainly not committed, and trying again would not help; the cause says why.
 */
export class CommitFault extends Error {
  override readonly name = 'CommitFault';
  readonly code: 'unavailable' | 'unknown' | 'failed';
  constructor(code: CommitFault['code'], cause: unknown) {
    super(`transaction ${code}`, { cause });
    this.code = code;
  }
}

/** How long a transaction that certainly was not committed is tried again. */
const RETRY_MS_MAX = 500;
/** How long one of unknown outcome is. */
const RETRY_UNKNOWN_MS_MAX = 5_000;
const PAUSE_FIRST_MS = 20;
const PAUSE_MS_MAX = 500;

/** Rejects with a `CommitFault` only. */
export async function commitSurely<T>(
  database: Database,
  work: (tx: Tx) => Promise<T>,
  watch?: TransactionWatch,
): Promise<T> {
  const startedMs = performance.now();
  let isUnknown = false;
  for (let pauseMs = PAUSE_FIRST_MS; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    let reachedCommit = false;
    try {
      return await database.transact(async (tx) => {
        const result = await work(tx);
        reachedCommit = true;
        return result;
      }, watch);
    } catch (error) {
      const fault = faultOf(error);
      const mayPass = fault === 'transient' || fault === 'contended';
      isUnknown ||= reachedCommit && mayPass;
      if (!mayPass) throw new CommitFault(isUnknown ? 'unknown' : 'failed', error);
      if (performance.now() - startedMs > (isUnknown ? RETRY_UNKNOWN_MS_MAX : RETRY_MS_MAX)) {
        throw new CommitFault(isUnknown ? 'unknown' : 'unavailable', error);
      }
      await sleep(pauseMs * (0.5 + Math.random() / 2));
    }
  }
}
