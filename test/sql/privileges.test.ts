/**
 * The whole matrix of roles and rights, as the server computes it, against a copy that people review. What the copy does
 * not list is denied. After an intended change: `npm test -- test/sql/privileges.test.ts -u`.
 */
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { privilegeMatrix } from '../support/privileges.ts';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
});
afterAll(() => database.close());

it('every role has the rights of the reviewed matrix, and no other', async () => {
  const matrix = await privilegeMatrix(client);
  expect(matrix).toContain('\nsentinelops_ledger\n');
  await expect(matrix).toMatchFileSnapshot('privileges.golden.txt');
});
