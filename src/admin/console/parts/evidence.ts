/** What conditions and factors were asked and what they saw: in tables, so that a person can check each line. */
import type { JsonValue } from '../../../domain/json.ts';
import type { OperatorName } from '../../../domain/operators.ts';
import type { Contribution } from '../../../domain/risk.ts';
import type { Evidence } from '../../../domain/rules.ts';
import { type Html, html, type Part } from '../html.ts';
import { jsonText, text } from '../text.ts';

export function evidenceTable(caption: string, evidence: readonly Evidence[]): Html {
  const groups = Map.groupBy(evidence, ({ position }) => groupOf(position));
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${caption}"><table>
      <caption>${caption}</caption>
      <thead><tr><th scope="col">Result</th><th scope="col">Condition</th><th scope="col" class="found">Found</th></tr></thead>
      ${[...groups].map(
        ([group, inside]) => html`<tbody>
        ${(groups.size > 1 || group !== 'all') && html`<tr><th scope="rowgroup" colspan="3">${groupTitle(group)}</th></tr>`}
        ${inside.map(evidenceRow)}
      </tbody>`,
      )}
    </table></div>`;
}

function evidenceRow(one: Evidence): Html {
  return html`
        <tr>
          <td>${heldBadge(one.result)}</td>
          <td><code>${text(`${one.fact} ${one.path}`)}</code> ${operatorWords[one.operator]}
            <code>${value(one.expected)}</code></td>
          <td>${'actual' in one ? html`<code>${value(one.actual)}</code>` : html`<em>absent</em>`}
            ${one.reason !== undefined && html`<span class="muted">${text(one.reason)}</span>`}</td>
        </tr>`;
}

/** `any.3.all.0` stands in the group `any.3.all`; what stands alone in a `not` ends with it. */
function groupOf(position: string): string {
  return position.replace(/\.\d+$/, '');
}

const groupWords: Readonly<Record<string, string>> = {
  all: 'all of these hold',
  any: 'at least one of these holds',
  not: 'this does not hold',
};

/** `any.3.all` is the fourth alternative, of which all conditions must hold. */
function groupTitle(group: string): string {
  const steps = group.split('.');
  const kind = groupWords[steps.pop() ?? ''] ?? '';
  const isTurned = steps.filter((step) => step === 'not').length % 2 === 1;
  const alternatives = [...group.matchAll(/\bany\.(\d+)/g)].map(([, index]) => Number(index) + 1);
  const title = [
    ...(alternatives.length > 0 ? [`alternative ${alternatives.join('.')}`] : []),
    ...(isTurned ? ['it must not be so that'] : []),
    kind,
  ].join(': ');
  return title.charAt(0).toUpperCase() + title.slice(1);
}

/** What counted, and behind it what was looked at and did not. */
export function contributionTables(score: string | null, all: readonly Contribution[]): Html {
  const counted = all.filter(({ held }) => held !== false);
  const others = all.filter(({ held }) => held === false);
  return html`${
    counted.length === 0
      ? html`<p>No factor held.</p>`
      : contributionTable('What it is made of', counted, score)
  }
    ${
      others.length > 0 &&
      html`<details><summary>Factors that did not hold: ${others.length}</summary>${contributionTable(
        'Factors that did not hold',
        others,
      )}</details>`
    }`;
}

function contributionTable(
  caption: string,
  contributions: readonly Contribution[],
  score?: string | null,
): Html {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${caption}"><table class="short">
      <caption>${caption}</caption>
      <thead><tr><th scope="col">Factor</th><th scope="col" class="number">Points</th><th scope="col">Result</th></tr></thead>
      <tbody>${contributions.map(
        ({ title, points, held, reason }) => html`
        <tr>
          <td>${text(title)}${reason !== undefined && html` <span class="muted">${text(reason)}</span>`}</td>
          <td class="number">${points > 0 && '+'}${points}</td>
          <td>${heldBadge(resultOf(held))}</td>
        </tr>`,
      )}</tbody>
      ${
        typeof score === 'string' &&
        html`<tfoot><tr><th scope="row">Score</th><td class="number">${Number(score)}</td><td></td></tr></tfoot>`
      }
    </table></div>`;
}

function resultOf(held: Contribution['held']): Evidence['result'] {
  if (held === 'unknown') return held;
  return held ? 'held' : 'not held';
}

const tones: Readonly<Record<Evidence['result'], string>> = {
  held: 'warning',
  'not held': 'plain',
  unknown: 'danger',
};

function heldBadge(result: Evidence['result']): Html {
  return html`<span class="badge ${tones[result]}">${result}</span>`;
}

export const operatorWords: Readonly<Record<OperatorName, string>> = {
  equal: 'is',
  notEqual: 'is not',
  in: 'is one of',
  notIn: 'is none of',
  lessThan: 'is less than',
  lessThanInclusive: 'is at most',
  greaterThan: 'is greater than',
  greaterThanInclusive: 'is at least',
  startsWith: 'starts with',
  endsWith: 'ends with',
  contains: 'contains',
  doesNotContain: 'does not contain',
  containsAny: 'contains any of',
  containsNone: 'contains none of',
  containsAll: 'contains all of',
  subsetOf: 'contains nothing but',
  notSubsetOf: 'contains more than',
  someStartsWith: 'has an element that starts with',
  exists: 'is there:',
  containsText: 'contains the text',
  doesNotContainText: 'does not contain the text',
  like: 'is like',
  notLike: 'is not like',
  matches: 'matches',
  doesNotMatch: 'does not match',
  someContainsText: 'has an element that contains the text',
  someEndsWith: 'has an element that ends with',
  someLike: 'has an element like',
  someMatches: 'has an element that matches',
  inNetwork: 'is in the network',
  notInNetwork: 'is not in the network',
  before: 'is before',
  after: 'is after',
  duringHours: 'is within the hours',
  outsideHours: 'is outside the hours',
};

function value(of: JsonValue | undefined): Part {
  return jsonText(of ?? null);
}
