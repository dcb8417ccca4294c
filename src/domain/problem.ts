/**
 * Every code by which SentinelOps refuses something or reports that it cannot act, in one table: over HTTP as a problem
 * document (RFC 9457), on a queue as the reason of a dead letter, on the command line as the last line before the exit.
 * A new code is one row here. The title says what is wrong in general, the remedy what to do next; what is wrong with
 * this one message stands in the detail that goes with it.
 */

interface ProblemRow {
  readonly title: string;
  /** HTTP status; for codes that only a queue meets, the status of the same fault over HTTP. */
  readonly status: number;
  readonly remedy: string;
}

const rows = {
  // The text of a message
  too_large: {
    title: 'Too large',
    status: 413,
    remedy: 'Send at most 1 MiB; keep large content elsewhere and send a reference to it.',
  },
  not_utf8: {
    title: 'Not UTF-8',
    status: 400,
    remedy: 'Encode the body as UTF-8, without a byte order mark.',
  },
  not_json: { title: 'Not JSON', status: 400, remedy: 'Send one JSON text (RFC 8259).' },
  too_deep: {
    title: 'Nested too deeply',
    status: 422,
    remedy: 'Nest arrays and objects at most 32 levels deep.',
  },
  too_many_values: {
    title: 'Too many values',
    status: 422,
    remedy: 'Send at most 10,000 values in one event; split it, or keep the rest elsewhere.',
  },
  duplicate_key: {
    title: 'A key appears twice',
    status: 422,
    remedy: 'Name every member of an object once; readers disagree on which of two counts.',
  },
  forbidden_key: {
    title: 'A key that is not allowed',
    status: 422,
    remedy:
      'Rename members called __proto__, constructor or prototype, and those with a backslash in their name.',
  },
  bad_string: {
    title: 'A string that cannot be stored',
    status: 422,
    remedy: 'Remove U+0000 and lone surrogates from strings.',
  },
  bad_number: {
    title: 'A number that would change',
    status: 422,
    remedy: 'Send numbers beyond 2^53 - 1 as strings.',
  },

  // The form of an event
  wrong_shape: {
    title: 'Not an event of this kind',
    status: 422,
    remedy: 'Correct what the detail names.',
  },
  bad_time: {
    title: 'A time that cannot be kept',
    status: 422,
    remedy: 'Write times as RFC 3339 with a zone, in the years 1970 to 2199, without leap seconds.',
  },
  data_not_json: {
    title: 'Data of another type than JSON',
    status: 415,
    remedy: 'Send the data of the event as JSON; wrap other content in a JSON string.',
  },
  batch_too_long: {
    title: 'Too many events in one batch',
    status: 422,
    remedy: 'Send at most 256 events in one batch.',
  },
  batch_on_queue: {
    title: 'A batch inside one message',
    status: 422,
    remedy: 'Put the events into the job as its messages, one message for each event.',
  },
  batch_refused: {
    title: 'No event of the batch was accepted',
    status: 422,
    remedy: 'See the result of each event; correct them and send the batch again.',
  },
  header_repeated: {
    title: 'A header that appears twice',
    status: 400,
    remedy: 'Send each ce-, webhook- and x- header once.',
  },
  unknown_source_kind: {
    title: 'Unknown kind of source',
    status: 422,
    remedy: 'Name a kind that this release knows, or leave it out for CloudEvents.',
  },

  // Who sent it
  unknown_source: {
    title: 'Unknown source',
    status: 404,
    remedy: 'Register the source first: sentinelops source add.',
  },
  source_retired: {
    title: 'Retired source',
    status: 403,
    remedy: 'Send as a source that is in use, or register a new one.',
  },
  source_mismatch: {
    title: 'Another source than the one addressed',
    status: 422,
    remedy: 'Send the event to its own source, registered with the kind by which it is sent.',
  },
  bad_source: {
    title: 'Not a source that can be registered',
    status: 422,
    remedy: 'Correct what the detail names.',
  },
  source_kind_fixed: {
    title: 'A source keeps its kind',
    status: 409,
    remedy: 'Register a new source for the other kind, and retire this one.',
  },
  bad_key: {
    title: 'Not a key',
    status: 422,
    remedy: 'Give a secret as whsec_ and base64 or as text, an Ed25519 public key as base64.',
  },
  too_many_keys: {
    title: 'Two keys are valid already',
    status: 409,
    remedy: 'Retire the older one first: sentinelops source key retire.',
  },
  key_retired: {
    title: 'A retired key stays retired',
    status: 409,
    remedy: 'Make a new key.',
  },
  unknown_key: {
    title: 'Unknown key',
    status: 404,
    remedy: 'Use the id that was printed when the key was added.',
  },
  signature_missing: {
    title: 'Signature missing',
    status: 401,
    remedy: 'Sign the body with a key that is registered for the source.',
  },
  signature_malformed: {
    title: 'Signature not readable',
    status: 401,
    remedy: 'Send the complete set of signature headers, each once, in the form of their standard.',
  },
  signature_wrong: {
    title: 'Signature wrong',
    status: 401,
    remedy: 'Sign the exact bytes that are sent, with a key that is registered and not retired.',
  },
  signature_incomplete: {
    title: 'Signature covers too little',
    status: 401,
    remedy:
      'Send signed events in structured or batched mode, where the body holds every attribute.',
  },
  webhook_id_mismatch: {
    title: 'webhook-id is not the id of the event',
    status: 422,
    remedy: 'Use the id of the event as webhook-id; only a batch has an id of its own.',
  },
  signature_expired: {
    title: 'Signature too old or from the future',
    status: 401,
    remedy: 'Synchronise the clock and sign again at the time of sending.',
  },

  // What stands already
  conflict: {
    title: 'Same id, other content',
    status: 409,
    remedy: 'An id belongs to one event for ever: send other content under a new id.',
  },

  // Queues
  unknown_job_version: {
    title: 'Unknown version of a job',
    status: 422,
    remedy: 'Send jobs in the version that this release reads, or update the release.',
  },
  malformed_job: {
    title: 'Not a job',
    status: 422,
    remedy: 'Put {"v": 1, "messages": [...]} into the job; on ingest also one event or an array.',
  },
  malformed_message: {
    title: 'Not a message of this queue',
    status: 422,
    remedy: 'Send messages in the shape that the queue documents.',
  },
  unknown_id: {
    title: 'Unknown id',
    status: 404,
    remedy: 'None needed: what exists is sent again by itself. Many of these: look for a forger.',
  },
  fact_malformed: {
    title: 'Not a fact that the ledger can hold',
    status: 500,
    remedy: 'A fault of ours: report it; the fact stands in its own domain and can be sent again.',
  },
  refused_by_database: {
    title: 'Refused by the database',
    status: 422,
    remedy: 'See the error class for the constraint; repair the message and send it again.',
  },
  fails_every_time: {
    title: 'Fails every time',
    status: 500,
    remedy: 'A fault of ours: report it with the log of that time, then send it again.',
  },
  kills_its_worker: {
    title: 'Ends the process that takes it',
    status: 500,
    remedy: 'A fault of ours: report it with the log of that time; do not send it again as it is.',
  },

  // What a person does about a dead letter
  unknown_letter: {
    title: 'Unknown dead letter',
    status: 404,
    remedy: 'List them: sentinelops deadletter list, or GET /v1/dead-letters.',
  },
  letter_discarded: {
    title: 'A discarded letter stays discarded',
    status: 409,
    remedy: 'Have its source send the event again, should it matter after all.',
  },
  letter_redriven: {
    title: 'Sent again already',
    status: 409,
    remedy: 'Nothing is left to discard. If it is refused once more, the letter opens again.',
  },
  letter_truncated: {
    title: 'Only a part of it was kept',
    status: 422,
    remedy: 'Have its source send the event again; then discard the letter.',
  },
  letter_not_sendable: {
    title: 'Nothing that could be sent again',
    status: 422,
    remedy: 'Have whoever sent it send it in the right form; then discard the letter.',
  },
  reason_required: {
    title: 'Reason required',
    status: 422,
    remedy: 'Say in a few words why this will never be dealt with; it is kept with the letter.',
  },

  // People
  token_missing: {
    title: 'No token',
    status: 401,
    remedy: 'Send Authorization: Bearer with a token from sentinelops reviewer add.',
  },
  token_invalid: {
    title: 'Token not valid',
    status: 401,
    remedy: 'Have a new token made (sentinelops reviewer add): tokens end after 90 days at most.',
  },
  not_authorised: {
    title: 'Not within your authority',
    status: 403,
    remedy: 'Leave it to someone who holds a role that it takes, or escalate the review.',
  },
  role_not_held: {
    title: 'A role that you do not hold',
    status: 403,
    remedy: 'Name a role that you hold, or have it granted: sentinelops reviewer add.',
  },
  bad_name: {
    title: 'Not a name of a person',
    status: 422,
    remedy: 'Use 1 to 100 of a-z, 0-9 and . _ @ -, beginning with a letter or digit.',
  },
  unknown_person: {
    title: 'Unknown person',
    status: 404,
    remedy: 'See who there is: sentinelops reviewer list.',
  },
  unknown_role: {
    title: 'Unknown role',
    status: 422,
    remedy:
      'Name Administrator, Senior Authority, Compliance Officer, Governance Board, Auditor or Operator.',
  },
  bad_validity: {
    title: 'Not a validity of a token',
    status: 422,
    remedy: 'Let the token live for 1 to 90 whole days.',
  },
  person_disabled: {
    title: 'A person who was disabled',
    status: 409,
    remedy: 'Enable the person first; until then every role and token of theirs is void.',
  },
  bad_password: {
    title: 'Not a password that can be used',
    status: 422,
    remedy: 'Choose 15 to 200 characters, such as five random words, without the name in it.',
  },
  sign_in_failed: {
    title: 'Not signed in',
    status: 401,
    remedy:
      'Check what you entered. A new password is set with sentinelops reviewer password, a token made with reviewer add.',
  },
  account_not_linked: {
    title: 'An account that is not linked',
    status: 403,
    remedy:
      'A person of this name is known already. An operator links the account: sentinelops reviewer link.',
  },
  account_linked: {
    title: 'Linked already',
    status: 409,
    remedy: 'One account is one person; choose the other account, or the other person.',
  },
  step_up_required: {
    title: 'Prove once more who you are',
    status: 403,
    remedy: 'Give your password or token once more, or sign in again, and send it again.',
  },
  cross_site: {
    title: 'Sent from another site',
    status: 403,
    remedy: 'Open the console itself and act there.',
  },
  form_expired: {
    title: 'This form is no longer valid',
    status: 403,
    remedy: 'Go back, load the page again, and send it once more.',
  },
  author_excluded: {
    title: 'The author of a policy does not decide under it',
    status: 403,
    remedy: 'Leave it to someone else: whoever writes a policy has no say in what follows from it.',
  },

  subject_excluded: {
    title: 'Nobody decides about themselves',
    status: 403,
    remedy: 'Leave it to someone else: whom an event is about has no say in what follows from it.',
  },
  escalator_excluded: {
    title: 'Whoever escalated a review has passed it on',
    status: 403,
    remedy: 'Leave it to someone else: a review is escalated to have others decide.',
  },
  bad_delegation: {
    title: 'Not a delegation that can be given',
    status: 422,
    remedy:
      'Delegate a deciding role that you hold, to somebody else, for at most 30 days, with a reason.',
  },
  unknown_delegation: {
    title: 'Unknown delegation',
    status: 404,
    remedy: 'List yours: GET /v1/delegations.',
  },
  not_delegated: {
    title: 'No delegation for this',
    status: 403,
    remedy: 'Act in a role of your own, or have the person delegate theirs, up to this level.',
  },

  // Reviews
  unknown_review: {
    title: 'Unknown review',
    status: 404,
    remedy: 'List the reviews: GET /v1/reviews.',
  },
  bad_cursor: {
    title: 'Not a cursor of this list',
    status: 400,
    remedy: 'Start again without a cursor, and keep the filters while you page on.',
  },
  already_decided: {
    title: 'Already decided',
    status: 409,
    remedy: 'Nothing is left to decide: read the review for what was.',
  },
  already_acted: {
    title: 'You have acted in this round',
    status: 409,
    remedy: 'What was said stands. Whoever sees it otherwise can still reject or escalate.',
  },
  view_changed: {
    title: 'Not what you were shown',
    status: 409,
    remedy: 'Read the review again, decide on what it says now, and send its view_digest.',
  },
  other_option: {
    title: 'Others approved another option',
    status: 409,
    remedy: 'Approve that option, reject the review, or escalate it: then a new round begins.',
  },
  role_required: {
    title: 'Role required',
    status: 422,
    remedy: 'Name the one role in which you act; in each round a person acts once.',
  },
  act_required: {
    title: 'Nothing was pressed',
    status: 422,
    remedy: 'Press the button of what you mean to do: Enter in a field decides nothing.',
  },
  justification_required: {
    title: 'Justification required',
    status: 422,
    remedy: 'Say why in "justification"; it is kept with the decision.',
  },
  option_required: {
    title: 'Option required',
    status: 422,
    remedy: 'Name in "option" which recommendation is approved.',
  },
  unknown_option: {
    title: 'Unknown option',
    status: 422,
    remedy: 'Name an option of the advisory; an advisory without options can only be rejected.',
  },
  bulk_not_allowed: {
    title: 'Not to be resolved in bulk',
    status: 403,
    remedy:
      'Read and decide it by itself: HIGH and above, and conflicts, are not resolved together.',
  },
  bulk_size: {
    title: 'Not a number of reviews to resolve together',
    status: 422,
    remedy: 'Name 1 to 50 reviews, each once.',
  },
  bulk_policies: {
    title: 'Reviews of several policies',
    status: 422,
    remedy: 'Resolve the reviews of one policy together, and those of another by another request.',
  },
  override_required: {
    title: 'Only an override can act on this',
    status: 422,
    remedy: 'Send the act "override" with a justification.',
  },
  ledger_unavailable: {
    title: 'The ledger does not answer',
    status: 503,
    remedy: 'Nothing was recorded. Send the same again when the ledger is back.',
  },

  // Policies and risk models
  not_compliance_officer: {
    title: 'Not a Compliance Officer',
    status: 403,
    remedy: 'Name a person who holds the role now: sentinelops reviewer list.',
  },
  author_approves: {
    title: 'Author and approver are one person',
    status: 403,
    remedy: 'Have a second Compliance Officer approve it.',
  },
  version_taken: {
    title: 'Version exists with other content',
    status: 409,
    remedy: 'Versions never change: raise the version in the document.',
  },
  version_retired: {
    title: 'Version is no longer in force',
    status: 409,
    remedy: 'What has been replaced does not come back: raise the version in the document.',
  },
  version_outdated: {
    title: 'Older than a version that exists',
    status: 409,
    remedy: 'Load the newest version, or raise the version in the document.',
  },
  approver_activates: {
    title: 'Approver and activator are one person',
    status: 403,
    remedy: 'The policy says "activation: third person": have somebody else activate it.',
  },
  version_unknown: {
    title: 'No such version',
    status: 404,
    remedy: 'Look at what is stored: sentinelops policy list.',
  },
  wrong_status: {
    title: 'Not a step that this version can take',
    status: 409,
    remedy:
      'A version goes from draft to approved to active; what was replaced can be activated again.',
  },
  named_twice: {
    title: 'Two documents for one place',
    status: 422,
    remedy: 'Load one version of each policy, and one risk model for each context.',
  },

  // HTTP
  bad_request: { title: 'Bad request', status: 400, remedy: 'Correct what the detail names.' },
  not_found: { title: 'Not found', status: 404, remedy: 'Check the address.' },
  unsupported_media_type: {
    title: 'Content type not supported',
    status: 415,
    remedy: 'Send JSON under the content type that the route documents, without content encoding.',
  },
  headers_too_large: {
    title: 'Headers too large',
    status: 431,
    remedy: 'Send at most 8 KiB of headers.',
  },
  too_slow: { title: 'Too slow', status: 408, remedy: 'Send the whole request within 5 seconds.' },
  rate_limited: {
    title: 'Too many requests',
    status: 429,
    remedy: 'Wait as long as Retry-After says; send events in batches.',
  },
  overloaded: {
    title: 'Too much is on its way',
    status: 503,
    remedy:
      'Send it again later, under the same id. Whoever runs this looks at sentinelops status.',
  },
  not_ready: {
    title: 'Not ready',
    status: 503,
    remedy: 'See the reason of each check; sentinelops status shows where the pipeline stands.',
  },
  unavailable: {
    title: 'Unavailable',
    status: 503,
    remedy: 'Nothing was accepted. Send the same again after the time in Retry-After.',
  },
  outcome_unknown: {
    title: 'Outcome unknown',
    status: 500,
    remedy: 'It may or may not have been kept. Send the same again: a repeat has no second effect.',
  },
  not_sealed: {
    title: 'Not under a checkpoint yet',
    status: 404,
    remedy: 'Ask again when the signer has sealed it, within a second where one runs.',
  },
  bad_range: {
    title: 'Not a place or a size in the ledger',
    status: 400,
    remedy: 'Correct what the detail names.',
  },
  internal: {
    title: 'Internal error',
    status: 500,
    remedy: 'A fault of ours: report it with the request id.',
  },
} as const satisfies Record<string, ProblemRow>;

