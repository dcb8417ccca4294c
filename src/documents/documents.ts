/** Policies and risk models as people keep them: files, folders of files, or a folder with `policies` and `risk-models`. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RiskModelDefinition } from '../domain/risk.ts';
import { type PolicyDocument, testedPolicyDocument } from './policy-document.ts';
import { riskModelDocument } from './risk-model-document.ts';
import type { DocumentFault } from './yaml.ts';

export interface Documents {
  readonly policies: readonly (PolicyDocument & { readonly file: string })[];
  readonly riskModels: readonly {
    readonly file: string;
    readonly definition: RiskModelDefinition;
  }[];
}

const FOLDERS = ['risk-models', 'policies'];
/** A document says in one of its keys what it is; which comes first is left to whoever writes it. */
const RISK_MODEL = /^risk_model:/m;

/** All documents, or every fault of all of them. @throws what the file system says of a path that is not there. */
export async function readDocuments(
  paths: readonly string[],
): Promise<Documents | { readonly faults: readonly DocumentFault[] }> {
  const files = (await Promise.all(paths.map(filesAt))).flat();
  const texts = await Promise.all(
    files.map(async (file) => ({ file, text: await readFile(file, 'utf8') })),
  );
  const faults: DocumentFault[] = [];
  const policies: Documents['policies'][number][] = [];
  const riskModels: Documents['riskModels'][number][] = [];
  for (const { file, text } of texts) {
    if (RISK_MODEL.test(text)) {
      const reading = riskModelDocument.read(file, text);
      if ('faults' in reading) faults.push(...reading.faults);
      else riskModels.push({ file, definition: reading.definition });
    } else {
      const reading = testedPolicyDocument.read(file, text);
      if ('faults' in reading) faults.push(...reading.faults);
      else policies.push({ file, ...reading.definition });
    }
  }
  return faults.length > 0 ? { faults } : { policies, riskModels };
}

async function filesAt(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { withFileTypes: true });
  const below = entries
    .filter((entry) => entry.isDirectory() && FOLDERS.includes(entry.name))
    .map(({ name }) => join(path, name));
  // The settings beside the two folders, such as targets.yaml, are no documents of this kind.
  if (below.length > 0) return (await Promise.all(below.toSorted().map(filesAt))).flat();
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'))
    .map(({ name }) => join(path, name))
    .toSorted();
}
