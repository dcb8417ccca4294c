/**
 * Templates of commands and justifications: JSON in which strings carry placeholders such as
 * `{{event.data.repository.full_name}}`. A string that is one placeholder takes the value as it is, with its type: a
 * string, a number, a boolean or a list of those; inside a longer string there can be no list. Placeholders are paths (path.ts), resolved as in conditions;
 * there are no expressions, and what a payload says is inserted once and never read as a template again.
 */
import type { FactName, Finding } from './conditions.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { absent, follow, type Path, parsePath, tooMany, type Unresolved } from './path.ts';
import type { Facts } from './rules.ts';

/** Canonical JSON text of one rendered template; what people approve must fit on a page. */
export const RENDERED_BYTES_MAX = 16_384;

export type Rendering<Rendered extends JsonValue> =
  | { readonly rendered: Rendered }
  | { readonly faults: readonly string[] };

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;
const FACTS: readonly FactName[] = ['event', 'risk'];

interface Reference {
  readonly fact: FactName;
  readonly path: Path;
}

/** `event.data.repository.full_name`: the name of a fact and what follows it of a path. */
function parseReference(text: string): Reference | undefined {
  const fact = FACTS.find((name) => text.trim().startsWith(`${name}.`));
  if (fact === undefined) return undefined;
  const path = parsePath(`$${text.trim().slice(fact.length)}`);
  return path && { fact, path };
}

/** Every string in `template` whose placeholders cannot be read. */
export function checkTemplate(template: JsonValue, at: Finding['at']): Finding[] {
  if (typeof template === 'string') return checkText(template, at);
  if (Array.isArray(template)) {
    return (template as readonly JsonValue[]).flatMap((one, index) =>
      checkTemplate(one, [...at, index]),
    );
  }
  if (!isJsonObject(template)) return [];
  return Object.entries(template).flatMap(([key, one]) => checkTemplate(one, [...at, key]));
}

function checkText(text: string, at: Finding['at']): Finding[] {
  const unread = [...text.matchAll(PLACEHOLDER)].filter(([, inner]) => !parseReference(inner!));
  const problems = unread.map(
    ([placeholder]) =>
      `${placeholder} is no placeholder; write {{event.…}} or {{risk.…}} with a path, such as {{event.data.sender.login}}`,
  );
  if (/\{\{|\}\}/.test(text.replaceAll(PLACEHOLDER, ''))) {
    problems.push(
      'a placeholder starts with {{ and ends with }} on the same level; one of them is alone',
    );
  }
  return problems.map((problem) => ({ at, problem }));
}

/** Fills a template that `checkTemplate` has passed; the faults name each placeholder that leads nowhere. */
export function renderTemplate(template: JsonObject, facts: Facts): Rendering<JsonObject> {
  const faults: string[] = [];
  return finish(render(template, facts, faults) as JsonObject, faults);
}

/** As `renderTemplate`, for a template that is a text and stays one. */
export function renderText(template: string, facts: Facts): Rendering<string> {
  const faults: string[] = [];
  return finish(fill(template, facts, faults), faults);
}

function finish<Rendered extends JsonValue>(
  rendered: Rendered,
  faults: string[],
): Rendering<Rendered> {
  const bytes = Buffer.byteLength(JSON.stringify(rendered));
  if (bytes > RENDERED_BYTES_MAX) {
    faults.push(`the result has ${bytes} bytes, more than ${RENDERED_BYTES_MAX}`);
  }
  return faults.length > 0 ? { faults } : { rendered };
}

function render(template: JsonValue, facts: Facts, faults: string[]): JsonValue {
  if (typeof template === 'string') {
    const whole = /^\{\{([^{}]*)\}\}$/.exec(template);
    return whole ? valueOf(whole[1]!, facts, faults) : fill(template, facts, faults);
  }
  if (Array.isArray(template)) {
    return (template as readonly JsonValue[]).map((one) => render(one, facts, faults));
  }
  if (!isJsonObject(template)) return template;
  return Object.fromEntries(
    Object.entries(template).map(([key, one]) => [key, render(one, facts, faults)]),
  );
}

function fill(text: string, facts: Facts, faults: string[]): string {
  return text.replaceAll(PLACEHOLDER, (placeholder, inner: string) => {
    const value = valueOf(inner, facts, faults);
    if (typeof value !== 'object') return String(value);
    if (value !== null) faults.push(`${placeholder} is a list inside a text`);
    return '';
  });
}

/** Null, with a fault, for a placeholder without a usable value; null in the event counts as none. */
function valueOf(inner: string, facts: Facts, faults: string[]): JsonValue {
  const reference = parseReference(inner);
  const fact = reference && (facts[reference.fact] as unknown as JsonObject | undefined);
  const value = reference && fact ? follow(reference.path, fact) : absent;
  const fault = faultOf(value);
  if (fault === undefined) return value as JsonValue;
  faults.push(`{{${inner.trim()}}} ${fault}`);
  return null;
}

/** Objects are not inserted: a command says member by member what it takes from an event. */
function faultOf(value: JsonValue | Unresolved): string | undefined {
  if (value === absent || value === null) return 'is absent from the event';
  if (value === tooMany) return 'leads to too many values';
  const elements: readonly JsonValue[] = Array.isArray(value) ? value : [value as JsonValue];
  const isNested = elements.some((element) => typeof element === 'object' && element !== null);
  return isNested ? 'leads to an object; name one of its members' : undefined;
}
