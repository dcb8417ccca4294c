/** One version of a policy: what it concerns, when it fires, what it recommends; and the history of all versions. */
import type { Condition, Conditions, IfAbsent } from '../../../domain/conditions.ts';
import type { PolicyDefinition } from '../../../domain/policy.ts';
import type { PolicyChange, PolicyVersion } from '../../../stores/audit-policies.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { operatorWords } from '../parts/evidence.ts';
import { code, facts } from '../parts/facts.ts';
import { block } from '../parts/payload.ts';
import { when } from '../parts/times.ts';
import { jsonText, prose, text } from '../text.ts';
import { statusBadge } from './policies.ts';

export interface PolicyPage {
  readonly shown: PolicyVersion;
  /** The newest first. */
  readonly versions: readonly PolicyVersion[];
  readonly changes: readonly PolicyChange[];
}

export function policyPage({ shown, versions, changes }: PolicyPage): Page {
  const { definition } = shown;
  return {
    title: shown.title,
    place: 'Policies',
    main: html`<p class="crumbs"><a href="/console/policies" data-keyboard-up>Policies</a></p>
    <h1>${text(shown.title)}</h1>
    <p class="badges">${statusBadge(shown.status)} <span class="muted">${text(shown.name)}, version ${shown.version}</span></p>
    ${prose(definition.description.trim())}
    ${facts([
      ['Serves', text(definition.regulatory_reference)],
      ['Priority', `${definition.priority_level} (1 is shown first)`],
      ['Written by', text(shown.author)],
      [
        'Approved by',
        shown.approvers.length === 0 ? 'nobody yet' : text(shown.approvers.join(', ')),
      ],
      ...(shown.activator === null ? [] : [['Activated by', text(shown.activator)] as const]),
      ['In force from', shown.activeFrom === null ? 'not yet' : when(shown.activeFrom)],
      ...(shown.activeTo === null ? [] : [['until', when(shown.activeTo)] as const]),
      ['SHA-256', code(shown.definitionSha256)],
    ])}
    <h2>What it concerns</h2>
    ${appliesTo(definition)}
    <h2>When it fires</h2>
    ${conditionTree(definition.conditions)}
    <h2>What it recommends</h2>
    ${recommendations(definition)}
    <h2>Versions</h2>
    ${versions.length > 1 && html`<p><a class="alone" href="/console/policies/${encodeURIComponent(shown.name)}/changes?to=${shown.version}">What differs between them</a></p>`}
    ${versionList(shown, versions, changes)}
    <details><summary>The definition as it is stored</summary>${block('Definition', jsonText(definition))}</details>`,
  };
}

function appliesTo({
  applies_to: { event_types, sources, minimum_level },
}: PolicyDefinition): Html {
  return facts([
    ['Events', list(event_types)],
    ['Sources', sources === undefined ? 'all' : list(sources)],
    ['Risk', minimum_level === undefined ? 'any' : `${minimum_level} or higher`],
  ]);
}

function list(values: readonly string[]): Html {
  return html`${values.map((value, index) => html`${index > 0 && ', '}<code>${text(value)}</code>`)}`;
}

const groupWords = {
  all: 'All of these hold:',
  any: 'At least one of these holds:',
  not: 'This does not hold:',
};

function conditionTree(conditions: Conditions): Html {
  const [group] = Object.keys(conditions) as (keyof typeof groupWords)[];
  const inside = Object.values(conditions).flat() as readonly Condition[];
  return html`<div class="conditions"><p>${groupWords[group!]}</p>
      <ul>${inside.map((condition) => html`<li>${conditionItem(condition)}</li>`)}</ul></div>`;
}

function conditionItem(condition: Condition): Html {
  if (!('fact' in condition)) return conditionTree(condition);
  const { fact, path, operator, value, ifAbsent } = condition;
  return html`<code>${text(`${fact} ${path}`)}</code> ${operatorWords[operator]} <code>${jsonText(value)}</code>
    ${ifAbsent !== undefined && html`<span class="muted">${absenceWords[ifAbsent]}</span>`}`;
}

const absenceWords: Readonly<Record<IfAbsent, string>> = {
  match: 'holds when it is absent',
  noMatch: 'does not hold when it is absent',
  unknown: 'unknown when it is absent',
};

function recommendations({ recommendations: options }: PolicyDefinition): Html {
  return html`${options.map(
    ({ option, title, target, command }) => html`<div class="option">
        <h3>${text(title)}</h3>
        <p class="hint"><strong>${text(option)}</strong> at target <strong>${text(target)}</strong></p>
        ${block(`Command of ${title}`, jsonText(command))}
      </div>`,
  )}`;
}

function versionList(
  shown: PolicyVersion,
  versions: readonly PolicyVersion[],
  changes: readonly PolicyChange[],
): Html {
  return html`<ul>${versions.map(
    ({ name, version, status }) => html`
      <li>${versionLink(name, version, version === shown.version)} ${statusBadge(status)}
        <ul>${changes
          .filter((change) => change.version === version)
          .map(
            ({ toStatus, personName, changedAt }) =>
              html`<li>${when(changedAt)} ${toStatus} by ${text(personName)}</li>`,
          )}</ul></li>`,
  )}</ul>`;
}

function versionLink(name: string, version: number, isShown: boolean): Part {
  if (isShown) return html`<strong>Version ${version}</strong>`;
  return html`<a href="/console/policies/${encodeURIComponent(name)}?version=${version}">Version ${version}</a>`;
}
