/**
 * Where people decide. The form carries the digest of what the page shows: when the review says something else by the
 * time that it arrives, the act is refused and nothing is recorded.
 */
import {
  concludeRound,
  JUSTIFICATION_CHARACTERS_MAX,
  optionOf,
  type Permission,
  permissionsOf,
} from '../../../domain/approval.ts';
import { type Alternative, alternativesOf, type DecidingRole } from '../../../domain/authority.ts';
import type { Act, Shortfall } from '../../../domain/judgement.ts';
import { isFinalised, type ReviewOption } from '../../../domain/decision.ts';
import type { Refusal } from '../../../domain/problem.ts';
import { PROOF_MINUTES_MAX } from '../../../domain/step-up.ts';
import type { ActInRound } from '../../../stores/review.ts';
import type { ReviewParts } from '../../review-documents.ts';
import { type Html, html, type Part } from '../html.ts';
import { stateBadge } from '../parts/badges.ts';
import { code, facts } from '../parts/facts.ts';
import { reasonOf } from '../parts/notice.ts';
import { block } from '../parts/payload.ts';
import { peopleWords, seatList } from '../parts/seats.ts';
import { when } from '../parts/times.ts';
import { jsonText, prose, text } from '../text.ts';

/** What a person tried, so that they need not write it again, and why it was refused. */
export interface RefusedAct {
  readonly refusal: Refusal;
  readonly option: string | undefined;
  readonly role: string | undefined;
  readonly justification: string;
  /** When the page that they decided on was made, by its own word. */
  readonly shownAt: string;
}

export interface DecisionPanel {
  readonly parts: ReviewParts;
  /** In all rounds. */
  readonly acts: readonly ActInRound[];
  readonly formToken: string;
  readonly refused?: RefusedAct | undefined;
  readonly proof: {
    /** Whether the sign-in is too old for the level of this review. */
    readonly isStale: boolean;
    /** Whether people may sign in through an OpenID provider. */
    readonly hasProvider: boolean;
  };
}

export function decisionPanel(panel: DecisionPanel): Html {
  const { standing } = panel.parts.found;
  return html`<section class="decision card" id="decision" tabindex="-1" aria-labelledby="decision-title">
        <h2 id="decision-title">Decision</h2>
        ${isFinalised(standing.state) ? decided(panel) : undecided(panel)}
      </section>`;
}

// Decided

function decided({ parts }: DecisionPanel): Html {
  const { standing } = parts.found;
  const last = parts.chain.at(-1);
  return html`<p>${stateBadge(standing.state)} This is final and cannot be changed. A correction is a new record.</p>
        ${facts([
          ['Finalised', standing.finalizedAt !== null && when(standing.finalizedAt)],
          ...(standing.optionId === null ? [] : [['Option', text(standing.optionId)] as const]),
          ...(standing.expiresAt === null
            ? []
            : [['May be executed until', when(standing.expiresAt)] as const]),
          ['Decision', code(standing.decisionId)],
        ])}
        ${last?.justification !== null && last?.justification !== undefined && html`<blockquote>${prose(last.justification)}</blockquote>`}
        ${recommended(parts)}
        <p><a href="/console/events/${parts.file.event.eventId}">What came of it</a></p>`;
}

// Not decided yet

function undecided(panel: DecisionPanel): Html {
  const { found, person } = panel.parts;
  const permissions = permissionsOf(found.open, found.reviewer);
  const possible = permissions.filter(({ refusal }) => refusal === null);
  return html`${quorum(panel.parts)}
        <p>You are <strong>${text(person.name)}</strong>, ${found.reviewer.roles.join(', ') || 'without a role'}.
          <a href="/console/delegations">Who acts for whom</a></p>
        ${
          possible.length === 0
            ? html`${recommended(panel.parts)}${actButtons(permissions)}`
            : decisionForm(panel, permissions)
        }`;
}

const shortfalls: Readonly<Record<Shortfall, string>> = {
  rejected: 'It was rejected.',
  options_differ: 'Those who agreed did not agree to the same option.',
  override_missing: 'Somebody who may override must do so: the risk is unknown.',
  seats_open: '',
};

