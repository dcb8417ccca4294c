/** Once per run, before all tests: one PostgreSQL with the migrated template, one Redis. Both end with the run. */
import type { TestProject } from 'vitest/node';
import { startTestPostgres, type TestPostgres } from './support/postgres.ts';
import { startTestRedis, type TestRedis } from './support/redis.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: TestPostgres;
    redis: TestRedis;
  }
}

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const redis = await startTestRedis();
  const postgres = await startTestPostgres().catch(async (error: unknown) => {
    await redis.stop();
    throw error;
  });
  project.provide('postgres', postgres.told);
  project.provide('redis', { url: redis.url });
  return async () => {
    await Promise.all([postgres.stop(), redis.stop()]);
  };
}
