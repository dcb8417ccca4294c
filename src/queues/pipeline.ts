/**
 * The map of the pipeline: which queue may follow which. Everything that sends a message names its own queue and one
 * of these successors, so a wrong hand-off does not compile; a decision reaches `execution` only through `ledger`.
 */

import type { Domain } from '../domain/domains.ts';

export type QueueName =
  | 'ingest'
  | 'risk'
  | 'advisory'
  | 'awaiting-decision'
  | 'execution'
  | 'ledger';

export const pipeline = {
  /** Verifies and stores what sources send. */
  ingest: { domain: 'event', next: ['risk', 'ledger'] },
  /** Scores events under the active risk model. */
  risk: { domain: 'risk', next: ['advisory', 'ledger'] },
  /** Asks the active policies and writes advisories. An event that no policy matches ends here, in the ledger. */
  advisory: { domain: 'advisory', next: ['awaiting-decision', 'ledger'] },
  /** Opens reviews, and passes on what people have finally decided. No `execution` here: the ledger comes first. */
  'awaiting-decision': { domain: 'decision', next: ['ledger'] },
  /** Appends facts. An approving decision goes on from here, every other entry settles. */
  ledger: { domain: 'ledger', next: ['execution'] },
  /** Requests the executions of approved decisions; their outcome is a fact again. */
  execution: { domain: 'execution', next: ['ledger'] },
} as const satisfies Record<QueueName, { domain: Domain; next: readonly QueueName[] }>;

export const queueNames = Object.keys(pipeline) as QueueName[];

/** The queues that an actor of `Q` may send to. */
export type Next<Q extends QueueName> = (typeof pipeline)[Q]['next'][number];