function quorum({ found }: ReviewParts): Html {
  const { remaining, missing } = concludeRound(found.open);
  const [first, ...or] = alternativesOf(found.standing.requirement);
  const needed = first!.seats.length;
  return html`<p>It takes ${alternativeWords(first!)}${or.map((one) => html`, or ${alternativeWords(one)}`)}${
    or.length === 0 && html`; ${needed - remaining.length} of ${needed} agreed`
  }. One rejection ends it.</p>
        ${remaining.length > 0 && html`<p>Still needed, each a different person:</p>${seatList(remaining)}`}
        ${missing.map((short) => shortfalls[short] !== '' && html`<p class="warning-text">${shortfalls[short]}</p>`)}`;
}

function alternativeWords({ seats, roles }: Alternative): Html {
  return html`${peopleWords(seats.length)}${roles > 1 && html` of at least ${roles} different roles`}`;
}

function decisionForm(panel: DecisionPanel, permissions: readonly Permission[]): Html {
  const { parts, formToken, refused } = panel;
  const { found, file } = parts;
  return html`<form method="post" action="/console/reviews/${file.reviewId}/decisions" data-keep-alive>
          ${noActByEnter}
          <input type="hidden" name="form_token" value="${formToken}">
          <input type="hidden" name="view_digest" value="${found.open.viewDigest}">
          ${together(parts)}
          <input type="hidden" name="shown_at" value="${found.now}">
          ${offered(panel)}
          ${capacityChoice(permissions, refused?.role)}
          <label for="justification">Justification</label>
          <textarea id="justification" name="justification" rows="3" maxlength="${JUSTIFICATION_CHARACTERS_MAX}"
            aria-describedby="justification-hint">${refused?.justification}</textarea>
          <p class="hint" id="justification-hint">Required for everything but an approval. It is kept with the decision.</p>
          ${panel.proof.isStale && proofField(panel)}
          <p class="permanent"><strong>What you do here is permanent.</strong> ${consequence(parts, permissions)}</p>
          ${actButtons(permissions)}
        </form>`;
}

/** What contradicts this review is decided with it, as this page shows it. */
function together({ contradictions }: ReviewParts): Part {
  return contradictions.map(
    ({ reviewId, viewDigest }) =>
      viewDigest !== null &&
      html`<input type="hidden" name="together" value="${reviewId} ${viewDigest}">`,
  );
}

/** A risk of HIGH and above is not decided through a session that somebody else may have found open. */
function proofField({ parts, proof }: DecisionPanel): Html {
  const next = encodeURIComponent(`/console/reviews/${parts.file.reviewId}`);
  return html`<label for="proof">Your password or token, once more</label>
          <input id="proof" name="proof" type="password" autocomplete="current-password" maxlength="800"
            aria-describedby="proof-hint">
          <p class="hint" id="proof-hint">At this risk you prove who you are at most ${PROOF_MINUTES_MAX} minutes before.
            ${proof.hasProvider && html`<a href="/console/sign-in/provider?again=yes&amp;next=${next}">Or sign in again with your organisation</a>, before you write.`}</p>`;
}

/**
 * Enter in a field presses the first button of its form that is enabled. What is permanent must be pressed itself, so
 * the first one asks for no act.
 */
const noActByEnter = html`<button class="unseen" name="act" value="" tabindex="-1" aria-hidden="true"></button>`;

/** What an approval of this person would lead to. */
function consequence({ found }: ReviewParts, permissions: readonly Permission[]): Part {
  const approving = permissions.find(
    ({ act, refusal }) => refusal === null && (act === 'approve' || act === 'override'),
  );
  const recorded = 'It is recorded under your name and cannot be changed or taken back.';
  if (approving === undefined) return recorded;
  const approvals = approving.roles.map((role) => approvalIn(role, approving.act, found));
  const finalises = approvals.some(
    (approval) =>
      concludeRound({ ...found.open, approvals: [...found.open.approvals, approval] }).state !==
      'pending',
  );
  return finalises
    ? `${recorded} Yours is the last approval that is needed: with it the command is sent.`
    : `${recorded} With your approval it still waits for others.`;
}