export type ProblemCode = keyof typeof rows;
export const problems: Readonly<Record<ProblemCode, ProblemRow>> = rows;

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(rows, code);
}

/** "No" as a value: something from outside was refused, for a reason of the table. */
export interface Refusal {
  readonly kind: 'refusal';
  readonly reason: ProblemCode;
  /** One sentence for the person who repairs it; no payload, no secret. */
  readonly detail: string;
  /** Who it came from, where that is known and has the form of a source's name and an event's id. */
  readonly source?: string;
  readonly externalId?: string;
  /** Further members of the problem document, such as the two digests of a conflict. */
  readonly members?: Readonly<Record<string, string>>;
}

export function refuse(
  reason: ProblemCode,
  detail: string,
  more: Omit<Refusal, 'kind' | 'reason' | 'detail'> = {},
): Refusal {
  return { kind: 'refusal', reason, detail, ...more };
}

export function isRefusal(value: object): value is Refusal {
  return (value as { kind?: unknown }).kind === 'refusal';
}

/** A problem document (RFC 9457). `type` is a relative reference; the server describes the code there. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly remedy: string;
  readonly [member: string]: unknown;
}

export function problemOf(
  code: ProblemCode,
  detail: string,
  members: Readonly<Record<string, unknown>> = {},
): Problem {
  const { title, status, remedy } = problems[code];
  return { ...members, type: `/problems/${code}`, title, status, detail, code, remedy };
}
