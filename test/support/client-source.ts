/**
 * The source of src/client/api.ts, from the description of the API: the types of every operation and where it is. Kept
 * beside the tests because nothing runs it but the test that says whether that file is stale.
 */

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly {
    readonly in: string;
    readonly name: string;
    readonly required?: boolean;
    readonly schema: Schema;
  }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

export interface ApiDescription {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** TypeScript, laid out as the project's formatter would not: the file is excluded from it. */
export function clientSource({ paths }: ApiDescription): string {
  const all = Object.entries(paths)
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    )
    .filter(({ operation }) => isOfJson(operation));
  const types = all.map(({ operation }) => operationType(operation)).join('\n');
  const places = all
    .map(
      ({ path, method, operation }) =>
        `  ${operation.operationId}: { method: '${method.toUpperCase()}', path: '${path}' },`,
    )
    .join('\n');
  return `/** Made from /openapi.json by test/client/api.test.ts: npm test -- test/client -u. Not to be edited. */

export interface Operations {
${types}
}

/** Where each operation is. */
export const places = {
${places}
} as const;
`;
}

function operationType(operation: Operation): string {
  const members = [
    ['path', parametersType(operation, 'path')],
    ['query', parametersType(operation, 'query')],
    ['body', contentType(operation.requestBody)],
    ['answer', answerType(operation)],
  ].map(([name, type]) => `    readonly ${name}: ${type};`);
  return `  /** ${operation.summary} */
  readonly ${operation.operationId}: {
${members.join('\n')}
  };`;
}

function parametersType({ parameters = [] }: Operation, place: string): string {
  const here = parameters.filter((parameter) => parameter.in === place);
  if (here.length === 0) return 'undefined';
  return objectType(
    Object.fromEntries(here.map(({ name, schema }) => [name, schema])),
    here.filter(({ required }) => required).map(({ name }) => name),
  );
}

/** Messages of sources are signed over their bytes, and archives are no JSON: both go by other means. */
function isOfJson({ requestBody, responses }: Operation): boolean {
  if (!Object.keys(responses).some((status) => status.startsWith('2'))) return false;
  return Object.keys(requestBody?.content ?? {}).every((type) => type === 'application/json');
}

function contentType(from: Content | undefined): string {
  const schema = from?.content?.['application/json']?.schema;
  return schema === undefined ? 'undefined' : typeOf(schema);
}

/** What a success is answered with; problems are not part of it. */
function answerType({ responses }: Operation): string {
  const types = Object.entries(responses)
    .filter(([status]) => status.startsWith('2'))
    .flatMap(([, { content = {} }]) => Object.values(content).map(({ schema }) => typeOf(schema)));
  return types.length === 0 ? 'undefined' : [...new Set(types)].join(' | ');
}

function typeOf(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => literal(value)).join(' | ');
  if (schema.const !== undefined) return literal(schema.const);
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' | ');
  switch (schema.type) {
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type;
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return `readonly (${typeOf(schema.items ?? {})})[]`;
    case 'object':
      return typeof schema.additionalProperties === 'object'
        ? `Readonly<Record<string, ${typeOf(schema.additionalProperties)}>>`
        : objectType(schema.properties ?? {}, schema.required ?? []);
    default:
      return 'unknown';
  }
}

function objectType(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[],
): string {
  const members = Object.entries(properties).map(
    ([name, schema]) => `readonly ${name}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}`,
  );
  return `{ ${members.join('; ')} }`;
}

const literal = (value: unknown) =>
  typeof value === 'string' ? `'${value.replaceAll("'", "\\'")}'` : String(value);
