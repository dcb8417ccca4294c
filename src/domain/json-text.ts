/**
 * JSON from outside: limits on the text before it is parsed, then the parse, then what `JSON.parse` lets through but
 * must not be stored or hashed. Pure; a text of 1 MiB takes some milliseconds.
 *
 * The scan does not check the grammar. It counts what any JSON text with these characters would hold, so on a text that
 * `JSON.parse` then accepts the counts are exact, and on any other text they only decide which refusal it gets.
 */
import { isJsonObject, type JsonValue } from './json.ts';
import { isRefusal, type Refusal, refuse } from './problem.ts';

export const JSON_BYTES_MAX = 1_048_576;
export const JSON_DEPTH_MAX = 32;
export const JSON_VALUES_MAX = 10_000;

export interface JsonLimits {
  /** UTF-8 bytes of the text. */
  readonly bytesMax: number;
  /** Open arrays and objects at once; a scalar has depth 0, `[[]]` has 2. */
  readonly depthMax: number;
  /** Arrays, objects and scalars together; keys do not count. */
  readonly valuesMax: number;
}

export const jsonLimits: JsonLimits = {
  bytesMax: JSON_BYTES_MAX,
  depthMax: JSON_DEPTH_MAX,
  valuesMax: JSON_VALUES_MAX,
};

/** Read as another member would shadow what every object inherits; a consumer in any language may trip over them. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Reads one JSON text. Refusals: `too_large`, `too_deep`, `too_many_values`, `not_json`, `duplicate_key`,
 * `forbidden_key`, `bad_string` (U+0000, a lone surrogate), `bad_number` (not finite, or an integer beyond ±(2^53 − 1)).
 */
export function readJson(
  text: string,
  limits: JsonLimits = jsonLimits,
): { readonly value: JsonValue } | Refusal {
  if (isTooLarge(text, limits)) return refuseSize(limits);
  const counts = scan(text);
  if (counts.depth > limits.depthMax) {
    return refuse('too_deep', `the text nests deeper than ${limits.depthMax} levels`);
  }
  if (counts.values > limits.valuesMax) {
    return refuse('too_many_values', `the text holds more than ${limits.valuesMax} values`);
  }
  const parsed = parse(counts.hasBackslashInKey ? withoutBackslashes(text) : text);
  if (parsed === undefined) return refuse('not_json', 'the text is not JSON');
  if (counts.hasBackslashInKey) return refuse('forbidden_key', BACKSLASH_IN_KEY);
  const tally = { values: 0, keys: 0 };
  const fault = faultIn(parsed.value, tally);
  if (fault !== undefined) return refuse(fault.reason, `${fault.says} at ${pointer(fault.path)}`);
  // JSON.parse keeps the last of equal keys, so a tree with fewer keys than its text has lost one.
  if (tally.keys < counts.keys) {
    return refuse('duplicate_key', 'an object names one of its members twice');
  }
  return parsed;
}

/**
 * V8's JSON.parse keeps the keys that it has seen and compares the next ones with them as they are written, before their
 * escapes are read (nodejs/node #63785). Once it has seen the key `\\`, it may read `"\n"` as a backslash too: what one
 * source sends would change what is recorded of another. Only a key with a backslash can do that, and only such a key can
 * come of it. So none is parsed here, and one that appears nevertheless, because other code has parsed one, is refused.
 */
const BACKSLASH_IN_KEY = 'a key with a backslash';

/** One element of an array: the text that it was written as, and what `readJson` says of it. */
export interface JsonElement {
  readonly text: string;
  readonly read: { readonly value: JsonValue } | Refusal;
}

/**
 * Reads a JSON array whose elements come from different hands: each has the limits and the faults of a text of its own,
 * so one bad element does not take its neighbours with it. Undefined when there are more than `elementsMax`.
 * Refusals of the whole: `too_large`, `wrong_shape` when it is no array, and `not_json`, also where one element is not.
 */
