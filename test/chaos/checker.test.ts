/**
 * The checker is believed because of this: after one clean run of everything, each planted violation is found, by its
 * name, and nothing is blamed that the plant does not break; and of the clean run it says nothing.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { urlOf } from '../support/postgres.ts';
import { type OwnRedis, startRedis } from '../support/redis.ts';
import { invariants } from './checker/check.ts';
import { type Report, runChecks } from './checker/checker.ts';
import { type Evidence, readEvidence } from './checker/evidence.ts';
import { openWorld } from './checker/world.ts';
import { miniRun } from './mini-run.ts';
import { acceptancePlants, knownLoss } from './plants/acceptance.ts';
import { copyDatabase, disarmedCopy, dropDatabase, plantIn } from './plants/bed.ts';
import { conductPlants } from './plants/conduct.ts';
import { decisionPlants } from './plants/decisions.ts';
import { enginePlants } from './plants/engines.ts';
import { executionPlants } from './plants/executions.ts';
import { failSafePlants } from './plants/fail-safe.ts';
import { ledgerPlants } from './plants/ledger.ts';
import type { Bed, Plants } from './plants/plant.ts';
import { progressPlants } from './plants/progress.ts';

const plants: Plants = {
  ...acceptancePlants,
  ...progressPlants,
  ...enginePlants,
  ...decisionPlants,
  ...executionPlants,
  ...ledgerPlants,
  ...failSafePlants,
  ...conductPlants,
};
const planted = Object.entries(plants).flatMap(([invariant, of]) =>
  of.map((plant) => ({ invariant, ...plant })),
);
/** Databases of a Redis of our own: one for the queues of the run, one for those of the plants. */
const RUN_REDIS = 0;
const PLANTS_REDIS = 1;
const DISARMED = `chaos_disarmed_${process.pid}`;
const COPY = `chaos_plant_${process.pid}`;

let database: TestDatabase;
let folder: string;
let evidence: Evidence;
let server: OwnRedis;
let redis: Redis;

const redisUrl = (number: number) => `${server.url}/${number}`;
const databaseUrl = (name: string) => urlOf(inject('postgres').adminUrl, name);

beforeAll(async () => {
  database = await cloneDatabase();
  server = await startRedis();
  redis = new Redis(redisUrl(PLANTS_REDIS));
  folder = await mkdtemp(join(tmpdir(), 'sentinelops-chaos-'));
  await miniRun({
    path: folder,
    databaseUrl: database.url,
    redisUrl: redisUrl(RUN_REDIS),
    seed: 7,
  });
  evidence = await readEvidence(folder);
  await disarmedCopy(new URL(database.url).pathname.slice(1), DISARMED);
}, 400_000);

afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await dropDatabase(COPY);
  await dropDatabase(DISARMED);
  await database.close();
  await rm(folder, { recursive: true });
});

async function reportOn(url: string, redisNumber: number, of: Evidence): Promise<Report> {
  const world = await openWorld({
    databaseUrl: url,
    redisUrl: redisUrl(redisNumber),
    evidence: of,
  });
  try {
    return await runChecks(world);
  } finally {
    await world.close();
  }
}

/** What the checker says of a copy in which `make` has planted something. */
async function reportOnPlant(make: (bed: Bed) => Promise<void> | void): Promise<Report> {
  await dropDatabase(COPY);
  await copyDatabase(DISARMED, COPY);
  await redis.flushdb();
  const own = await plantIn({ url: databaseUrl(COPY), redis, evidence, directory: folder }, make);
  return reportOn(databaseUrl(COPY), PLANTS_REDIS, own);
}

const names = ({ violations }: Report) => violations.map(({ name }) => name).toSorted();

describe('of a clean run', () => {
  it('nothing is reported, and everything was looked at', async () => {
    const report = await reportOn(database.url, RUN_REDIS, evidence);
    expect(report.violations).toEqual([]);
    expect(report.notChecked).toEqual([]);
    expect(report.checked).toBe(invariants.length);
  });

  it('nothing is reported of a copy without guards either', async () => {
    expect((await reportOnPlant(() => undefined)).violations).toEqual([]);
  });

  it('a loss that a fault explains and the source has noticed is none', async () => {
    expect((await reportOnPlant(knownLoss)).violations).toEqual([]);
  });
});

it('at least two violations of every invariant are planted', () => {
  expect(invariants.filter((name) => (plants[name]?.length ?? 0) < 2)).toEqual([]);
  expect(planted.length).toBeGreaterThanOrEqual(78);
});

describe('a planted violation is found and named, and nothing else is blamed', () => {
  it.each(planted)('$invariant: $what', async ({ invariant, breaks, make }) => {
    expect(breaks).toContain(invariant);
    expect(names(await reportOnPlant(make))).toEqual([...breaks].toSorted());
  });
});
