/**
 * The pictures in sql/README.md are those of the migrated database, whichever server version runs this. Stale? Look at the
 * change, then `npm test -- test/sql/pictures.test.ts -u`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SQL_DIRECTORY } from '../../src/stores/migration-files.ts';
import {
  PICTURES_END,
  PICTURES_START,
  placePictures,
  schemaPictures,
} from '../../src/stores/schema-pictures.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';

const README = join(SQL_DIRECTORY, 'README.md');

let database: TestDatabase;
let pictures: string;
beforeAll(async () => {
  database = await cloneDatabase();
  pictures = await schemaPictures(database.url);
});
afterAll(() => database.close());

it('sql/README.md shows the schema as it is', async () => {
  const readme = await readFile(README, 'utf8');
  await expect(placePictures(readme, pictures)).toMatchFileSnapshot(README);
});

it('pictures take the place of older ones, and of nothing else', () => {
  const readme = `before\n${PICTURES_START}\nold\n${PICTURES_END}\nafter\n`;
  const placed = placePictures(readme, 'new');
  expect(placed).toBe(`before\n${PICTURES_START}\n\nnew\n\n${PICTURES_END}\nafter\n`);
  expect(placePictures(placed, 'new')).toBe(placed);
  expect(() => placePictures('no marks', 'new')).toThrow(PICTURES_START);
});

describe('the Mermaid text', () => {
  const diagrams = () =>
    [...pictures.matchAll(/```mermaid\n(\w+.*)\n([\s\S]*?)\n```/g)].map(
      ([, kind, body]) => [kind, body!.split('\n').map((line) => line.trim())] as const,
    );
  const name = '[a-z][a-z0-9_]*';
  const grammar: Readonly<Record<string, RegExp>> = {
    erDiagram: new RegExp(
      [
        `${name}\\["${name}\\.${name}"\\] \\{`,
        '\\}',
        `[a-z]\\w*(\\(\\d+\\))?(\\[\\])? ${name}( (PK|FK|UK)(, (PK|FK|UK))*)?`,
        `${name} (\\|\\||\\|o)--(o\\||o\\{) ${name} : ${name}`,
      ]
        .map((line) => `^${line}$`)
        .join('|'),
    ),
    'flowchart TB': new RegExp(
      [
        `subgraph ${name}\\["[a-z_:, ]+"\\]`,
        'end',
        `${name}\\[\\("${name}"\\)\\]`,
        `${name}\\["[a-z0-9 -]+"\\]`,
        `${name} -->\\|\\d+ views\\| ${name}`,
      ]
        .map((line) => `^${line}$`)
        .join('|'),
    ),
    'flowchart LR': new RegExp(
      [`${name}\\["${name}"\\]`, `${name} (-->|-\\.->)\\|"${name}(<br/>${name})*"\\| ${name}`]
        .map((line) => `^${line}$`)
        .join('|'),
    ),
  };

  it('has the three diagrams, and no line that a renderer could trip over', () => {
    expect(diagrams().map(([kind]) => kind)).toEqual(Object.keys(grammar));
    const odd = diagrams().flatMap(([kind, lines]) =>
      lines.filter((line) => !grammar[kind!]!.test(line)),
    );
    expect(odd).toEqual([]);
  });

  it('stays below what GitHub renders: 50,000 characters and 500 arrows in a diagram', () => {
    for (const [, lines] of diagrams()) {
      expect(lines.join('\n').length).toBeLessThan(50_000);
      expect(lines.filter((line) => line.includes('--')).length).toBeLessThan(500);
    }
  });
});