export function readJsonArray(
  text: string,
  elementsMax: number,
  limits: JsonLimits = jsonLimits,
): readonly JsonElement[] | undefined | Refusal {
  if (isTooLarge(text, limits)) return refuseSize(limits);
  const texts = splitArray(text, elementsMax);
  if (texts === undefined) {
    return parse(text) === undefined
      ? refuse('not_json', 'the text is not JSON')
      : refuse('wrong_shape', 'the text is not an array');
  }
  if (texts.length > elementsMax) return undefined;
  const elements = texts.map((element) => ({ text: element, read: readJson(element, limits) }));
  const broken = elements.find(({ read }) => isRefusal(read) && read.reason === 'not_json');
  return broken === undefined ? elements : refuse('not_json', 'the text is not JSON');
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of UTF-8 bytes, byte order mark included; undefined where a lenient decoder would replace something. */
export function readUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function isTooLarge(text: string, { bytesMax }: JsonLimits): boolean {
  return text.length > bytesMax || Buffer.byteLength(text) > bytesMax;
}

function refuseSize({ bytesMax }: JsonLimits): Refusal {
  return refuse('too_large', `the text is longer than ${bytesMax} bytes`);
}

function parse(text: string): { readonly value: JsonValue } | undefined {
  try {
    return { value: JSON.parse(text) as JsonValue };
  } catch {
    return undefined;
  }
}

/** JSON if and only if `text` is: every escaped backslash is made an escaped slash. */
function withoutBackslashes(text: string): string {
  return text.replaceAll(/\\(?:\\|u005[cC]|[^])/g, (escape) =>
    escape === '\\\\' || escape.length > 2 ? '\\/' : escape,
  );
}

// The scan

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;

/** One bit for each kind of character that ends a token or stands between tokens. */
const OPENS = 1;
const CLOSES = 2;
const BETWEEN = 4;
const kinds = new Uint8Array(128);
for (const character of '[{') kinds[character.charCodeAt(0)] = OPENS;
for (const character of ']}') kinds[character.charCodeAt(0)] = CLOSES;
for (const character of ',: \t\n\r"') kinds[character.charCodeAt(0)] = BETWEEN;

interface Counts {
  readonly depth: number;
  readonly values: number;
  readonly keys: number;
  readonly hasBackslashInKey: boolean;
}

function scan(text: string): Counts {
  let open = 0;
  let depth = 0;
  let values = 0;
  let keys = 0;
  let hasBackslashInKey = false;
  let lastString = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      lastString = at;
      at = endOfString(text, at);
      values += 1;
      continue;
    }
    const kind = kindOf(code);
    if (kind === OPENS) {
      open += 1;
      values += 1;
      if (open > depth) depth = open;
    } else if (kind === CLOSES) {
      open -= 1;
    } else if (kind === BETWEEN) {
      // The string before a colon was a key and not a value.
      if (code === COLON) {
        keys += 1;
        hasBackslashInKey ||= holdsBackslash(text, lastString);
      }
    } else {
      values += 1;
      while (at + 1 < text.length && kindOf(text.charCodeAt(at + 1)) === 0) at += 1;
    }
  }
  return { depth, values: values - keys, keys, hasBackslashInKey };
}

/** Whether the string that opens at `start` has a backslash once its escapes are read. */
function holdsBackslash(text: string, start: number): boolean {
  for (let at = start + 1; at < text.length && text.charCodeAt(at) !== QUOTE; at += 1) {
    if (text.charCodeAt(at) !== BACKSLASH) continue;
    at += 1;
    if (text.charCodeAt(at) === BACKSLASH || /^u005[cC]/.test(text.slice(at, at + 5))) return true;
  }
  return false;
}

function kindOf(code: number): number {
  return code < 128 ? kinds[code]! : 0;
}

