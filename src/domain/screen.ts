/**
 * The screen in front of the rules engine. Nearly every rule that is asked does not match, and the engine takes as long
 * to say so as to explain a match. The screen excludes what certainly does not match, and only that: it says no only
 * where the engine must answer "not matched"; whatever it does not exclude is for the engine to answer. A property test
 * holds both against each other.
 *
 * A rule with one unknown leaf is unknown, wherever that leaf stands, so every leaf is looked at: there is no shortcut
 * behind an `all` that has failed.
 */
import { absenceOf, type Condition, type IfAbsent } from './conditions.ts';
import { isJsonObject } from './json.ts';
import { compileLeaf, look } from './leaf.ts';
import type { Operator } from './operator.ts';
import { operators } from './operators.ts';
import { absent } from './path.ts';
import type { Facts } from './rules.ts';

/** True for facts on which the rule certainly does not match. Never throws. */
export type Screen = (facts: Facts) => boolean;

/** What a condition comes to; undefined where that is for the engine to say. */
type Test = (facts: Facts) => boolean | undefined;

/** Compiles conditions that `checkConditions` has passed. */
export function compileScreen(conditions: Condition): Screen {
  const test = compile(conditions);
  return (facts) => {
    try {
      return test(facts) === false;
    } catch {
      return false;
    }
  };
}

function compile(condition: Condition): Test {
  if ('not' in condition) return negation(compile(condition.not));
  if ('all' in condition) return combination(condition.all.map(compile), true);
  if ('any' in condition) return combination(condition.any.map(compile), false);
  const leaf = compileLeaf(condition, '');
  const { fact: name, value: expected } = condition;
  const ifAbsent = absentAnswers[absenceOf(condition)];
  const operator: Operator = operators[condition.operator];
  return (facts) => {
    const fact: unknown = facts[name];
    if (!isJsonObject(fact)) return undefined;
    const found = look(leaf, fact);
    if (found === absent) return ifAbsent;
    if (typeof found === 'symbol' || operator.mismatch(found, expected) !== undefined) {
      return undefined;
    }
    return operator.holds(found, expected);
  };
}

const absentAnswers: Readonly<Record<IfAbsent, boolean | undefined>> = {
  match: true,
  noMatch: false,
  unknown: undefined,
};

function negation(test: Test): Test {
  return (facts) => {
    const answer = test(facts);
    return answer === undefined ? undefined : !answer;
  };
}

/** `all` ends as false when one of its members is false, `any` as true when one is true. */
function combination(members: readonly Test[], isAll: boolean): Test {
  return (facts) => {
    let answer = isAll;
    for (const member of members) {
      const one = member(facts);
      if (one === undefined) return undefined;
      if (one !== isAll) answer = one;
    }
    return answer;
  };
}
