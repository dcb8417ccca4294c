import { describe, expect, it } from 'vitest';
import { DOCUMENT_BYTES_MAX, printFault, readYaml } from '../../src/documents/yaml.ts';

function faultsOf(text: string): string[] {
  const read = readYaml('a.yaml', text);
  return 'faults' in read ? read.faults.map(printFault) : [];
}
function valueOf(text: string): unknown {
  const read = readYaml('a.yaml', text);
  if ('faults' in read) throw new Error(read.faults.map(printFault).join('\n'));
  return read.value;
}

describe('a document', () => {
  it('is data as JSON has it, in the YAML 1.2 core schema', () => {
    expect(valueOf('a: yes\nb: 1\nc: [x, null, true]\nd: 2020-01-01\ne: "1"\nf: off')).toEqual({
      a: 'yes',
      b: 1,
      c: ['x', null, true],
      d: '2020-01-01',
      e: '1',
      f: 'off',
    });
    expect(valueOf('%YAML 1.1\n---\na: yes')).toEqual({ a: 'yes' });
  });

  it.each([
    ['a: 1\nb: *x', 'a.yaml:2:4: aliases are not read'],
    ['a: &x 1', 'a.yaml:1:7: anchors are not read'],
    ['a: !!binary aGk=', 'tags are not read'],
    ['a: !thing 1', 'tags are not read'],
    ['a: 1\n---\nb: 2', 'a.yaml:2:1: write one document in one file'],
    ['a: 1\na: 2', 'a.yaml:2:1: Map keys must be unique'],
    ['? [a]\n: 1', 'keys must be strings'],
    ['a: .nan', 'a.yaml:1:4: write a number that is finite'],
    ['a: -.inf', 'write a number that is finite'],
    ['a: 9007199254740993', 'a.yaml:1:4: write a number beyond 2^53 - 1 as a string'],
    ['a: "\\0"', 'remove U+0000'],
    ['a: "\\ud800"', 'lone surrogates'],
    ['a: [1, 2', 'a.yaml:1:'],
    ['a: |\n  x\n b: 1', 'a.yaml:3:1: All mapping items must start at the same column'],
    ['', 'a.yaml:1:1: the document is empty'],
    ['# nothing', 'the document is empty'],
    [`a: ${'x'.repeat(DOCUMENT_BYTES_MAX)}`, 'a.yaml:1:1: the document has'],
  ])('%j is refused with its place', (text, fault) => {
    expect(faultsOf(text).join('\n')).toContain(fault);
  });

  it('keeps __proto__ as a member like any other', () => {
    const value = valueOf('__proto__: {x: 1}') as object;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  it.each([
    ['brackets', '['.repeat(60_000)],
    ['braces', '{a: '.repeat(16_000)],
    ['dashes', '- '.repeat(30_000)],
    ['collections within the limits of the parser', `a: ${'['.repeat(40)}${']'.repeat(40)}`],
  ])('of nested %s is refused, briefly and at once', (_, text) => {
    const begun = performance.now();
    const faults = faultsOf(text);
    expect(faults.join('\n')).toContain('nested too deeply');
    expect(faults.length).toBeLessThanOrEqual(40);
    expect(performance.now() - begun).toBeLessThan(3_000);
  });
});

describe('a fault', () => {
  const read = readYaml('b.yaml', 'a:\n  - x\n  - key: value\n    list: [1, 22]\n');
  const at = (place: readonly (string | number)[], of?: 'key') =>
    'faults' in read ? '' : printFault(read.faultAt(place, 'here', of));

  it('stands at its node', () => {
    expect(at(['a', 1, 'key'])).toBe('b.yaml:3:10: here');
    expect(at(['a', 1, 'list', 1])).toBe('b.yaml:4:15: here');
    expect(at([])).toBe('b.yaml:1:1: here');
  });

  it('stands at the name where it is about the name', () => {
    expect(at(['a', 1, 'list'], 'key')).toBe('b.yaml:4:5: here');
  });

  it('stands as near as can be when its node is not there', () => {
    expect(at(['a', 1, 'missing'])).toBe('b.yaml:3:5: here');
    expect(at(['a', 7])).toBe('b.yaml:2:3: here');
    expect(at(['other'])).toBe('b.yaml:1:1: here');
  });
});
