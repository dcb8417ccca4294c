/**
 * The three pictures of the schema as Mermaid in Markdown: what there is, who keeps it, and who refers to whom. Drawn from
 * the catalogs of a migrated database, in an order that depends on nothing else, so that a change of the SQL shows up
 * as a change of the pictures in review.
 */
import { openMigratorDatabase } from './database.ts';
import {
  type Column,
  type ForeignKey,
  type Publication,
  readSchemaCatalog,
  type SchemaCatalog,
  type Table,
} from './schema-catalog.ts';

/** Where in `sql/README.md` the pictures stand. */
export const PICTURES_START = '<!-- pictures: generated, do not edit below this line -->';
export const PICTURES_END = '<!-- pictures: end -->';

/** The Markdown between the two marks, for the database of `url`, whose login needs no right but to connect. */
export async function schemaPictures(url: string): Promise<string> {
  const db = openMigratorDatabase(url);
  try {
    return picturesOf(await readSchemaCatalog(db));
  } finally {
    await db.destroy();
  }
}

/** `readme` with `pictures` between its marks. Throws when it does not have both. */
export function placePictures(readme: string, pictures: string): string {
  const start = readme.indexOf(PICTURES_START);
  const end = readme.indexOf(PICTURES_END);
  if (start < 0 || end < start) {
    throw new Error(
      `The README needs the lines ${PICTURES_START} and ${PICTURES_END}, in that order.`,
    );
  }
  return `${readme.slice(0, start + PICTURES_START.length)}\n\n${pictures}\n\n${readme.slice(end)}`;
}

export function picturesOf(catalog: SchemaCatalog): string {
  return [
    '## Logical schema',
    'Each table with its columns. `PK` is part of the primary key, `FK` of a foreign key, `UK` is unique by itself.',
    mermaid(logicalSchema(catalog)),
    '## Domain storage map',
    'Each schema is the storage of one domain: no table is shared. The query layer on top owns no table.',
    mermaid(storageMap(catalog)),
    table(['table', 'purpose', 'what may change in a row'], catalog.tables.map(purposeOf)),
    '## Reference flow',
    'A solid arrow is a foreign key into another schema, from the row that refers to the row referred to. A dotted arrow is ' +
      'a view that a domain publishes, from its owner to the role that may read it. A reference gives no right to read.',
    mermaid(referenceFlow(catalog)),
    table(['refers', 'to', 'foreign key'], crossing(catalog.foreignKeys).map(referenceOf)),
    table(
      ['reader', 'may read', 'owner'],
      catalog.publications.map(({ reader, schema, name, owner }) => [
        code(reader),
        code(`${schema}.${name}`),
        code(owner),
      ]),
    ),
  ].join('\n\n');
}

function logicalSchema({ tables, foreignKeys }: SchemaCatalog): string[] {
  return [
    'erDiagram',
    ...tables.flatMap((entity) => [
      `  ${idOf(entity)}["${entity.schema}.${entity.name}"] {`,
      ...entity.columns.map((column) => `    ${attributeOf(column)}`),
      '  }',
    ]),
    ...foreignKeys.map(
      (key) =>
        `  ${idOf({ schema: key.parentSchema, name: key.parentTable })} ${cardinalityOf(key)} ` +
        `${idOf({ schema: key.schema, name: key.table })} : ${key.name}`,
    ),
  ];
}

function attributeOf({ name, type, primary, foreign, unique }: Column): string {
  const marks = [primary && 'PK', foreign && 'FK', unique && 'UK'].filter(Boolean).join(', ');
  return `${shortType(type)} ${name} ${marks}`.trimEnd();
}

/** A type in one word, as Mermaid wants it: without blanks and commas. */
function shortType(type: string): string {
  return type
    .replace('character varying', 'varchar')
    .replace('timestamp with time zone', 'timestamptz')
    .replace(/\(\d+,\d+\)$/, '');
}

function cardinalityOf({ optional, unique }: ForeignKey): string {
  return `${optional ? '|o' : '||'}--${unique ? 'o|' : 'o{'}`;
}

const QUERY_LAYER = 'audit';

function storageMap({ schemas, tables, publications }: SchemaCatalog): string[] {
  const storages = schemas.filter(({ name }) => name !== QUERY_LAYER);
  const layer = schemas.filter(({ name }) => name === QUERY_LAYER);
  return [
    'flowchart TB',
    ...storages.flatMap(({ name, owner }) => [
      `  subgraph ${name}["${name}: owned by ${owner}"]`,
      ...tables
        .filter(({ schema }) => schema === name)
        .map((kept) => `    ${idOf(kept)}[("${kept.name}")]`),
      '  end',
    ]),
    ...layer.flatMap(({ name, owner, views }) => [
      `  subgraph ${name}["${name}: query layer, owned by ${owner}"]`,
      `    ${name}_views["${views.length} read-only views"]`,
      '  end',
    ]),
    ...storages.map(({ name }) => {
      const published = publications.filter(
        ({ schema, reader }) => schema === name && reader === `sentinelops_${QUERY_LAYER}_owner`,
      );
      return `  ${name} -->|${published.length} views| ${QUERY_LAYER}`;
    }),
  ];
}

function purposeOf({ schema, name, comment, moving }: Table): string[] {
  const change = moving === null ? 'working state: anything' : moving.map(code).join(', ');
  return [code(`${schema}.${name}`), comment, change === '' ? 'nothing' : change];
}

function referenceFlow({ schemas, foreignKeys, publications }: SchemaCatalog): string[] {
  const references = crossing(foreignKeys).map(
    (key) => [`${key.schema} -->`, key.parentSchema, key.name] as const,
  );
  const reads = publications.map(
    ({ schema, name, reader }) => [`${schema} -.->`, domainOf(reader), name] as const,
  );
  return [
    'flowchart LR',
    ...schemas.map(({ name }) => `  ${name}["${name}"]`),
    ...arrows(references),
    ...arrows(reads),
  ];
}

/** One arrow for all that goes the same way, with its names below each other. */
function arrows(steps: readonly (readonly [from: string, to: string, name: string])[]): string[] {
  const named = new Map<string, Set<string>>();
  for (const [from, to, name] of steps) {
    const way = `${from} ${to}`;
    named.set(way, (named.get(way) ?? new Set()).add(name));
  }
  return [...named].map(([way, names]) => {
    const [from, arrow, to] = way.split(' ');
    return `  ${from} ${arrow}|"${[...names].join('<br/>')}"| ${to}`;
  });
}

function referenceOf(key: ForeignKey): string[] {
  return [
    code(`${key.schema}.${key.table} (${key.columns.join(', ')})`),
    code(`${key.parentSchema}.${key.parentTable} (${key.parentColumns.join(', ')})`),
    code(key.name),
  ];
}

function crossing(foreignKeys: readonly ForeignKey[]): ForeignKey[] {
  return foreignKeys.filter(({ schema, parentSchema }) => schema !== parentSchema);
}

/** `sentinelops_audit_owner` reads for the domain `audit`. */
function domainOf(role: string): Publication['schema'] {
  return role.replace(/^sentinelops_/, '').replace(/_owner$/, '');
}

function idOf({ schema, name }: Pick<Table, 'schema' | 'name'>): string {
  return `${schema}_${name}`;
}

function mermaid(lines: readonly string[]): string {
  return ['```mermaid', ...lines, '```'].join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}
