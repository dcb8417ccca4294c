/**
 * A planted violation: one thing that is made wrong after a clean run, and every invariant that it breaks by that. The
 * checker has to name all of these and no other.
 */
import type { Redis } from 'ioredis';
import type { Evidence } from '../checker/evidence.ts';

/** Where a plant is made: a copy of the clean run's database that has lost its guards, and the run's evidence. */
export interface Bed {
  /** Statements of a superuser. No trigger, check, foreign key or unique key stands in the way. */
  sql(statement: string): Promise<void>;
  /** Copies a row, with other values in some columns, given as SQL. */
  copy(table: string, where: string, changes: Readonly<Record<string, string>>): Promise<void>;
  /** The one value of a query. */
  value(query: string): Promise<string>;
  readonly redis: Redis;
  /** A copy of its own, with lists that may be changed. */
  readonly evidence: MutableEvidence;
  /** A copy of the first export, which may be changed; its path is returned. */
  exportFile(change: (bytes: Buffer) => Buffer): Promise<string>;
}

export type MutableEvidence = {
  -readonly [K in keyof Evidence]: Evidence[K] extends readonly (infer T)[]
    ? Mutable<T>[]
    : Mutable<Evidence[K]>;
};
type Mutable<T> = T extends object ? { -readonly [K in keyof T]: T[K] } : T;

export interface Plant {
  /** What is made wrong. */
  readonly what: string;
  /** Every invariant that it breaks. */
  readonly breaks: readonly string[];
  make(bed: Bed): Promise<void> | void;
}

/** The plants of one invariant, which all of them break. */
export type Plants = Readonly<Record<string, readonly Plant[]>>;

/** The rows of a statement's kind that plants are made on; each names one row that the clean run surely has. */
export const QUIET = `(select e.event_id from event.event e
  join advisory.evaluation v on v.event_id = e.event_id and v.outcome = 'NO_MATCH'
  where e.event_type like '%quiet' order by e.event_id limit 1)`;
export const QUIET_ASSESSMENT = `(select assessment_id from risk.risk_assessment where event_id = ${QUIET})`;
export const REJECTED = `(select decision_id from decision.decision where decision_type = 'rejected' and round = 1
  order by decision_id limit 1)`;
/** Approved by one person in the first round, and carried out. */
export const APPROVED_LOW = `(select d.decision_id from decision.decision d
  join execution.execution x on x.decision_id = d.decision_id and x.execution_status = 'acknowledged'
  where d.decision_type = 'approved' and d.risk_level = 'LOW' and d.round = 1
    and (select count(*) from decision.approval a where a.decision_id = d.decision_id) = 1
  order by d.decision_id limit 1)`;
export const ACKNOWLEDGED = `(select x.execution_id from execution.execution x
  where x.execution_status = 'acknowledged' and x.target_system = 'receiver'
    and (select count(*) from execution.attempt t where t.execution_id = x.execution_id) = 1
  order by x.execution_id limit 1)`;
/** The target said no to its only call. */
export const REFUSED_BY_TARGET = `(select x.execution_id from execution.execution x
  where x.failure_reason = 'rejected'
    and (select count(*) from execution.attempt t where t.execution_id = x.execution_id) = 1
  order by x.execution_id limit 1)`;
export const RETRIED = `(select execution_id from execution.attempt group by execution_id having count(*) > 1
  order by execution_id limit 1)`;

export const NEW_ID = `'7a7a7a7a-7a7a-8a7a-8a7a-7a7a7a7a7a7a'`;
