import { describe, expect, it } from 'vitest';
import { policyDocument } from '../../src/documents/policy-document.ts';
import { printFault } from '../../src/documents/yaml.ts';

const document = `policy: repository-made-public
version: 1
title: Repository made public
description: Anybody can read it.
regulatory_reference: SOC 2 CC6.1; ISO 27001:2022 A.8.4
priority_level: 1
applies_to:
  event_types: [com.github.repository.publicized]
  sources: [github-acme]
  minimum_level: MEDIUM
conditions:
  all:
    - { fact: event, path: $.data.repository.private, operator: equal, value: false }
recommendations:
  - option: make-private
    title: Make it private
    target: github-webhook
    effect: restrict
    resource: "repository/{{event.subject}}"
    command: { action: set_visibility, repository: "{{event.data.repository.full_name}}" }
required_authority: HIGH
justification: "{{event.data.sender.login}} did it."
`;

function faultsOf(text: string): string[] {
  const reading = policyDocument.read('p.yaml', text);
  return 'faults' in reading ? reading.faults.map(printFault) : [];
}

it('a policy document is read as it is written', () => {
  const reading = policyDocument.read('p.yaml', document);
  expect(reading).toMatchObject({
    definition: {
      policy: 'repository-made-public',
      priority_level: 1,
      applies_to: { event_types: ['com.github.repository.publicized'], minimum_level: 'MEDIUM' },
      conditions: { all: [{ path: '$.data.repository.private', value: false }] },
      recommendations: [{ option: 'make-private', effect: 'restrict' }],
      required_authority: 'HIGH',
    },
  });
});

it('seats of its own may be asked for', () => {
  const seats =
    'required_authority: { seats: [[Compliance Officer], [Governance Board]], roles: 2 }';
  expect(faultsOf(document.replace('required_authority: HIGH', seats))).toEqual([]);
});

describe('a fault is given with file, line, column and what to do', () => {
  it.each<[string, string, string, string]>([
    [
      'a slip in a key',
      'priority_level: 1',
      'priority_levl: 1',
      'p.yaml:6:1: unknown key "priority_levl"; did you mean "priority_level"?',
    ],
    [
      'a key of nothing',
      'version: 1',
      'version: 1\nxyzzy: 1',
      'p.yaml:3:1: unknown key "xyzzy"; known here are policy,',
    ],
    [
      'a key deep inside',
      'sources: [',
      'source: [',
      'p.yaml:9:3: unknown key "source"; did you mean "sources"?',
    ],
    ['__proto__', 'version: 1', 'version: 1\n__proto__: {}', 'p.yaml:3:1: unknown key "__proto__"'],
    [
      'what is missing',
      'title: Repository made public\n',
      '',
      'p.yaml:1:1: "title" is missing; add it',
    ],
    [
      'a name with capitals',
      'policy: repository-made-public',
      'policy: Repository',
      'p.yaml:1:9: "policy" must be a name of lower-case letters',
    ],
    [
      'a version of text',
      'version: 1',
      'version: "1"',
      'p.yaml:2:10: "version" must be a whole number from 1',
    ],
    ['a version of zero', 'version: 1', 'version: 0', 'p.yaml:2:10: "version" must be'],
    [
      'a priority of six',
      'priority_level: 1',
      'priority_level: 6',
      'p.yaml:6:17: "priority_level" must be a number from 1',
    ],
    [
      'an empty title',
      'title: Repository made public',
      'title: " "',
      'p.yaml:3:8: "title" must be a text',
    ],
    [
      'an event type that cannot be',
      'repository.publicized',
      'repository.*.x',
      'p.yaml:8:17: this entry must be an event type',
    ],
    [
      'no event types',
      '[com.github.repository.publicized]',
      '[]',
      'p.yaml:8:16: "event_types" must be a list of 1 to 100',
    ],
    [
      'a level that is none',
      'minimum_level: MEDIUM',
      'minimum_level: SOME',
      'p.yaml:10:18: "minimum_level" must be one of LOW',
    ],
    [
      'an authority that is none',
      'required_authority: HIGH',
      'required_authority: SOME',
      'p.yaml:21:21: write MEDIUM, HIGH or CRITICAL',
    ],
    [
      'an operator that is none',
      'operator: equal',
      'operator: equals',
      'p.yaml:13:65: unknown operator; did you mean "equal"?',
    ],
    [
      'an expression as path',
      '$.data.repository.private',
      "'$..[?(@.x)]'",
      'p.yaml:13:28: write a path',
    ],
    [
      'a value of another kind',
      'operator: equal, value: false',
      'operator: lessThan, value: no',
      'p.yaml:13:82: the value of "lessThan" must be a number',
    ],
    [
      'an empty group',
      '    - { fact: event, path: $.data.repository.private, operator: equal, value: false }',
      '    []',
      'p.yaml:13:5: "all" needs a list',
    ],
    [
      'a placeholder that is none',
      '{{event.data.repository.full_name}}',
      '{{repository.full_name}}',
      'p.yaml:20:52: {{repository.full_name}} is no placeholder',
    ],
    [
      'an effect on nothing',
      '    resource: "repository/{{event.subject}}"\n',
      '',
      'p.yaml:15:5: an option with effect "restrict" needs the "resource"',
    ],
    ['an alias', 'version: 1', 'version: &v 1', 'anchors are not read'],
    [
      'no mapping',
      document,
      '- a\n',
      'p.yaml:1:1: the document must be a mapping that starts with "policy:"',
    ],
  ])('%s', (_, from, to, fault) => {
    expect(document).toContain(from);
    expect(faultsOf(document.replace(from, to)).join('\n')).toContain(fault);
  });

  it('all at once, in the order of the lines', () => {
    const broken = document
      .replace('version: 1', 'version: 0')
      .replace('priority_level: 1', 'priority_level: 9');
    expect(faultsOf(broken).map((fault) => fault.slice(0, 'p.yaml:2:10'.length))).toEqual([
      'p.yaml:2:10',
      'p.yaml:6:17',
    ]);
  });
});

