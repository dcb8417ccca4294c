/** The justification of an advisory: why it is there, in words and values that a person can check without the software. */
import type { AssessedEvent } from './advisory.ts';
import type { JsonValue } from './json.ts';
import type { Policy } from './policy.ts';
import type { Contribution } from './risk.ts';
import type { Evidence } from './rules.ts';

export interface Grounds {
  readonly basis: 'matched' | 'unknown';
  readonly evidence: readonly Evidence[];
  /** What could not be evaluated, one sentence each. */
  readonly faults: readonly string[];
  /** The policy's own remark, filled in; empty when it has none. */
  readonly remark: string;
}

/** Several paragraphs of plain text, lines of lists starting with a dash. */
export function justify(event: AssessedEvent, policy: Policy, grounds: Grounds): string {
  return [
    policyParagraph(policy),
    eventParagraph(event, grounds),
    grounds.remark,
    riskParagraph(event),
  ]
    .filter((paragraph) => paragraph !== '')
    .join('\n\n');
}

function policyParagraph({ label, stored }: Policy): string {
  return [
    `Policy ${label}, "${stored.title}", priority ${stored.priorityLevel}.`,
    `Serves ${stored.regulatoryReference}.`,
    stored.description.trim(),
  ].join('\n');
}

function eventParagraph({ facts: { event } }: AssessedEvent, grounds: Grounds): string {
  const subject = event.subject === null ? '' : ` about ${event.subject}`;
  const named = `${event.type}${subject} from ${event.source} at ${event.time}`;
  if (grounds.basis === 'matched') {
    return [`The policy fired on ${named}:`, ...grounds.evidence.map(sentenceOf)].join('\n');
  }
  return [
    `The policy could not be fully evaluated on ${named}. That is not the same as compliant: only an override can act on it.`,
    ...grounds.faults.map((fault) => `- ${fault}`),
    ...grounds.evidence.map(sentenceOf),
  ].join('\n');
}

function sentenceOf({ fact, path, operator, expected, actual, result, reason }: Evidence): string {
  const asked = `${fact} ${path} ${operator} ${print(expected)}`;
  const found = actual === undefined ? (reason ?? 'absent') : `found ${print(actual)}`;
  const why = actual !== undefined && reason !== undefined ? `, ${reason}` : '';
  return `- ${asked}: ${result} (${found}${why})`;
}

function riskParagraph({ assessment }: AssessedEvent): string {
  const { score, level, contributions } = assessment;
  if (level === 'UNKNOWN') {
    const causes = contributions.filter(({ held }) => held === 'unknown').map(causeOf);
    return [
      'Risk UNKNOWN: the event could not be weighed, and is not taken as harmless.',
      ...causes,
    ].join('\n');
  }
  const held = contributions.filter((contribution) => contribution.held === true);
  return [
    `Risk ${level}, score ${Number(score)}${held.length > 0 ? ':' : '; no factor held.'}`,
    ...held.map(({ title, points }) => `- ${title}: ${points > 0 ? '+' : ''}${points}`),
  ].join('\n');
}

function causeOf({ title, reason, conditions = [] }: Contribution): string {
  const unknown = conditions.filter(({ result }) => result === 'unknown').map(sentenceOf);
  return [
    `- ${title}${reason === undefined ? '' : `: ${reason}`}`,
    ...unknown.map((line) => `  ${line}`),
  ].join('\n');
}

const print = (value: JsonValue): string => JSON.stringify(value);
