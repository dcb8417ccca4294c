/**
 * The targets file: every target by name, with its kind and that kind's settings, in YAML or JSON.
 *
 *     targets:
 *       - name: access-control
 *         description: Restores branch protection and access
 *         webhook: { url: https://…, idempotent: true, keys: [env:ACCESS_CONTROL_KEY] }
 */
import { type Reading, documentKind } from '../documents/document.ts';
import { checkName, name, text } from '../documents/shapes.ts';
import type { Finding } from '../domain/conditions.ts';
import { targetKinds } from './kinds.ts';
import type { Target, TargetKind, TargetTools } from './target.ts';

/** One target as the file defines it: the settings stand under the name of its kind. */
interface Entry {
  readonly name: string;
  readonly description?: string;
  readonly [kind: string]: unknown;
}

export interface TargetsFile {
  readonly targets: readonly Entry[];
}

const TARGETS_MAX = 100;
const kindNames = targetKinds.map((kind) => kind.name).join(', ');

const targetsDocument = documentKind<TargetsFile>(
  {
    type: 'object',
    description: 'a mapping that starts with "targets:"',
    additionalProperties: false,
    required: ['targets'],
    properties: {
      targets: {
        type: 'array',
        maxItems: TARGETS_MAX,
        description: `a list of at most ${TARGETS_MAX} targets`,
        items: {
          type: 'object',
          description: `a mapping with name and one of ${kindNames}`,
          additionalProperties: false,
          required: ['name'],
          properties: {
            name,
            description: text(500),
            ...Object.fromEntries(targetKinds.map((kind) => [kind.name, kind.shape])),
          },
        },
      },
    },
  },
  checkTargets,
);

/** Reads a targets file: what it defines, or everything that is wrong with it, with line and column. */
export function readTargets(file: string, content: string): Reading<TargetsFile> {
  return targetsDocument.read(file, content);
}

/**
 * Opens every target of a file that has been read.
 * @throws Error that names the target whose keys or certificates cannot be used, for the operator.
 */
export function openTargets({ targets }: TargetsFile, tools: TargetTools): Promise<Target[]> {
  return Promise.all(
    targets.map(async (entry) => {
      const kind = kindsOf(entry)[0]!;
      try {
        return await kind.open(entry.name, entry[kind.name] as never, tools);
      } catch (error) {
        throw new Error(`target ${entry.name}: ${(error as Error).message}`, { cause: error });
      }
    }),
  );
}

function checkTargets({ targets }: TargetsFile): Finding[] {
  return targets.flatMap((entry, index) => {
    const at = ['targets', index];
    const findings: Finding[] = [...checkName(entry, targets, at)];
    const kinds = kindsOf(entry);
    if (kinds.length !== 1) {
      findings.push({ at, problem: `"${entry.name}" needs exactly one of ${kindNames}` });
    }
    for (const kind of kinds) {
      for (const finding of kind.check(entry[kind.name] as never)) {
        findings.push({ ...finding, at: [...at, kind.name, ...finding.at] });
      }
    }
    return findings;
  });
}

function kindsOf(entry: Entry): TargetKind<never>[] {
  return targetKinds.filter((kind) => Object.hasOwn(entry, kind.name));
}