describe('a hostile document', () => {
  const expressions = [
    '$..x',
    '$..*..*',
    '$.*',
    '$.a.*',
    '$[?(@.a)]',
    '$.a[?(@.b=~/(a+)+$/)]',
    '$.a[?(@.b.match(/(a+)+$/))]',
    '$.a[(@.length-1)]',
    "$.a[?(this.constructor.constructor('return process')())]",
    '$.a[?(globalThis.process.exit())]',
    '$.a.`parent`',
    '$.a^',
    '$.a~',
    '$.a[0:9999999]',
    '$.a[-1]',
    "$['__proto__']",
    "$.a['b','c']",
    '$.a@string()',
    '$.',
    '$.a..b',
    '$.a[*][*][*]',
    `$${'.a'.repeat(9)}`,
    `$.${'a'.repeat(65)}`,
    '$.a b',
    '$.a\u0000',
    '$.é',
    'a',
    '@.a',
    '$$.a',
    ' $.a',
    '$.a ',
    '$.1a',
    '$.a.b()',
    '$.a;$.b',
    '{{$.a}}',
  ];
  const operators = [
    'regex',
    'matches',
    'not:equal',
    'someFact:equal',
    'everyFact:in',
    'swap:lessThan',
    'constructor',
    '__proto__',
    'toString',
    'hasOwnProperty',
    'Equal',
    'equal ',
    '',
  ];
  const leaf = '{ fact: event, path: $.data.repository.private, operator: equal, value: false }';
  const inPlaceOf = (text: string, hostile: string) => document.replace(text, () => hostile);
  const documents = [
    ...expressions.flatMap((text) => [
      inPlaceOf('$.data.repository.private', JSON.stringify(text)),
      inPlaceOf('{{event.data.repository.full_name}}', `{{event${text.replaceAll('"', '')}}}`),
      inPlaceOf('{{event.subject}}', `{{${text}}}`),
      inPlaceOf('{{event.data.sender.login}}', `{{ risk${text} }}`),
    ]),
    ...operators.flatMap((text) => [
      inPlaceOf('operator: equal', `operator: ${JSON.stringify(text)}`),
      inPlaceOf('operator: equal', `operator: [${JSON.stringify(text)}]`),
      inPlaceOf('value: false', `value: { fact: event, path: ${JSON.stringify(text)} }`),
    ]),
    ...[
      'condition',
      'priority',
      'params',
      'name',
      'factResult',
      'result',
      'toJSON',
      '__proto__',
    ].map((key) => inPlaceOf('value: false', `value: false, ${key}: 1`)),
    ...[
      '{ all: [] }',
      '{ any: [] }',
      '{ not: [] }',
      '{ not: {} }',
      '{}',
      '[]',
      'null',
      '{ condition: shared }',
      '{ all: [], any: [] }',
      '{ all: { length: 1 } }',
    ].flatMap((group) => [inPlaceOf(leaf, group), inPlaceOf(`all:\n    - ${leaf}`, group)]),
    inPlaceOf(leaf, `${'{ not: '.repeat(1_500)}${leaf}${' }'.repeat(1_500)}`),
    inPlaceOf(`    - ${leaf}\n`, `    - ${leaf}\n`.repeat(201)),
    `${document}${'# a comment\n'.repeat(6_000)}`,
  ];

  it('is refused, at once, in more than 200 ways', () => {
    expect(new Set(documents).size).toBeGreaterThan(200);
    const accepted: string[] = [];
    const slow: string[] = [];
    for (const text of documents) {
      const begun = performance.now();
      if (faultsOf(text).length === 0) accepted.push(text);
      if (performance.now() - begun > 1_000) slow.push(text.slice(0, 500));
    }
    expect(accepted).toEqual([]);
    expect(slow).toEqual([]);
  });
});