/** Where the string that opens at `start` closes; the end of the text when it does not. */
function endOfString(text: string, start: number): number {
  let at = start;
  for (;;) {
    at = text.indexOf('"', at + 1);
    if (at === -1) return text.length;
    let escapes = 0;
    while (at - 1 - escapes > start && text.charCodeAt(at - 1 - escapes) === BACKSLASH)
      escapes += 1;
    if (escapes % 2 === 0) return at;
  }
}

/** The texts of an array's elements, at most one more than `elementsMax`; undefined when the text is no array. */
function splitArray(text: string, elementsMax: number): readonly string[] | undefined {
  const elements: string[] = [];
  let start = text.search(/[^ \t\n\r]/);
  if (text[start] !== '[') return undefined;
  let open = 0;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const kind = kindOf(code);
    if (code === QUOTE) at = endOfString(text, at);
    else if (kind === OPENS) open += 1;
    else if (kind === CLOSES) open -= 1;
    if (open === 0 || (open === 1 && code === COMMA)) {
      elements.push(text.slice(start + 1, at));
      start = at;
    }
    if (elements.length > elementsMax) return elements;
    if (open > 0) continue;
    const ends = text[at] === ']' && isBlank(text.slice(at + 1));
    return ends ? withoutOnlyBlank(elements) : undefined;
  }
  return undefined;
}

function isBlank(text: string): boolean {
  return /^[ \t\n\r]*$/.test(text);
}

function withoutOnlyBlank(elements: readonly string[]): readonly string[] {
  return elements.length === 1 && isBlank(elements[0] ?? '') ? [] : elements;
}

// What the parse lets through

interface Fault {
  readonly reason: 'forbidden_key' | 'bad_string' | 'bad_number';
  readonly says: string;
  /** Keys and indexes, innermost first. */
  readonly path: string[];
}

/** The first fault in a parsed value, whose depth the scan has bounded; counts values and keys up to there. */
function faultIn(value: JsonValue, tally: { values: number; keys: number }): Fault | undefined {
  tally.values += 1;
  if (typeof value === 'string') return isStorable(value) ? undefined : badString('a string');
  if (typeof value === 'number') {
    if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return undefined;
    return { reason: 'bad_number', says: 'a number beyond 2^53 - 1', path: [] };
  }
  if (Array.isArray(value)) return faultInArray(value, tally);
  return isJsonObject(value) ? faultInObject(value, tally) : undefined;
}

function faultInArray(
  array: readonly JsonValue[],
  tally: { values: number; keys: number },
): Fault | undefined {
  for (const [index, element] of array.entries()) {
    const fault = faultIn(element, tally);
    if (fault !== undefined) return within(fault, String(index));
  }
  return undefined;
}

function faultInObject(
  object: { readonly [member: string]: JsonValue },
  tally: { values: number; keys: number },
): Fault | undefined {
  for (const [key, member] of Object.entries(object)) {
    tally.keys += 1;
    if (FORBIDDEN_KEYS.has(key)) {
      return { reason: 'forbidden_key', says: `the key ${key}`, path: [] };
    }
    if (key.includes('\\')) return { reason: 'forbidden_key', says: BACKSLASH_IN_KEY, path: [] };
    const fault = isStorable(key) ? faultIn(member, tally) : badString('a key');
    if (fault !== undefined) return within(fault, key);
  }
  return undefined;
}

function within(fault: Fault, step: string): Fault {
  fault.path.push(step);
  return fault;
}

function badString(what: string): Fault {
  return { reason: 'bad_string', says: `${what} with U+0000 or a lone surrogate`, path: [] };
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\u0000');
}

const POINTER_MAX = 200;

/** Where in the document, as RFC 6901 writes it, for a person: unprintable characters escaped, cut when long. */
function pointer(path: readonly string[]): string {
  if (path.length === 0) return 'the top';
  const steps = path.toReversed().map((step) => step.replaceAll('~', '~0').replaceAll('/', '~1'));
  const text = `/${steps.join('/')}`.slice(0, POINTER_MAX);
  return text.toWellFormed().replace(/[^\u0020-\u007e]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
