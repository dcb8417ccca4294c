/**
 * Conditions: the tree that a policy or a factor asks of an event, in the form of json-rules-engine (`all`, `any`,
 * `not`; leaves with fact, path, operator and value), made strict. This file knows their shape and checks it; rules.ts
 * has them evaluated.
 */
import { type JsonValue, isJsonObject } from './json.ts';
import { nearestTo } from './nearest.ts';
import { type Operator, PATTERN_STEPS_MAX, SWEEPS_MAX } from './operator.ts';
import { isOperatorName, type OperatorName, operatorNames, operators } from './operators.ts';
import { PATH_GRAMMAR, parsePath } from './path.ts';

export type Conditions =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition };
export type Condition = Conditions | Leaf;

/** What conditions are asked of. A risk model scores the event; a policy sees the score too. */
export type FactName = 'event' | 'risk';

export interface Leaf {
  readonly fact: FactName;
  readonly path: string;
  readonly operator: OperatorName;
  readonly value: JsonValue;
  /**
   * What an absent path means; without it the condition is unknown. A path that leads to null is absent too, unless
   * the condition compares with null. Not allowed beside `exists`, for which absence is an answer.
   */
  readonly ifAbsent?: IfAbsent;
}
export const ifAbsentAnswers = ['match', 'noMatch', 'unknown'] as const;
export type IfAbsent = (typeof ifAbsentAnswers)[number];

/** What the condition answers when its path leads nowhere. */
export function absenceOf({ operator, value, ifAbsent = 'unknown' }: Leaf): IfAbsent {
  if (operator !== 'exists') return ifAbsent;
  return value === false ? 'match' : 'noMatch';
}

/** Something wrong in a document, and where: the members and indexes that lead to it. */
export interface Finding {
  readonly at: readonly (string | number)[];
  readonly problem: string;
}

/** Leaves and groups of one tree together. */
export const CONDITIONS_MAX = 200;
/** Groups within groups. Canonical JSON ends at 32 levels, a group takes two of them, and the document needs some. */
export const CONDITIONS_DEPTH_MAX = 12;

const GROUPS = ['all', 'any', 'not'];
const LEAF_KEYS = ['fact', 'path', 'operator', 'value', 'ifAbsent'];

