/**
 * Conditions written to do harm: each is refused when its document is checked, or answers within 100 ms of work. Time is
 * that of this thread's processor, so that a busy machine does not count; each is asked twice and the better counts, so
 * that compiling the test itself does not.
 */
import { expect, it } from 'vitest';
import { CONDITIONS_MAX, type Conditions, checkConditions } from '../../src/domain/conditions.ts';
import type { JsonObject, JsonValue } from '../../src/domain/json.ts';
import { SWEEPS_MAX, VALUES_MAX } from '../../src/domain/operator.ts';
import { compileRule, type Facts } from '../../src/domain/rules.ts';

const WORK_MS_MAX = 100;

const a = 'a'.repeat(4_096);
const data: JsonObject = {
  a,
  x: `${'x'.repeat(4_095)}!`,
  mixed: 'aAbB1 -_.@/'.repeat(372),
  mail: `${'a@'.repeat(2_047)}!`,
  list: Array.from({ length: 9_000 }, (_, n) => `file ${n}`),
  texts: Array.from({ length: 64 }, (_, n) => `${n}${'a'.repeat(60)}`),
  rows: Array.from({ length: 100 }, () => ({ cells: Array<string>(90).fill('aaaaaaaa') })),
  long: 'a'.repeat(500_000),
  number: 1,
};
const facts: Facts = {
  event: { source: 's', id: '1', type: 'com.x', subject: null, time: '2026-01-01T00:00:00Z', data },
};

const leaf = (path: unknown, operator: unknown, value: unknown, more: object = {}) => ({
  fact: 'event',
  path,
  operator,
  value,
  ...more,
});
const onText = (operator: string, value: JsonValue) =>
  ['a', 'x', 'mixed', 'mail'].map((member) => leaf(`$.data.${member}`, operator, value));

/** Expressions on which backtracking engines take exponential or high polynomial time, and ones that unfold hugely. */
const expressions = [
  ...['(a+)+$', '(a+)+b', '(a*)*b', '(a|a)*b', '(a|aa)+$', '(a|a?)+b', '([a-z]+)+!', '(.*)*!b'],
  ...['(x+x+)+y', '(.*a){20}b', '(.*a){11}$', '(\\w+\\s?)+b', '(a?){100}a{100}', '(a?){50}b'],
  ...[
    '^(([a-z])+.)+[A-Z]([a-z])+$',
    '^([a-zA-Z0-9]+@)+b$',
    '(a|b|ab)*c',
    '(?s)(.+)+\\z',
    '(a+){10}b',
  ],
  ...[
    '.*.*.*.*.*=.*',
    '.*.*.*.*.*.*.*.*b',
    '([^b]*)*c',
    '(\\d+)*(\\D+)*b',
    '(a{1,9}){1,9}b',
    '(aa|aab?)*c',
  ],
  ...[
    '(a|b)*a(a|b){15}',
    '(a|b)*a(a|b){100}',
    '[\\p{L}]{1,200}b',
    '\\pL{300}!',
    '(?i)(k|s|ſ|K){100}b',
  ],
  ...[
    '((a{30}){30})',
    '((a{10}){10}){10}',
    '((a{100}){100}){100}',
    '(((((a{9}){9}){9}){9}){9})',
    'a{1000}',
  ],
  ...[
    'a{1001}',
    'a{99999999}',
    'a{1,}{1,}',
    '(?:a{0,500}){0,500}',
    '(a{500}|b{500}|c{500})',
    '(?P<x>a)+(?P<x>b)',
  ],
  ...[
    '(?=a+)b',
    '(?!a)b',
    '(?<=a)b',
    '(?<!a)b',
    '(a)\\1',
    '(?>a+)b',
    'a++b',
    '(?R)',
    '(?(1)a|b)',
    '\\Ka',
    '(',
  ],
  ...[
    '[',
    ')',
    '*',
    '?',
    '{',
    '\\',
    '(?',
    '(?i',
    '[a',
    '[z-a]',
    '\\p{Nope}',
    `${'('.repeat(250)}a${')'.repeat(250)}`,
  ],
  ...[
    `${'(a|'.repeat(160)}b${')'.repeat(160)}`.slice(0, 600),
    `[${'a-z'.repeat(160)}]`,
    'a?'.repeat(250),
  ],
  ...['(a*)'.repeat(120), '.*'.repeat(240), '(.*)'.repeat(120), '|'.repeat(499), 'a|'.repeat(240)],
];

const globs = [
  ...['*a'.repeat(250), 'a*'.repeat(250), '*'.repeat(500), '?'.repeat(500), '*?'.repeat(250)],
  ...[
    '*aaaaaaaaab',
    '*a*a*a*a*a*a*a*a*b',
    `*${'a'.repeat(400)}b`,
    '\\'.repeat(500),
    '*\\*'.repeat(160),
  ],
];

const paths = [
  ...[
    '$.__proto__.a',
    '$.constructor.name',
    '$.data.__proto__',
    '$.data.constructor.prototype',
    '$..a',
    '$.*',
  ],
  ...[
    '$.data[?(@.a)]',
    '$.data.a.length',
    '$.data["a"]',
    '$.data.a[0]',
    '$',
    '',
    '$.',
    '$.data.',
    '$.data.list[-1]',
  ],
  ...[
    '$.data[(@.length-1)]',
    '$.data.toString',
    '$.data.list[*][*]',
    '$.data[*].a[*].b[*]',
    `$${'.a'.repeat(9)}`,
  ],
  ...[
    `$.${'a'.repeat(65)}`,
    '$.data.rows[*].cells[*].x[*]',
    '$.data.hasOwnProperty',
    '$.__defineGetter__',
    '`a`',
  ],
];

