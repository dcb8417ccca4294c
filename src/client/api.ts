/** Made from /openapi.json by test/client/api.test.ts: npm test -- test/client -u. Not to be edited. */

export interface Operations {
  /** Whether the process answers. */
  readonly isLive: {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: { readonly status: 'ok' };
  };
  /** Whether all that it depends on is there and nothing is behind. */
  readonly isReady: {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: { readonly status: 'ok'; readonly checks: Readonly<Record<string, string | null>> };
  };
  /** Where an event is in its life. */
  readonly showEvent: {
    readonly path: { readonly id: string };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: { readonly event_id: string; readonly state: string; readonly received_at: string };
  };
  /** What waits for people, by risk and then by age; decided ones the newest first. */
  readonly listReviews: {
    readonly path: undefined;
    readonly query: { readonly state?: 'open' | 'resolved' | 'all'; readonly level?: 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL' | 'UNKNOWN'; readonly policy?: string; readonly event?: string; readonly conflict?: 'true' | 'false'; readonly limit?: string; readonly cursor?: string };
    readonly body: undefined;
    readonly answer: { readonly reviews: readonly ({ readonly review_id: string; readonly event_id: string; readonly advisory_id: string; readonly risk_level: 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL' | 'UNKNOWN'; readonly priority_level: number; readonly conflict: boolean; readonly opened_at: string; readonly resolved_at: string | null; readonly policy: { readonly name: string; readonly version: number; readonly title: string }; readonly event: { readonly source: string; readonly type: string; readonly subject: string | null }; readonly round: number; readonly state: 'pending' | 'approved' | 'rejected' | 'escalated' | 'override'; readonly approvals: number })[]; readonly next_cursor: string | null };
  };
  /** One review, with what the person who asks may do. */
  readonly showReview: {
    readonly path: { readonly id: string };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: { readonly review_id: string; readonly risk_level: 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL' | 'UNKNOWN'; readonly priority_level: number; readonly conflict: boolean; readonly opened_at: string; readonly resolved_at: string | null; readonly event: { readonly event_id: string; readonly source: string; readonly id: string; readonly type: string; readonly subject: string | null; readonly occurred_at: string; readonly received_at: string; readonly data: unknown }; readonly assessment: { readonly assessment_id: string; readonly score: string | null; readonly level: 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL' | 'UNKNOWN'; readonly model_id: string | null; readonly model_version: number | null; readonly contributions: unknown; readonly evaluated_at: string }; readonly policy: { readonly policy_id: string; readonly version: number; readonly name: string; readonly title: string; readonly description: string; readonly regulatory_reference: string }; readonly advisory: { readonly advisory_id: string; readonly evaluation_id: string; readonly version: number; readonly basis: string; readonly justification: string; readonly conditions: unknown; readonly options: readonly ({ readonly option: string; readonly title: string; readonly target: string; readonly command: unknown })[] }; readonly decision: { readonly decision_id: string; readonly round: number; readonly state: 'pending' | 'approved' | 'rejected' | 'escalated' | 'override'; readonly required_authority: { readonly seats: readonly (readonly ('Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board' | 'Auditor' | 'Operator')[])[]; readonly roles: number; readonly or?: readonly ({ readonly seats: readonly (readonly ('Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board' | 'Auditor' | 'Operator')[])[]; readonly roles: number })[] }; readonly excluded: readonly ({ readonly person_id: string; readonly why: 'policy_author' | 'event_subject' | 'escalated' })[]; readonly proof: { readonly seats: readonly ({ readonly seat: readonly ('Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board' | 'Auditor' | 'Operator')[]; readonly person_id: string; readonly role: 'Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board' | 'Auditor' | 'Operator'; readonly on_behalf_of: string | null })[]; readonly roles: number } | null; readonly seats_needed: readonly (readonly ('Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board' | 'Auditor' | 'Operator')[])[]; readonly missing: readonly (string)[]; readonly approvals: readonly ({ readonly person_id: string; readonly name: string | null; readonly role: 'Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board' | 'Auditor' | 'Operator'; readonly on_behalf_of: string | null; readonly act: 'approve' | 'reject' | 'override' | 'escalate'; readonly option: string | null; readonly justification: string; readonly approved_at: string; readonly in_office: boolean })[]; readonly option: string | null; readonly valid_for_s: number; readonly finalized_at: string | null; readonly expires_at: string | null }; readonly escalation_chain: readonly ({ readonly decision_id: string; readonly round: number; readonly state: 'pending' | 'approved' | 'rejected' | 'escalated' | 'override'; readonly decided_by: { readonly person_id: string | null; readonly name: string | null; readonly role: string } | null; readonly justification: string | null; readonly created_at: string; readonly due_at: string; readonly warned_at: string | null })[]; readonly contradictions: readonly ({ readonly review_id: string; readonly policy: string; readonly priority_level: number; readonly state: 'pending' | 'approved' | 'rejected' | 'escalated' | 'override'; readonly view_digest: string | null })[]; readonly view_digest: string; readonly you: { readonly person_id: string; readonly name: string; readonly roles: readonly ('Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board' | 'Auditor' | 'Operator')[]; readonly acts: readonly ({ readonly act: 'approve' | 'reject' | 'override' | 'escalate'; readonly allowed: boolean; readonly roles: readonly ('Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board' | 'Auditor' | 'Operator')[]; readonly on_behalf_of: readonly ({ readonly person_id: string; readonly name: string; readonly role: 'Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board' | 'Auditor' | 'Operator' })[]; readonly why_not: { readonly code: string; readonly detail: string; readonly remedy: string } | null })[] } };
  };
  /** Approve, reject, override or escalate. A repeat is answered with 200 and the same. */
  readonly decide: {
    readonly path: { readonly id: string };
    readonly query: undefined;
    readonly body: { readonly act: 'approve' | 'reject' | 'override' | 'escalate'; readonly option?: string; readonly role?: 'Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board' | 'Auditor' | 'Operator'; readonly on_behalf_of?: string; readonly justification?: string; readonly view_digest: string; readonly together?: readonly ({ readonly review_id: string; readonly view_digest: string })[] };
    readonly answer: { readonly review_id: string; readonly decision_id: string; readonly approval_id: string; readonly round: number; readonly state: 'pending' | 'approved' | 'rejected' | 'escalated' | 'override'; readonly seats_needed: readonly (readonly ('Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board' | 'Auditor' | 'Operator')[])[]; readonly missing: readonly (string)[]; readonly option: string | null; readonly finalized_at: string | null; readonly expires_at: string | null; readonly together: readonly ({ readonly review_id: string; readonly decision_id: string; readonly state: 'pending' | 'approved' | 'rejected' | 'escalated' | 'override' })[] };
  };
  /** Approve or reject several reviews of one policy below HIGH, with one justification. */
  readonly decideInBulk: {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: { readonly act: 'approve' | 'reject'; readonly option?: string; readonly role?: 'Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board' | 'Auditor' | 'Operator'; readonly on_behalf_of?: string; readonly justification: string; readonly reviews: readonly ({ readonly review_id: string; readonly view_digest: string })[] };
    readonly answer: { readonly bulk_id: string; readonly results: readonly ({ readonly review_id: string; readonly decision: { readonly review_id: string; readonly decision_id: string; readonly approval_id: string; readonly round: number; readonly state: 'pending' | 'approved' | 'rejected' | 'escalated' | 'override'; readonly seats_needed: readonly (readonly ('Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board' | 'Auditor' | 'Operator')[])[]; readonly missing: readonly (string)[]; readonly option: string | null; readonly finalized_at: string | null; readonly expires_at: string | null; readonly together: readonly ({ readonly review_id: string; readonly decision_id: string; readonly state: 'pending' | 'approved' | 'rejected' | 'escalated' | 'override' })[] } | null; readonly refused: { readonly code: string; readonly detail: string; readonly remedy: string } | null })[] };
  };
  /** What the person who asks gave and was given. */
  readonly listDelegations: {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: { readonly delegations: readonly ({ readonly delegation_id: string; readonly delegator: string; readonly delegate: string; readonly role: 'Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board'; readonly up_to_level: 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL'; readonly reason: string; readonly created_at: string; readonly ends_at: string; readonly delegator_name: string; readonly delegate_name: string; readonly revoked_at: string | null; readonly running: boolean })[] };
  };
  /** Let somebody act in a role of yours, up to a level and an instant. */
  readonly delegate: {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: { readonly to: string; readonly role: 'Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board'; readonly up_to_level: 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL'; readonly ends_at: string; readonly reason: string };
    readonly answer: { readonly delegation_id: string; readonly delegator: string; readonly delegate: string; readonly role: 'Administrator' | 'Senior Authority' | 'Compliance Officer' | 'Governance Board'; readonly up_to_level: 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL'; readonly reason: string; readonly created_at: string; readonly ends_at: string };
  };
  /** Take a delegation back at once. May be repeated. */
  readonly revokeDelegation: {
    readonly path: { readonly id: string };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: { readonly delegation_id: string };
  };
  /** What no stage could take, the newest first. */
  readonly listDeadLetters: {
    readonly path: undefined;
    readonly query: { readonly state?: 'open' | 'all'; readonly queue?: string; readonly source?: string; readonly reason?: string; readonly limit?: string; readonly cursor?: string };
    readonly body: undefined;
    readonly answer: { readonly dead_letters: readonly ({ readonly dead_letter_id: string; readonly state: 'open' | 'redriven' | 'discarded'; readonly queue: string; readonly message_id: string | null; readonly source: string | null; readonly external_id: string | null; readonly reason: string; readonly remedy: string | null; readonly detail: string; readonly claims: number; readonly content_bytes: number; readonly created_at: string })[]; readonly next_cursor: string | null };
  };
  /** One dead letter, with its history and, for those who may read reviews, its bytes. */
  readonly showDeadLetter: {
    readonly path: { readonly id: string };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: { readonly dead_letter_id: string; readonly state: 'open' | 'redriven' | 'discarded'; readonly queue: string; readonly message_id: string | null; readonly source: string | null; readonly external_id: string | null; readonly reason: string; readonly remedy: string | null; readonly detail: string; readonly claims: number; readonly content_bytes: number; readonly created_at: string; readonly error_class: string | null; readonly content_sha256: string | null; readonly kind: string | null; readonly redrives: readonly ({ readonly at: string; readonly by: string | null })[]; readonly discarded_at: string | null; readonly discarded_by: string | null; readonly discard_reason: string | null; readonly headers?: unknown; readonly content_base64?: string | null };
  };
  /** Send it again as it is. Operators only; may be repeated. */
  readonly retryDeadLetter: {
    readonly path: { readonly id: string };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: { readonly dead_letter_id: string; readonly state: 'redriven'; readonly queue: string; readonly redriven_at: string };
  };
  /** Close it for good, with a reason. Operators only; may be repeated. */
  readonly discardDeadLetter: {
    readonly path: { readonly id: string };
    readonly query: undefined;
    readonly body: { readonly reason: string };
    readonly answer: { readonly dead_letter_id: string; readonly state: 'discarded'; readonly discarded_at: string };
  };
  /** The newest checkpoint (C2SP tlog-checkpoint). */
  readonly showCheckpoint: {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: string;
  };
  /** That an entry is under a checkpoint (C2SP tlog-proof). */
  readonly proveInclusion: {
    readonly path: { readonly seq: string };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: string;
  };
  /** That a smaller tree is the beginning of a larger one. */
  readonly proveConsistency: {
    readonly path: undefined;
    readonly query: { readonly old?: unknown; readonly new?: unknown };
    readonly body: undefined;
    readonly answer: string;
  };
  /** Every policy, with the version in force. */
  readonly listPolicies: {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: { readonly policies: readonly ({ readonly policy: string; readonly version: number; readonly status: string; readonly title: string; readonly priority_level: number; readonly regulatory_reference: string; readonly open_reviews: number })[] };
  };
  /** Keep a definition as a draft. Compliance Officers only; may be repeated. */
  readonly keepPolicy: {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: unknown;
    readonly answer: { readonly policy: string; readonly version: number };
  };
  /** The versions of a policy, the newest first, and every change of them. */
  readonly showPolicy: {
    readonly path: { readonly name: string };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: { readonly policy: string; readonly versions: readonly ({ readonly version: number; readonly status: string; readonly author: string; readonly approvers: readonly (string)[]; readonly activator: string | null; readonly created_at: string; readonly active_from: string | null; readonly active_to: string | null; readonly definition_sha256: string; readonly definition: unknown })[]; readonly changes: readonly ({ readonly version: number; readonly status: string; readonly by: string; readonly at: string })[] };
  };
  /** Approve, activate or deprecate a version. Compliance Officers only; may be repeated. */
  readonly movePolicy: {
    readonly path: { readonly name: string; readonly version: string; readonly move: 'approve' | 'activate' | 'deprecate' };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: { readonly steps: readonly ({ readonly version: string; readonly status: string })[] };
  };
  /** All that is recorded about an event, with proofs and keys. */
  readonly exportEvidence: {
    readonly path: { readonly id: string };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: string;
  };
  /** What the code of a problem document means, and what to do about it. */
  readonly explainProblem: {
    readonly path: { readonly code: string };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: { readonly code: string; readonly title: string; readonly status: number; readonly remedy: string };
  };
}

/** Where each operation is. */
export const places = {
  isLive: { method: 'GET', path: '/livez' },
  isReady: { method: 'GET', path: '/readyz' },
  showEvent: { method: 'GET', path: '/v1/events/{id}' },
  listReviews: { method: 'GET', path: '/v1/reviews' },
  showReview: { method: 'GET', path: '/v1/reviews/{id}' },
  decide: { method: 'POST', path: '/v1/reviews/{id}/decisions' },
  decideInBulk: { method: 'POST', path: '/v1/reviews/decisions' },
  listDelegations: { method: 'GET', path: '/v1/delegations' },
  delegate: { method: 'POST', path: '/v1/delegations' },
  revokeDelegation: { method: 'POST', path: '/v1/delegations/{id}/revoke' },
  listDeadLetters: { method: 'GET', path: '/v1/dead-letters' },
  showDeadLetter: { method: 'GET', path: '/v1/dead-letters/{id}' },
  retryDeadLetter: { method: 'POST', path: '/v1/dead-letters/{id}/retry' },
  discardDeadLetter: { method: 'POST', path: '/v1/dead-letters/{id}/discard' },
  showCheckpoint: { method: 'GET', path: '/v1/ledger/checkpoint' },
  proveInclusion: { method: 'GET', path: '/v1/ledger/proof/{seq}' },
  proveConsistency: { method: 'GET', path: '/v1/ledger/consistency' },
  listPolicies: { method: 'GET', path: '/v1/policies' },
  keepPolicy: { method: 'POST', path: '/v1/policies' },
  showPolicy: { method: 'GET', path: '/v1/policies/{name}' },
  movePolicy: { method: 'POST', path: '/v1/policies/{name}/versions/{version}/{move}' },
  exportEvidence: { method: 'GET', path: '/v1/events/{id}/evidence' },
  explainProblem: { method: 'GET', path: '/problems/{code}' },
} as const;
