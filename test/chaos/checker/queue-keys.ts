/** Where BullMQ keeps the jobs of a queue in Redis, as far as the checker reads them. It asks no code of ours. */
import type { Redis } from 'ioredis';

export const queues = [
  'ingest',
  'risk',
  'advisory',
  'awaiting-decision',
  'ledger',
  'execution',
] as const;

const lists = ['wait', 'active', 'paused'] as const;
const sets = ['delayed', 'prioritized', 'failed', 'completed', 'waiting-children'] as const;

const keyOf = (queue: string, part: string): string => `{${queue}}:${queue}:${part}`;

/** The ids of the jobs of a queue in each state that has any; at most `max` of each. */
export async function jobIds(
  redis: Redis,
  queue: string,
  max: number,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const answers = await Promise.all([
    ...lists.map((state) => redis.lrange(keyOf(queue, state), 0, max - 1)),
    ...sets.map((state) => redis.zrange(keyOf(queue, state), 0, `${max - 1}`)),
  ]);
  const states = [...lists, ...sets].map((state, index) => [state, answers[index]!] as const);
  return new Map(states.filter(([, ids]) => ids.length > 0));
}

export interface StoredJob {
  readonly id: string;
  readonly content: unknown;
  readonly claims: number;
}

/** What stands behind an id; undefined when the job has left meanwhile. */
export async function storedJob(
  redis: Redis,
  queue: string,
  id: string,
): Promise<StoredJob | undefined> {
  const [text, claims] = await redis.hmget(keyOf(queue, id), 'data', 'ats');
  if (text === null || text === undefined) return undefined;
  return { id, content: parsed(text), claims: Number(claims ?? 0) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
