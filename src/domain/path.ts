/**
 * Paths into a fact: `$.data.repository.full_name`. A path names members, nothing else: no filter, no recursion, no
 * expression, so following one takes as many steps as it has names and there is nothing in it that could be executed.
 *
 * `[*]` after a name takes every element of an array, because a push carries its commits as an array and a policy that
 * saw only the last one could be walked around: `$.data.commits[*].added[*]` is the list of all files that were added.
 */
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';

export interface Path {
  readonly text: string;
  readonly steps: readonly Step[];
  /** A step takes each element, so the value is a list of what was found. */
  readonly isList: boolean;
}
interface Step {
  readonly member: string;
  readonly each: boolean;
}

/** Where following a path can end without a value. Symbols, since no JSON value can be mistaken for one. */
export const absent: unique symbol = Symbol('absent');
export const tooMany: unique symbol = Symbol('too many');
export type Unresolved = typeof absent | typeof tooMany;

/** Values that one path may yield; the work of a condition is bounded by it. */
export const PATH_VALUES_MAX = 10_000;
const PATH = /^\$(?:\.[A-Za-z_][A-Za-z0-9_]{0,63}(?:\[\*\])?){1,8}$/;
const EACH_MAX = 2;

export const PATH_GRAMMAR =
  'a path such as $.data.repository.full_name: "$", then 1 to 8 names, of which at most 2 are followed by [*]';

/** Undefined for a text that is not a path. */
export function parsePath(text: string): Path | undefined {
  if (!PATH.test(text)) return undefined;
  const steps = text
    .slice(2)
    .split('.')
    .map((name) => ({ member: name.replace('[*]', ''), each: name.endsWith('[*]') }));
  const lists = steps.filter((step) => step.each).length;
  return lists > EACH_MAX ? undefined : { text, steps, isList: lists > 0 };
}

/**
 * The value at the end of the path; a list of values when the path has a `[*]`. Only own members are followed, so a
 * payload without `constructor` has none. Absent when any branch lacks a member: a list with gaps would answer for
 * elements that were never looked at.
 */
export function follow(path: Path, fact: JsonObject): JsonValue | Unresolved {
  if (!path.isList) return followMembers(path, fact);
  let values: readonly JsonValue[] = [fact];
  for (const { member, each } of path.steps) {
    const next: JsonValue[] = [];
    for (const value of values) {
      if (!isJsonObject(value) || !Object.hasOwn(value, member)) return absent;
      const found = value[member]!;
      if (!each) {
        next.push(found);
        continue;
      }
      if (!Array.isArray(found)) return absent;
      if (next.length + found.length > PATH_VALUES_MAX) return tooMany;
      next.push(...(found as readonly JsonValue[]));
    }
    values = next;
  }
  return values;
}

function followMembers({ steps }: Path, fact: JsonObject): JsonValue | Unresolved {
  let value: JsonValue = fact;
  for (const { member } of steps) {
    if (!isJsonObject(value) || !Object.hasOwn(value, member)) return absent;
    value = value[member]!;
  }
  return value;
}
