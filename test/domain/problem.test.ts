import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isProblemCode, isRefusal, problemOf, problems, refuse } from '../../src/domain/problem.ts';

describe('the table of problems', () => {
  const codes = Object.keys(problems);
  const source = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && file !== join('domain', 'problem.ts'))
    .map((file) => readFileSync(join('src', file), 'utf8'))
    .join('\n');

  it.each(Object.entries(problems))('has a usable row for %s', (code, row) => {
    expect(code).toMatch(/^[a-z0-9]+(_[a-z0-9]+)*$/);
    // The column that keeps a reason is this wide.
    expect(code.length).toBeLessThanOrEqual(60);
    expect(row.status).toBeGreaterThanOrEqual(400);
    expect(row.status).toBeLessThan(600);
    expect(row.title).toMatch(/^[A-Za-z].*[^.]$/);
    expect(row.remedy).toMatch(/^[A-Z].*\.$/s);
  });

  it('has no row that nothing uses', () => {
    expect(codes.filter((code) => !source.includes(`'${code}'`))).toEqual([]);
  });

  it('has a row for every code that anything refuses with', () => {
    const uses = source.matchAll(/\b(?:refuse|reject)\(\s*'([^']*)'|\breason: '([^']*)'/g);
    const used = new Set([...uses].map(([, code, reason]) => code ?? reason ?? ''));
    expect(used.size).toBeGreaterThan(40);
    expect([...used].filter((code) => !isProblemCode(code))).toEqual([]);
  });

  it('knows its own codes and no property that every object has', () => {
    expect(isProblemCode('conflict')).toBe(true);
    expect(isProblemCode('constructor')).toBe(false);
  });
});

describe('a problem document', () => {
  it('has the members of RFC 9457, the code, and what to do next', () => {
    expect(problemOf('conflict', 'stored was other content', { stored_digest: 'd' })).toEqual({
      type: '/problems/conflict',
      title: 'Same id, other content',
      status: 409,
      detail: 'stored was other content',
      code: 'conflict',
      remedy: problems.conflict.remedy,
      stored_digest: 'd',
    });
  });

  it('keeps its own members whatever further ones are called', () => {
    expect(problemOf('not_json', 'no', { status: 200, code: 'fine' })).toMatchObject({
      status: 400,
      code: 'not_json',
    });
  });
});

it('tells a refusal from any other value', () => {
  expect(isRefusal(refuse('not_json', 'no'))).toBe(true);
  expect(isRefusal({ reason: 'not_json', detail: 'no' })).toBe(false);
});
