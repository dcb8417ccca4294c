import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Ajv } from 'ajv';
import { stringify } from 'yaml';
import { readDocuments } from '../../src/documents/documents.ts';
import { policySchema } from '../../src/documents/policy-document.ts';
import { modelOf, policyOf } from '../support/documents.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sentinelops-test-documents-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(name: string, content: unknown): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, typeof content === 'string' ? content : stringify(content));
  return file;
}

it('reads files, folders of files, and a folder of both folders', async () => {
  await mkdir(join(folder, 'policies'));
  await mkdir(join(folder, 'risk-models'));
  await write('targets.yaml', 'targets: []');
  const policy = await write('policies/a.yaml', policyOf('a'));
  const model = await write('risk-models/m.yaml', modelOf());
  const both = await readDocuments([folder]);
  expect(both).toMatchObject({
    policies: [{ file: policy, definition: { policy: 'a' }, cases: [] }],
    riskModels: [{ file: model, definition: { risk_model: 'plain' } }],
  });
  expect(await readDocuments([policy, model])).toEqual(both);
  expect(await readDocuments([join(folder, 'policies')])).toMatchObject({ riskModels: [] });
});

it('keeps cases apart from the version', async () => {
  const one = { case: 'fires', event: { type: 'com.example.x', data: {} }, expect: 'unknown' };
  const file = await write('a.yaml', { ...policyOf('a'), cases: [one] });
  expect(await readDocuments([file])).toMatchObject({
    policies: [{ definition: policyOf('a'), cases: [one] }],
  });
});

it('names every fault of every document', async () => {
  const one = await write('a.yaml', 'policy: A');
  const cases = [{ case: 'x', event: { type: 'a' }, expect: 'yes' }];
  const other = await write('b.yaml', { ...policyOf('b'), cases });
  const reading = await readDocuments([one, other]);
  if (!('faults' in reading)) throw new Error('faults were expected');
  expect(new Set(reading.faults.map(({ file }) => file))).toEqual(new Set([one, other]));
  expect(reading.faults.map(({ message }) => message).join('\n')).toContain(
    '"expect" must be one of matched, not matched, unknown, not asked',
  );
});

it('throws for a path that is not there', async () => {
  await expect(readDocuments([join(folder, 'nowhere')])).rejects.toThrow('ENOENT');
});

it('the schema for editors is one', () => {
  expect(() => new Ajv({ strict: true }).compile(policySchema)).not.toThrow();
});
