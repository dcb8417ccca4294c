/**
 * The rules engine, and the only place that knows it. json-rules-engine answers every condition and every group; around
 * it stands what it does not promise:
 *
 * - The engine is never given a path to interpret. Its own resolver runs expressions that it finds in a path; ours is
 *   handed the position of a leaf and follows what was parsed when the rule was compiled (path.ts).
 * - The engine would let `notEqual` hold on a member that is absent, and `"7"` be less than 10. Our operators answer
 *   neither true nor false then but `unknown`, which the engine carries through as the result of the leaf.
 * - One unknown leaf makes the whole rule unknown, even beside an `any` that holds or an `all` that fails: an answer
 *   that rests on something that could not be looked at goes to a person.
 */
import { Engine, type EngineResult, type TopLevelCondition } from 'json-rules-engine';
import {
  absenceOf,
  type Condition,
  type Conditions,
  type IfAbsent,
  type Leaf,
} from './conditions.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { type CompiledLeaf, compileLeaves, look } from './leaf.ts';
import type { Operator } from './operator.ts';
import { type OperatorName, operatorNames, operators } from './operators.ts';
import { absent, PATH_VALUES_MAX, tooMany } from './path.ts';
import type { RiskLevel } from './risk-level.ts';
import { compileScreen, type Screen } from './screen.ts';

/** The event as conditions and templates see it. */
export interface EventFact {
  readonly source: string;
  readonly id: string;
  readonly type: string;
  readonly subject: string | null;
  readonly time: string;
  readonly data: JsonValue;
}
/** The assessment as policies see it. `score` is null when the level is UNKNOWN, so comparing it is unknown too. */
export interface RiskFact {
  readonly score: number | null;
  readonly level: RiskLevel;
  /** The factors that held. */
  readonly contributions: readonly { readonly factor: string; readonly points: number }[];
}
export interface Facts {
  readonly event: EventFact;
  readonly risk?: RiskFact;
}

/** What one condition was asked and what it saw; stored with the result, so that a person can check it. */
export interface Evidence {
  /** Where the condition stands in its tree: `all.0.any.1`. */
  readonly position: string;
  readonly fact: string;
  readonly path: string;
  readonly operator: OperatorName;
  readonly expected: JsonValue;
  /** Not there when the path is absent. Long strings and lists are cut, see `excerpt`. */
  readonly actual?: JsonValue;
  readonly result: 'held' | 'not held' | 'unknown';
  /** Why it is unknown, or that `ifAbsent` decided. */
  readonly reason?: string;
}

export interface RuleAnswer {
  readonly result: 'matched' | 'not matched' | 'unknown';
  readonly evidence: readonly Evidence[];
  /** What failed, when the engine itself did. */
  readonly fault?: string;
}

export interface Rule {
  /** True only where `ask` would answer "not matched"; costs a hundredth of it. */
  readonly excludes: Screen;
  /**
   * Never rejects: whatever goes wrong inside is an unknown answer. Freezes the facts to the bottom, so that no
   * condition can change what the next one sees.
   */
  ask(facts: Facts): Promise<RuleAnswer>;
}

/** What our operators answer when there is nothing to compare, and what our resolver hands them for an absent path. */
const unanswered = Symbol('unanswered');
const absentAnswers: Record<IfAbsent, symbol> = {
  match: Symbol('absent: match'),
  noMatch: Symbol('absent: no match'),
  unknown: Symbol('absent: unknown'),
};

/** Compiles conditions that `checkConditions` has passed. Once for each version: an engine costs more than an answer. */
export function compileRule(conditions: Conditions): Rule {
  const leaves = compileLeaves(conditions);
  const byPosition = new Map<string, CompiledLeaf>(leaves.map((leaf) => [leaf.position, leaf]));
  const engine = new Engine([], {
    allowUndefinedFacts: false,
    pathResolver: (fact, position) => resolve(fact as JsonObject, byPosition.get(position)!),
  });
  for (const name of operatorNames) engine.addOperator(name, strict(name));
  engine.addRule({
    conditions: forEngine(conditions, '') as TopLevelCondition,
    event: { type: 'matched' },
  });

  // One run at a time: runs of one engine share its status, and a run that ends would have another one, just begun,
  // skip its rules and come back without a result.
  let last: Promise<unknown> = Promise.resolve();
  return {
    excludes: compileScreen(conditions),
    async ask(facts) {
      const run = last.then(() => engine.run({ ...checkFacts(facts) }));
      last = run.catch(() => undefined);
      try {
        return readResult(await run, leaves);
      } catch (error) {
        return { result: 'unknown', evidence: [], fault: (error as Error).message };
      }
    },
  };
}

function resolve(fact: JsonObject, leaf: CompiledLeaf): JsonValue | symbol {
  const found = look(leaf, fact);
  return found === absent ? absentAnswers[absenceOf(leaf.leaf)] : found;
}

