/** A server that would lose what it has acknowledged: no process works on it, whichever role it works under. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type JourneyGround, openGround } from '../journeys/foundation.ts';
import { queueStores } from '../support/queue-stores.ts';
import { sentinelops } from './command.ts';

const TEST_MS_MAX = 120_000;

let ground: JourneyGround;
beforeAll(async () => {
  ground = await openGround(queueStores.find(({ name }) => name === 'postgres')!);
});
afterAll(() => ground.close());

it(
  'is refused at the start, with what to set',
  async () => {
    const client = await ground.database.superuser();
    const { rows } = await client.query<{ name: string }>('select current_database() as name');
    const name = rows[0]!.name;
    await client.query(`alter database ${name} set synchronous_commit = off`);
    for (const args of [['work', 'risk'], ['work', 'reconciler'], ['admin']]) {
      const { code, stderr } = await sentinelops(args, ground.environment);
      expect({ args, code }).toEqual({ args, code: 69 });
      expect(stderr).toMatch(/PostgreSQL, as (risk|audit|event) sees it, cannot be used: /);
      expect(stderr).toContain('synchronous_commit is off');
      // The queues may be lost, so for them it is only said.
      expect(stderr).toContain('"msg":"the queues may lose jobs');
    }
  },
  TEST_MS_MAX,
);
