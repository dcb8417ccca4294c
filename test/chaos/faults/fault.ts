/** What a kind of fault is: how it is injected and healed, and what has to show when it bites. */
import type { OutageTime } from '../checker/evidence.ts';
import type { Random } from '../random.ts';
import type { System } from '../system/system.ts';
import type { Signals } from '../watch/signals.ts';

/** Faults of one lane follow one another; those of different lanes overlap. */
export type Lane = 'process' | 'store' | 'edge';

export interface FaultKind {
  /** `redis: killed`. */
  readonly name: string;
  readonly lane: Lane;
  /** How often it is drawn beside the others of its lane. */
  readonly weight: number;
  /** Why this machine cannot do it; undefined when it can. */
  whyNot?(system: System): string | undefined;
  /** Does harm and heals it again; resolves when everything is as before. */
  inject(system: System, random: Random): Promise<Harm>;
}

export interface Harm {
  readonly detail: string;
  /** What was surely out of service. */
  readonly outage?: OutageTime;
  /** Jobs that the queue store had taken after this instant may be gone. */
  readonly losesJobsFrom?: number;
  /** Ids that nobody has recorded, and jobs that nobody of ours has sent. */
  readonly forged?: readonly string[];
  /** Processes that were killed. */
  readonly kills?: number;
  /** Until what it had undone was done again. */
  readonly healMs?: number;
  /** What rises when it bites; or how often it has bitten, where that is known at once. */
  readonly bites: number | ((signals: Signals) => number);
}

/** `outage` for a time in which something was surely away; none when it was too short to tell. */
export function outageOf(of: OutageTime['of'], from: number, to: number): { outage?: OutageTime } {
  return to > from ? { outage: { of, from, to } } : {};
}
