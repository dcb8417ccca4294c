import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../src/domain/log.ts';
import { openTargets, readTargets } from '../../src/targets/file.ts';

const tools = {
  readSecret: async (reference: string) => {
    if (reference === 'env:KEY') return `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
    throw new Error(`${reference} is not set`);
  },
  publish: async () => undefined,
  log: silentLog,
};

const VALID = `
targets:
  - name: access-control
    description: Restores protection
    webhook:
      url: https://control.example.org/hook
      idempotent: true
      keys: [env:KEY]
  - name: tickets
    queue: { queue: target-tickets, idempotent: false }
  - name: journal
    log: {}
`;

function faultsOf(text: string): string[] {
  const reading = readTargets('targets.yaml', text);
  if (!('faults' in reading)) return [];
  return reading.faults.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

async function openText(text: string) {
  const reading = readTargets('targets.yaml', text);
  if ('faults' in reading) throw new Error(faultsOf(text).join('\n'));
  return openTargets(reading.definition, tools);
}

describe('a targets file', () => {
  it('gives every target by name and kind', async () => {
    const targets = await openText(VALID);
    expect(targets.map(({ name, kind, idempotent }) => ({ name, kind, idempotent }))).toEqual([
      { name: 'access-control', kind: 'webhook', idempotent: true },
      { name: 'tickets', kind: 'queue', idempotent: false },
      { name: 'journal', kind: 'log', idempotent: true },
    ]);
  });

  it('may be JSON', async () => {
    expect(await openText('{"targets": [{"name": "journal", "log": {}}]}')).toHaveLength(1);
  });

  it.each([
    ['an unknown kind', 'targets:\n  - name: a\n    webhok: {}', '3:5', 'did you mean "webhook"?'],
    [
      'a misspelt setting',
      'targets:\n  - name: a\n    log:\n      with_comand: true',
      '4:7',
      'with_command',
    ],
    ['no kind', 'targets:\n  - name: a', '2:5', 'exactly one of webhook, queue, log'],
    [
      'two kinds',
      'targets:\n  - name: a\n    log: {}\n    queue: { queue: target-a, idempotent: true }',
      '2:5',
      'exactly one',
    ],
    [
      'a name twice',
      'targets:\n  - name: a\n    log: {}\n  - name: a\n    log: {}',
      '4:11',
      '"a" is taken',
    ],
    [
      'a queue of the pipeline',
      'targets:\n  - name: a\n    queue: { queue: ledger, idempotent: true }',
      '3:21',
      'starts with "target-"',
    ],
    [
      'no word on repeats',
      'targets:\n  - name: a\n    queue: { queue: target-a }',
      '3:12',
      '"idempotent" is missing',
    ],
    [
      'plain http',
      'targets:\n  - name: a\n    webhook:\n      url: http://a.example/\n      idempotent: true\n      keys: [env:KEY]',
      '4:12',
      'use https',
    ],
    [
      'a secret instead of a reference',
      'targets:\n  - name: a\n    webhook:\n      url: https://a.example/\n      idempotent: true\n      keys: [whsec_abc]',
      '6:14',
      'a reference to a secret',
    ],
    ['no YAML', 'targets: [', '1:11', 'end'],
  ])('with %s is refused by line and column', (_, text, place, words) => {
    const faults = faultsOf(text);
    expect(faults).toHaveLength(1);
    expect(faults[0]!.startsWith(`${place} `)).toBe(true);
    expect(faults[0]).toContain(words);
  });

  it('names the target whose key cannot be read, and the reference', async () => {
    await expect(openText(VALID.replace('env:KEY', 'env:OTHER'))).rejects.toThrow(
      'target access-control: env:OTHER is not set',
    );
  });

  it('is what the example shows', async () => {
    const example = await readFile('examples/targets.yaml', 'utf8');
    expect(faultsOf(example)).toEqual([]);
  });
});