/** An operator as the engine calls it: only `true` counts as true, whatever else comes back is kept with the leaf. */
function strict(name: OperatorName): (actual: unknown, expected: unknown) => boolean {
  const operator: Operator = operators[name];
  return (actual, expected) => {
    if (actual === absentAnswers.match) return true;
    if (actual === absentAnswers.noMatch) return false;
    const [found, wanted] = [actual as JsonValue, expected as JsonValue];
    const comparable = typeof actual !== 'symbol' && operator.mismatch(found, wanted) === undefined;
    return comparable ? operator.holds(found, wanted) : (unanswered as unknown as boolean);
  };
}

/** The same tree with the position of each leaf in the place of its path. */
function forEngine(condition: Condition, at: string): object {
  const below = (step: string) => (at === '' ? step : `${at}.${step}`);
  if ('not' in condition) return { not: forEngine(condition.not, below('not')) };
  if ('all' in condition) {
    return { all: condition.all.map((one, index) => forEngine(one, below(`all.${index}`))) };
  }
  if ('any' in condition) {
    return { any: condition.any.map((one, index) => forEngine(one, below(`any.${index}`))) };
  }
  const { fact, operator, value } = condition;
  return { fact, operator, value, path: at };
}

/** A fact that is null or a scalar would be compared raw, past our resolver. */
function checkFacts(facts: Facts): Facts {
  for (const [name, fact] of Object.entries(facts)) {
    if (!isJsonObject(fact)) throw new Error(`the fact "${name}" is not an object`);
    freeze(fact);
  }
  return facts;
}

/** A node of the engine's result: the tree of the rule again, with what came of each part. */
interface ResultNode {
  readonly all?: readonly ResultNode[];
  readonly any?: readonly ResultNode[];
  readonly not?: ResultNode;
  readonly factResult?: unknown;
  readonly result?: unknown;
}

function readResult(run: EngineResult, leaves: readonly CompiledLeaf[]): RuleAnswer {
  const answer = [...run.results, ...run.failureResults][0];
  if (answer === undefined) throw new Error('the rules engine came back without a result');
  const results = resultLeavesOf(answer.conditions as ResultNode);
  const evidence = leaves.map((leaf, index) => evidenceOf(leaf, results[index]!));
  if (evidence.some(({ result }) => result === 'unknown')) return { result: 'unknown', evidence };
  return { result: answer.result === true ? 'matched' : 'not matched', evidence };
}

function resultLeavesOf(node: ResultNode): readonly ResultNode[] {
  if (node.not !== undefined) return resultLeavesOf(node.not);
  const members = node.all ?? node.any;
  return members === undefined ? [node] : members.flatMap(resultLeavesOf);
}

function evidenceOf({ position, leaf, path }: CompiledLeaf, node: ResultNode): Evidence {
  const { fact, operator, value: expected } = leaf;
  const asked = { position, fact, path: path.text, operator, expected };
  const result =
    node.result === true ? 'held' : node.result === false ? 'not held' : ('unknown' as const);
  const found = node.factResult;
  if (found === tooMany) {
    return { ...asked, result, reason: `the path leads to more than ${PATH_VALUES_MAX} values` };
  }
  if (typeof found === 'symbol') return { ...asked, result, reason: absentReason(leaf) };
  const actual = found as JsonValue;
  const shown = excerptFor(operators[operator], actual, expected);
  if (result !== 'unknown') return { ...asked, actual: shown, result };
  const mismatch = operators[operator].mismatch(actual, expected) ?? 'could not be compared';
  return { ...asked, actual: shown, result, reason: `the value ${mismatch}` };
}

const absentReason = ({ ifAbsent = 'unknown' }: Leaf): string =>
  ifAbsent === 'unknown' // As it is for `exists`, which says so by its result.
    ? 'the path is absent from the event'
    : `the path is absent from the event; ifAbsent says ${ifAbsent}`;

/** Evidence is stored for every condition of every event, so it shows enough to check an answer, not the payload. */
const EXCERPT_CHARACTERS_MAX = 200;
const EXCERPT_ELEMENTS_MAX = 10;

function excerptFor(operator: Operator, actual: JsonValue, expected: JsonValue): JsonValue {
  const comparable = operator.mismatch(actual, expected) === undefined;
  if (!comparable || !Array.isArray(actual) || operator.deciding === undefined) {
    return excerpt(actual);
  }
  const deciding = operator.deciding(actual as readonly JsonValue[], expected);
  return excerpt(deciding.length > 0 ? deciding : actual);
}

/** The value, shortened: long strings are cut, lists end after some elements, objects are only named. */
export function excerpt(value: JsonValue): JsonValue {
  if (typeof value === 'string' && value.length > EXCERPT_CHARACTERS_MAX) {
    return `${value.slice(0, EXCERPT_CHARACTERS_MAX).toWellFormed()}…`;
  }
  if (Array.isArray(value)) {
    const shown = (value as readonly JsonValue[]).slice(0, EXCERPT_ELEMENTS_MAX).map(excerpt);
    const more = value.length - shown.length;
    return more > 0 ? [...shown, `… and ${more} more`] : shown;
  }
  return isJsonObject(value) ? '{…}' : value;
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const member of Object.values(value)) freeze(member);
}
