/**
 * From the text of a document to what it defines, or to everything that is wrong with it, with file, line and column:
 * first as YAML (yaml.ts), then against its schema, then by the rules that a schema cannot say.
 */
import { Ajv, type ErrorObject, type Schema, type ValidateFunction } from 'ajv';
import type { Finding } from '../domain/conditions.ts';
import { nearestTo } from '../domain/nearest.ts';
import { type DocumentFault, readYaml, type YamlDocument } from './yaml.ts';

export type Reading<Definition> =
  | { readonly definition: Definition }
  | { readonly faults: readonly DocumentFault[] };

/** A kind of document: what its text must satisfy to be a `Definition`. */
export interface DocumentKind<Definition> {
  read(file: string, text: string): Reading<Definition>;
  /** The same of a value that is no text, such as the body of a request. */
  check(
    value: unknown,
  ): { readonly definition: Definition } | { readonly findings: readonly Finding[] };
}

export function documentKind<Definition>(
  schema: Schema,
  check: (definition: Definition) => readonly Finding[],
): DocumentKind<Definition> {
  let compiled: ValidateFunction<Definition> | undefined;
  // At the first document: a worker that reads none should not wait for it at its start.
  const validator = () =>
    (compiled ??= new Ajv({ allErrors: true, verbose: true, strict: true }).compile(schema));
  return {
    read(file, text) {
      const yaml = readYaml(file, text);
      if ('faults' in yaml) return yaml;
      const { value } = yaml;
      const validate = validator();
      if (!validate(value)) {
        return { faults: inOrder((validate.errors ?? []).map((error) => faultOf(error, yaml))) };
      }
      const findings = check(value);
      if (findings.length === 0) return { definition: value };
      return { faults: inOrder(findings.map(({ at, problem }) => yaml.faultAt(at, problem))) };
    },
    check(value) {
      const validate = validator();
      if (!validate(value)) return { findings: (validate.errors ?? []).map(findingOf) };
      const findings = check(value);
      return findings.length === 0 ? { definition: value } : { findings };
    },
  };
}

const inOrder = (faults: readonly DocumentFault[]): readonly DocumentFault[] =>
  faults.toSorted((one, other) => one.line - other.line || one.column - other.column);

function faultOf(error: ErrorObject, yaml: YamlDocument): DocumentFault {
  const { at, problem } = findingOf(error);
  return yaml.faultAt(at, problem, error.keyword === 'additionalProperties' ? 'key' : 'value');
}

function findingOf(error: ErrorObject): Finding {
  const at = membersOf(error.instancePath);
  if (error.keyword === 'additionalProperties') {
    const key = String(error.params['additionalProperty']);
    return { at: [...at, key], problem: unknownKey(key, error) };
  }
  return { at, problem: sentenceOf(error, at) };
}

/** The members and indexes of a JSON Pointer. */
function membersOf(pointer: string): readonly (string | number)[] {
  return pointer
    .split('/')
    .slice(1)
    .map((member) => member.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((member) => (/^\d+$/.test(member) ? Number(member) : member));
}

function unknownKey(key: string, { parentSchema }: ErrorObject): string {
  const known = Object.keys((parentSchema?.['properties'] as object | undefined) ?? {});
  const nearest = nearestTo(key, known);
  const advice =
    nearest === undefined ? `known here are ${known.join(', ')}` : `did you mean "${nearest}"?`;
  return `unknown key "${key}"; ${advice}`;
}

/** The schema of a member describes in words what it takes; that says more than the rule that was broken. */
function sentenceOf(
  { keyword, params, message, parentSchema }: ErrorObject,
  at: readonly (string | number)[],
): string {
  if (keyword === 'required') return `"${String(params['missingProperty'])}" is missing; add it`;
  const last = at.at(-1);
  const name = typeof last === 'number' ? 'this entry' : `"${last}"`;
  const description: unknown = parentSchema?.['description'];
  return `${last === undefined ? 'the document' : name} ${
    typeof description === 'string' ? `must be ${description}` : (message ?? 'is not allowed here')
  }`;
}
