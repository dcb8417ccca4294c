/**
 * What an actor is: a queue, a store, and `receive`. It owns no connection, starts no timer and sends nothing itself;
 * the runtime (runtime.ts) opens the transaction, commits, hands on and completes the jobs, once, for all actors.
 */
import type { Domain } from '../domain/domains.ts';
import type { Clock } from '../domain/time.ts';
import type { Message } from '../queues/messages.ts';
import type { Next, QueueName } from '../queues/pipeline.ts';
import type { Tx } from '../stores/database.ts';
import type { Failpoint } from './failpoint.ts';

/** One message for one successor queue. */
export type HandOff<Q extends QueueName> = {
  [N in Q]: { readonly queue: N; readonly message: Message<N> };
}[Q];

/** What an actor says of one message. Closed: there is nothing else that can become of it. */
export type Outcome<Q extends QueueName> =
  | { readonly kind: 'forward'; readonly to: readonly HandOff<Next<Q>>[] }
  | { readonly kind: 'settle' }
  | { readonly kind: 'reject'; readonly rejection: Rejection };

/** Why a message is refused for good; the runtime keeps it as a dead letter. */
export interface Rejection {
  /** A code of domain/problem.ts. */
  readonly reason: string;
  /** One sentence for the person who repairs it; no payload, no secret. */
  readonly detail: string;
  /** Where the message names them: known only to the ingest actor. */
  readonly source?: string | undefined;
  readonly externalId?: string | undefined;
}

export interface Actor<Q extends QueueName, Store> {
  readonly queue: Q;
  /** The role under which its transactions run. */
  readonly domain: Domain;
  /** Opens the store on the transaction of one batch. */
  openStore(tx: Tx): Store;
  /**
   * Answers 1..N messages with N outcomes in the same order: reads for the whole batch, pure decisions, one statement
   * per table. May see the same message again, also within one batch; what is stored wins and is forwarded again.
   */
  receive(
    messages: readonly Message<Q>[],
    store: Store,
    clock: Clock,
    failpoint?: Failpoint<'upstream_read'>,
  ): Promise<readonly Outcome<Q>[]>;
}

/** The message is done here and goes on to each of `to` after COMMIT. */
export function forward<Q extends QueueName>(
  ...to: readonly HandOff<Q>[]
): { readonly kind: 'forward'; readonly to: readonly HandOff<Q>[] } {
  return { kind: 'forward', to };
}

/** The message is done here and has no successor. */
export function settle(): { readonly kind: 'settle' } {
  return { kind: 'settle' };
}

/** The message can never be done; it becomes a dead letter with this reason. */
export function reject(
  reason: string,
  detail: string,
  origin: Pick<Rejection, 'source' | 'externalId'> = {},
): { readonly kind: 'reject'; readonly rejection: Rejection } {
  return { kind: 'reject', rejection: { reason, detail, ...origin } };
}

/**
 * Thrown when what an actor needs is not there: no active policy, a ledger that does not answer. Transient: nothing is
 * recorded, the jobs retry, and the messages go on by themselves once it is back.
 */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}

/**
 * Thrown when a promise of ours is broken, such as two implementations of a hash that disagree. Wrong is worse than
 * stopped: the runtime stops the actor and says so. Nothing is dead-lettered for it.
 */
export class Halt extends Error {
  override readonly name = 'Halt';
}
