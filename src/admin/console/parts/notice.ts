/** Something that must not be overlooked: what happened, and what can be done. */
import { problems, type ProblemCode, type Refusal } from '../../../domain/problem.ts';
import { type Html, html, type Part } from '../html.ts';
import { text } from '../text.ts';

export type Tone = 'danger' | 'warning' | 'good' | 'plain';

export function notice(tone: Tone, title: string, body: Part, more: Part = nothing): Html {
  return html`<section class="notice ${tone}"${tone === 'danger' && html` role="alert"`}>
    <h2>${title}</h2>
    <p>${body}</p>
    ${more}
  </section>`;
}

const nothing: Part = null;

export function refusalNotice(refusal: Refusal, more?: Part): Html {
  const { title } = problems[refusal.reason];
  const body = html`${sentence(refusal.detail)} ${remedyOf(refusal.reason)}`;
  return notice('danger', title, body, more);
}

/** Why not, in one line. */
export function reasonOf({ reason, detail }: Refusal): Html {
  return html`${problems[reason].title}: ${text(detail)}.`;
}

/** What to do next. The table speaks to clients of the API where it names fields of a document. */
export function remedyOf(code: ProblemCode): string {
  return remediesHere[code] ?? problems[code].remedy;
}

const remediesHere: Partial<Readonly<Record<ProblemCode, string>>> = {
  view_changed: 'Read what it says now, and decide on that.',
  unknown_review: 'Find it in the inbox.',
  role_required: 'Choose the one role in which you act; in each round a person acts once.',
  justification_required: 'Write down why; it is kept with the decision.',
  option_required: 'Choose what is to be done.',
  unknown_option: 'Choose an option that the advisory offers.',
  override_required: 'Use the override, with a justification.',
  already_decided: 'Nothing is left to decide; what was decided stands below.',
  other_option: 'Approve that option, reject the review, or escalate it: then a new round begins.',
  ledger_unavailable: 'Nothing was recorded. Try again when the ledger is back.',
  outcome_unknown:
    'It may or may not have been recorded. What stands is below; try again if yours is not there.',
  unavailable: 'Nothing was recorded. Try again in a moment.',
  rate_limited: 'Wait a minute, then try again.',
  bad_cursor: 'Start again at the first page.',
};

function sentence(detail: string): Html {
  return html`${text(detail.charAt(0).toUpperCase() + detail.slice(1))}.`;
}
