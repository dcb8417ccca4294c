/**
 * Whether a text is its own canonical form (RFC 8785), for the verifier. It parses and prints again by itself and shares
 * nothing with the canonicaliser that the writer uses: a fault in one of them is then seen by the other.
 */

const DEPTH_MAX = 32;

/** True for the canonical text of a JSON object without numbers, NUL or lone surrogates, at most 32 levels deep. */
export function isCanonicalObject(text: string): boolean {
  if (!text.startsWith('{')) return false;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return false;
  }
  // Duplicate keys and white space are gone after parsing, so a text that had them is another one now.
  return printed(value, 0) === text;
}

/** The canonical text; undefined where there is none. */
function printed(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') return printedString(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object' || depth > DEPTH_MAX) return undefined;
  return Array.isArray(value)
    ? printedArray(value, depth)
    : printedObject(value as Record<string, unknown>, depth);
}

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const NEEDS_A_LOOK = /["\\\u0000-\u001f\ud800-\udfff]/;

/** JSON.stringify escapes as RFC 8785 asks, but it also prints the two kinds of string that are refused. */
function printedString(value: string): string | undefined {
  if (!NEEDS_A_LOOK.test(value)) return `"${value}"`;
  return value.includes('\0') || !value.isWellFormed() ? undefined : JSON.stringify(value);
}

function printedArray(items: readonly unknown[], depth: number): string | undefined {
  let text = '';
  for (const item of items) {
    const part = printed(item, depth + 1);
    if (part === undefined) return undefined;
    text += text === '' ? part : `,${part}`;
  }
  return `[${text}]`;
}

function printedObject(
  object: Readonly<Record<string, unknown>>,
  depth: number,
): string | undefined {
  let text = '';
  // Without an argument, sort compares UTF-16 code units, which is the order of RFC 8785.
  for (const key of Object.keys(object).sort()) {
    const name = printedString(key);
    const part = printed(object[key], depth + 1);
    if (name === undefined || part === undefined) return undefined;
    text += `${text === '' ? '' : ','}${name}:${part}`;
  }
  return `{${text}}`;
}