/** Everything that is wrong with `conditions`, read from a document; none means that they are `Conditions`. */
export function checkConditions(conditions: unknown, facts: readonly FactName[]): Finding[] {
  const findings: Finding[] = [];
  let count = 0;
  let patternSteps = 0;
  let sweepCount = 0;

  function check(condition: unknown, at: Finding['at'], depth: number): void {
    count += 1;
    if (count > CONDITIONS_MAX) return;
    if (!isJsonObject(condition)) {
      report(
        at,
        'a condition is a mapping: a group (all, any, not) or a leaf (fact, path, operator, value)',
      );
      return;
    }
    const groups = GROUPS.filter((group) => Object.hasOwn(condition, group));
    if (groups.length === 0) return checkLeaf(condition, at);
    if (Object.keys(condition).length > 1) {
      report(at, `a group has one member; split it: ${Object.keys(condition).join(', ')}`);
      return;
    }
    checkGroup(groups[0]!, condition[groups[0]!], at, depth);
  }

  function checkGroup(group: string, members: unknown, at: Finding['at'], depth: number): void {
    if (depth > CONDITIONS_DEPTH_MAX) {
      report(at, `groups are nested more than ${CONDITIONS_DEPTH_MAX} deep; flatten them`);
    } else if (group === 'not') {
      check(members, [...at, group], depth + 1);
    } else if (!Array.isArray(members) || members.length === 0) {
      // The engine would hold an empty group to be true: a policy that fires on everything.
      report([...at, group], `"${group}" needs a list of at least one condition`);
    } else {
      // One more than allowed is enough to know that there are too many.
      const looked = members.slice(0, CONDITIONS_MAX + 1 - count);
      looked.forEach((member, index) => check(member, [...at, group, index], depth + 1));
    }
  }

  function checkLeaf(leaf: Record<string, unknown>, at: Finding['at']): void {
    for (const key of Object.keys(leaf)) {
      if (!LEAF_KEYS.includes(key)) {
        report([...at, key], `unknown member "${key}"${meant(key, [...LEAF_KEYS, ...GROUPS])}`);
      }
    }
    for (const key of ['fact', 'path', 'operator', 'value']) {
      if (!Object.hasOwn(leaf, key)) report(at, `the condition has no "${key}"; add it`);
    }
    if (Object.hasOwn(leaf, 'fact') && !facts.includes(leaf['fact'] as FactName)) {
      report(
        [...at, 'fact'],
        `the fact must be ${facts.map((fact) => `"${fact}"`).join(' or ')} here`,
      );
    }
    if (
      Object.hasOwn(leaf, 'path') &&
      (typeof leaf['path'] !== 'string' || !parsePath(leaf['path']))
    ) {
      report([...at, 'path'], `write ${PATH_GRAMMAR}`);
    }
    if (
      Object.hasOwn(leaf, 'ifAbsent') &&
      !ifAbsentAnswers.includes(leaf['ifAbsent'] as IfAbsent)
    ) {
      report([...at, 'ifAbsent'], `ifAbsent is one of ${ifAbsentAnswers.join(', ')}`);
    }
    if (Object.hasOwn(leaf, 'operator')) checkOperator(leaf, at);
  }

  function checkOperator(leaf: Record<string, unknown>, at: Finding['at']): void {
    const { operator, value, ifAbsent } = leaf;
    if (!isOperatorName(operator)) {
      const known = `the operators are ${operatorNames.join(', ')}`;
      report(
        [...at, 'operator'],
        `unknown operator${meant(String(operator), operatorNames)}; ${known}`,
      );
      return;
    }
    if (operator === 'exists' && ifAbsent !== undefined) {
      report([...at, 'ifAbsent'], 'for "exists" absence is an answer; remove ifAbsent');
    }
    if (value === undefined) return;
    const { accepts, expects, stepsPerCharacter, sweeps }: Operator = operators[operator];
    if (sweeps) sweepCount += 1;
    if (accepts(value)) patternSteps += stepsPerCharacter?.(value as JsonValue) ?? 0;
    else report([...at, 'value'], `the value of "${operator}" must be ${expects}`);
  }

  const report = (at: Finding['at'], problem: string) => findings.push({ at, problem });

  if (!isJsonObject(conditions) || !GROUPS.some((group) => Object.hasOwn(conditions, group))) {
    report([], 'conditions start with one group: all, any or not');
  } else {
    check(conditions, [], 1);
  }
  if (count > CONDITIONS_MAX)
    report([], `there are more than ${CONDITIONS_MAX} conditions; split the document`);
  if (sweepCount > SWEEPS_MAX) {
    report(
      [],
      `${sweepCount} conditions go through a list or a text, more than ${SWEEPS_MAX}; compare with lists of values, or split the document`,
    );
  }
  if (patternSteps > PATTERN_STEPS_MAX) {
    report(
      [],
      `the patterns take ${patternSteps} steps for each character, more than ${PATTERN_STEPS_MAX}: shorten them, repeat less, or split the document`,
    );
  }
  return findings;
}

const meant = (word: string, candidates: readonly string[]): string => {
  const nearest = nearestTo(word, candidates);
  return nearest === undefined ? '' : `; did you mean "${nearest}"?`;
};

/** The leaves in their order, each with its position in the tree, such as `all.0.any.1`. */
export function leavesOf(conditions: Condition, at = ''): { position: string; leaf: Leaf }[] {
  const below = (step: string) => (at === '' ? step : `${at}.${step}`);
  if ('not' in conditions) return leavesOf(conditions.not, below('not'));
  if ('all' in conditions)
    return conditions.all.flatMap((one, index) => leavesOf(one, below(`all.${index}`)));
  if ('any' in conditions)
    return conditions.any.flatMap((one, index) => leavesOf(one, below(`any.${index}`)));
  return [{ position: at, leaf: conditions }];
}