function nested(group: 'all' | 'any' | 'not', depth: number): unknown {
  let condition: unknown = leaf('$.data.a', 'equal', 'a');
  for (let level = 0; level < depth; level += 1) {
    condition = { [group]: group === 'not' ? condition : [condition] };
  }
  return condition;
}

const other = Array.from({ length: VALUES_MAX }, (_, n) => `other ${n}`);
/** As many as are allowed of the costly kinds, as many as are allowed at all, and far more. */
const many = (one: unknown) =>
  [SWEEPS_MAX, CONDITIONS_MAX - 1, 50_000].map((count) => ({
    any: Array<unknown>(count).fill(one),
  }));

const hostile: readonly unknown[] = [
  ...expressions.map((expression) => ({ any: onText('matches', expression) })),
  ...expressions.map((value) => ({ any: [leaf('$.data.texts', 'someMatches', value)] })),
  ...globs.flatMap((glob) => [
    { any: onText('like', glob) },
    { any: [leaf('$.data.texts', 'someLike', [glob, `${glob}b`])] },
    ...many(leaf('$.data.a', 'like', glob)),
  ]),
  ...paths.map((path) => ({ any: [leaf(path, 'notEqual', 'x', { ifAbsent: 'match' })] })),
  ...(['all', 'any', 'not'] as const).flatMap((group) =>
    [13, 100, 1_000, 5_000, 100_000].map((depth) => nested(group, depth)),
  ),
  ...many(leaf('$.data.a', 'matches', '(a+)+b')),
  ...many(leaf('$.data.long', 'matches', 'b')),
  ...many(leaf('$.data.long', 'containsText', 'ab')),
  ...many(leaf('$.data.list', 'containsAny', other)),
  ...many(leaf('$.data.list[*]', 'containsNone', other)),
  ...many(leaf('$.data.list', 'subsetOf', other)),
  ...many(leaf('$.data.list', 'containsAll', other)),
  ...many(leaf('$.data.rows[*].cells[*]', 'contains', 'b')),
  ...many(leaf('$.data.list', 'someStartsWith', 'x')),
  ...many(leaf('$.time', 'duringHours', { from: '00:00', to: '00:00', zone: 'Asia/Kolkata' })),
  ...many(leaf('$.data.a', 'inNetwork', '0.0.0.0/0')),
  ...many(leaf('$.data.a', 'equal', 'a')),
  ...[
    { all: [] },
    { any: [] },
    { not: [] },
    { all: [{ any: [] }] },
    {},
    [],
    null,
    'all',
    7,
    { all: {} },
  ],
  ...[{ all: [leaf('$.data.a', 'in', Array(100_000).fill('a'))] }, { all: [null] }, { all: [[]] }],
  ...['__proto__', 'constructor', 'valueOf', 'event', '../event'].map((fact) => ({
    all: [{ fact, path: '$.data.a', operator: 'equal', value: 'a' }],
  })),
  ...['__proto__', 'constructor', 'not:equal', 'everyFact:equal', 'someFact:matches'].map(
    (name) => ({
      all: [leaf('$.data.list', name, 'a')],
    }),
  ),
  ...[
    { fact: 'event', path: '$.id' },
    { condition: 'x' },
    () => true,
    new Date(0),
    Symbol('a'),
    1n,
  ].map((value) => ({ all: [leaf('$.data.a', 'equal', value)] })),
  { all: [leaf('$.data.a', 'equal', 'a', { params: { a: 1 } })] },
  { all: [leaf('$.data.a', 'equal', 'a', { priority: 10 })] },
  { condition: 'another' },
  JSON.parse('{"__proto__": {"all": []}, "all": [{"__proto__": {"fact": "event"}}]}'),
];

/** Refused, or asked; the milliseconds that it took. */
async function put(conditions: unknown): Promise<{ refused: boolean; workMs: number }> {
  const begun = process.threadCpuUsage();
  const refused = checkConditions(conditions, ['event']).length > 0;
  if (!refused) {
    // As an evaluation does: the screen first, then the engine.
    const rule = compileRule(conditions as Conditions);
    const { fault } = rule.excludes(facts) ? {} : await rule.ask(facts);
    expect(fault).toBeUndefined();
  }
  const { user, system } = process.threadCpuUsage(begun);
  return { refused, workMs: (user + system) / 1_000 };
}

it('more than 200 hostile conditions are refused or end soon', async () => {
  let refusals = 0;
  const slow: string[] = [];
  for (const [index, conditions] of hostile.entries()) {
    const first = await put(conditions);
    const { workMs } = first.workMs <= WORK_MS_MAX ? first : await put(conditions);
    if (first.refused) refusals += 1;
    if (workMs > WORK_MS_MAX) slow.push(`number ${index}: ${Math.round(workMs)} ms`);
  }
  expect(slow).toEqual([]);
  expect(hostile.length).toBeGreaterThanOrEqual(200);
  // Both ways out are taken.
  expect(refusals).toBeGreaterThan(100);
  expect(hostile.length - refusals).toBeGreaterThan(40);
});

it('an event beside it is answered as ever', async () => {
  const harmless = compileRule({
    all: [{ fact: 'event', path: '$.data.number', operator: 'equal', value: 1 }],
  });
  const costly = compileRule({ any: onText('matches', '(a|b)*a(a|b){100}') } as Conditions);
  const [, answer] = await Promise.all([costly.ask(facts), harmless.ask(facts)]);
  expect(answer.result).toBe('matched');
});
