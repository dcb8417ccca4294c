/**
 * Two watches beside the ledger actor. The heartbeat shows that appending is possible, without which no decision is
 * finalised and nothing executed (the views ledger.health_for_*). The protection watch compares how the ledger is
 * protected with what its last migration left; it stops nothing, it tells.
 */
import { STREAM } from '../domain/ledger.ts';
import type { Database } from '../stores/database.ts';
import { beat, type ProtectionState, protectionState } from '../stores/ledger.ts';
import { createWatch, type Watch } from './watch.ts';

/** Comes before the age of 5 s from which the heartbeat counts as lost, with a lost race to spare. */
export const HEARTBEAT_INTERVAL_MS = 1_500;
export const PROTECTION_INTERVAL_MS = 300_000;

export interface HeartbeatOptions {
  readonly database: Database;
  readonly intervalMs?: number;
  /** Told of each beat that failed; the next one is tried all the same. */
  readonly onFailure: (error: unknown) => void;
  readonly onBeat?: () => void;
}

export function createLedgerHeartbeat(options: HeartbeatOptions): Watch {
  return createWatch(options.intervalMs ?? HEARTBEAT_INTERVAL_MS, async () => {
    try {
      await beat(options.database, STREAM);
      options.onBeat?.();
    } catch (error) {
      options.onFailure(error);
    }
  });
}

export interface ProtectionWatchOptions {
  readonly database: Database;
  readonly intervalMs?: number;
  /** Told each time that the protection is not what it should be, or somebody has gained a power over it. */
  readonly onWeakened: (state: ProtectionState) => void;
  /** Told of each comparison that could not be made. */
  readonly onFailure: (error: unknown) => void;
}

export function createLedgerProtectionWatch(options: ProtectionWatchOptions): Watch {
  return createWatch(options.intervalMs ?? PROTECTION_INTERVAL_MS, async () => {
    try {
      const state = await protectionState(options.database);
      if (!state.intact || state.newPowers.length > 0) options.onWeakened(state);
    } catch (error) {
      options.onFailure(error);
    }
  });
}