function approvalIn(role: DecidingRole, act: Act, { open, reviewer }: ReviewParts['found']) {
  const optionId = optionOf(open.approvals) ?? open.options[0] ?? null;
  return { personId: reviewer.personId, role, act, optionId, onBehalfOf: null, inOffice: true };
}

// Options

function recommended({ file }: ReviewParts): Html {
  const { options } = file.advisory;
  if (options.length === 0) return html`<p>The policy recommends nothing here.</p>`;
  return html`<h3>What the policy recommends</h3>
        ${options.map((option) => html`<div class="option"><p>${text(option.title)}</p>${optionBody(option)}</div>`)}`;
}

function offered({ parts, refused }: DecisionPanel): Html {
  const { options } = parts.file.advisory;
  const agreed = optionOf(parts.found.open.approvals);
  const chosen =
    agreed ?? refused?.option ?? (options.length === 1 ? options[0]?.option : undefined);
  if (options.length === 0)
    return html`<p>The policy recommends nothing here: it can only be rejected or escalated.</p>`;
  return html`<fieldset class="options">
            <legend>What is to be done</legend>
            ${options.map((option, index) => {
              const isBarred = agreed !== null && option.option !== agreed;
              return html`<div class="option">
              <label><input type="radio" name="option" value="${option.option}" id="option-${index}"${
                option.option === chosen && html` checked`
              }${isBarred && html` disabled`}> ${text(option.title)}</label>
              ${isBarred && html`<p class="hint">Others have approved another option in this round.</p>`}
              ${optionBody(option)}
            </div>`;
            })}
          </fieldset>`;
}

function optionBody({ option, title, target, command }: ReviewOption): Html {
  return html`<p class="hint"><strong>${text(option)}</strong> at target <strong>${text(target)}</strong></p>
              <details open><summary>The exact command</summary>${block(`Command of ${title}`, jsonText(command))}</details>`;
}

/** In which role, and in whose. What is sent is the role, and behind a space the id of the person whose role it is. */
function capacityChoice(permissions: readonly Permission[], chosen: string | undefined): Part {
  const own = [...new Set(permissions.flatMap(({ roles }) => roles))];
  const delegated = new Map(
    permissions
      .flatMap((permission) => permission.delegated)
      .map((one) => [`${one.role} ${one.delegator}`, one] as const),
  );
  if (own.length + delegated.size < 2 && delegated.size === 0) return null;
  return html`<label for="role">You act as</label>
          <select id="role" name="role" required>
            <option value="">choose one</option>
            ${own.map((role) => html`<option${role === chosen && html` selected`}>${role}</option>`)}
            ${[...delegated].map(
              ([value, { role, delegatorName }]) =>
                html`<option value="${value}"${value === chosen && html` selected`}>${role}, for ${delegatorName}</option>`,
            )}
          </select>`;
}

// Buttons

const buttons: Readonly<Record<Act, { readonly words: string; readonly meaning: string }>> = {
  approve: { words: 'Approve', meaning: 'Do what is chosen above.' },
  reject: { words: 'Reject', meaning: 'Nothing is done; the review ends.' },
  override: {
    words: 'Override',
    meaning: 'An approval that stands even where the risk is not known.',
  },
  escalate: { words: 'Escalate', meaning: 'A new round begins, one role higher.' },
};

/** One button for each act. A disabled one says why. */
function actButtons(permissions: readonly Permission[]): Html {
  return html`<ul class="act-buttons">${permissions.map(({ act, refusal }) => {
    const { words, meaning } = buttons[act];
    return html`
            <li>
              <button${act === 'approve' && html` class="primary"`} name="act" value="${act}"${refusal !== null && html` disabled`}
                aria-describedby="about-${act}">${words}</button>
              <p class="hint" id="about-${act}">${refusal === null ? meaning : reasonOf(refusal)}</p>
            </li>`;
  })}</ul>`;
}
