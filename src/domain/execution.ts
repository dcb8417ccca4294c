/**
 * Executions: what an approved decision asks of a target. Their states, the exact bytes that are sent, the digest of the
 * finished row, and what may follow an attempt.
 */
import { canonicalJson } from './canonical.ts';
import { type ReviewOption, type ReviewView, viewDigest } from './decision.ts';
import { type Digest, rowRecord, sha256 } from './digest.ts';
import { type DecisionId, type EventId, type ExecutionId, executionIdOf } from './ids.ts';
import type { Timestamp } from './time.ts';

/** `requested` has never been sent; `dispatched` has an attempt; the last two are final and never change again. */
export const executionTransitions = {
  requested: ['dispatched', 'failed'],
  dispatched: ['acknowledged', 'failed'],
  acknowledged: [],
  failed: [],
} as const satisfies Record<string, readonly string[]>;
export type ExecutionStatus = keyof typeof executionTransitions;

export function mayBecome(from: ExecutionStatus, to: ExecutionStatus): boolean {
  const successors: readonly ExecutionStatus[] = executionTransitions[from];
  return successors.includes(to);
}

export function isFinal(status: ExecutionStatus): boolean {
  return executionTransitions[status].length === 0;
}

/**
 * Why an execution failed. `refused`: what would run is not what was approved. `expired`: the approval ran out before
 * anything was sent. `rejected`: the target said no. `exhausted`: every try failed before a byte left.
 * `outcome_unknown`: the target may have acted; a person must look.
 */
export type FailureReason = 'refused' | 'expired' | 'rejected' | 'exhausted' | 'outcome_unknown';

/**
 * The permission to act: a decision that is final and approving, the ledger entry that says so, and what its rows show
 * now. Whether that is still what the reviewers were shown is for `requestOf` to find out.
 */
export interface LedgeredDecision {
  readonly decisionId: DecisionId;
  readonly optionId: string;
  readonly expiresAt: Timestamp;
  /** The digest that every approval of the decision repeats. */
  readonly boundDigest: Digest;
  readonly rowDigest: Digest;
  /** The digest that the entry has of the decision's row. */
  readonly entryDigest: Digest;
  readonly ledger: LedgerPlace;
  readonly view: ReviewView;
}

/** Where in the ledger the decision stands. Numbers as decimals. */
export interface LedgerPlace {
  readonly stream: string;
  readonly seq: string;
  readonly hash: string;
}

/** What is fixed when an execution is requested, as far as its digest covers it. */
export interface OpenExecution {
  readonly executionId: ExecutionId;
  readonly decisionId: DecisionId;
  readonly eventId: EventId;
  readonly actionNo: number;
  readonly target: string;
  /** The exact bytes that every attempt sends. */
  readonly requestBody: string;
  readonly commandSha256: Digest;
  readonly requestedAt: Timestamp;
  readonly expiresAt: Timestamp;
}

/** An execution as it is first kept: open, or failed from the start because it may not run. */
export interface RequestedExecution extends OpenExecution {
  /** Canonical JSON. */
  readonly command: string;
  readonly ending: Ending | null;
  readonly rowDigest: Digest | null;
}

/** How an execution ended. */
export interface Ending {
  readonly status: 'acknowledged' | 'failed';
  readonly failureReason: FailureReason | null;
  readonly completedAt: Timestamp;
  /** Of the target's last answer. */
  readonly responseSha256: Digest | null;
}

/** A decision approves one option, and an option is one action; the number leaves room for options of several. */
const ONLY_ACTION = 1;
/** Stands where an approved option is no longer there: such an execution is refused and never leaves. */
const NO_OPTION: ReviewOption = { option: '', title: '', target: 'none', command: {} };

/** What the decision asks for; already failed when it may not run. `now` by the database's clock. */
export function requestOf(decision: LedgeredDecision, now: Timestamp): RequestedExecution {
  const { decisionId, optionId, expiresAt, view } = decision;
  const option = view.options.find((one) => one.option === optionId) ?? NO_OPTION;
  const command = canonicalJson(option.command);
  const executionId = executionIdOf(decisionId, ONLY_ACTION);
  const open: OpenExecution = {
    executionId,
    decisionId,
    eventId: view.eventId,
    actionNo: ONLY_ACTION,
    target: option.target,
    requestBody: requestBody(executionId, option, decision, now),
    commandSha256: sha256(command),
    requestedAt: now,
    expiresAt,
  };
  const failureReason = reasonAgainst(decision, option, now);
  if (failureReason === undefined) return { ...open, command, ending: null, rowDigest: null };
  const ending = {
    status: 'failed',
    failureReason,
    completedAt: now,
    responseSha256: null,
  } as const;
  return { ...open, command, ending, rowDigest: executionDigest(open, ending) };
}

/** What was shown is what runs: any difference refuses it. Instants of this form sort as text. */
function reasonAgainst(
  { boundDigest, entryDigest, rowDigest, expiresAt, view }: LedgeredDecision,
  option: ReviewOption,
  now: Timestamp,
): FailureReason | undefined {
  const drifted = viewDigest(view) !== boundDigest || entryDigest !== rowDigest;
  if (drifted || option === NO_OPTION) return 'refused';
  return expiresAt <= now ? 'expired' : undefined;
}

const REQUEST_TYPE = 'sentinelops.execution.requested.v1';

/**
 * Canonical JSON in the shape that Standard Webhooks recommends (`type`, `timestamp`, `data`). The signature covers
 * neither method nor address, so the body names both ends, and the ledger entry by which people permitted it. Times and
 * numbers of ours are strings; the command is as it was shown.
 */
function requestBody(
  executionId: ExecutionId,
  { option, target, command }: ReviewOption,
  { decisionId, expiresAt, ledger, view }: LedgeredDecision,
  requestedAt: Timestamp,
): string {
  return canonicalJson({
    type: REQUEST_TYPE,
    timestamp: requestedAt,
    data: {
      execution_id: executionId,
      decision_id: decisionId,
      event_id: view.eventId,
      action_no: String(ONLY_ACTION),
      target,
      action: option,
      command,
      expires_at: expiresAt,
      ledger,
    },
  });
}

/** The ended row as it is hashed: everything but the bookkeeping of claims. */
export function executionRecord(execution: OpenExecution, ending: Ending): string {
  return rowRecord('execution.execution', {
    execution_id: execution.executionId,
    decision_id: execution.decisionId,
    event_id: execution.eventId,
    action_no: String(execution.actionNo),
    target_system: execution.target,
    request_body_sha256: sha256(execution.requestBody),
    command_sha256: execution.commandSha256,
    requested_at: execution.requestedAt,
    expires_at: execution.expiresAt,
    completed_at: ending.completedAt,
    execution_status: ending.status,
    failure_reason: ending.failureReason,
    response_sha256: ending.responseSha256,
  });
}

/** What the ended row keeps, and its ledger entry carries. */
export function executionDigest(execution: OpenExecution, ending: Ending): Digest {
  return sha256(executionRecord(execution, ending));
}
