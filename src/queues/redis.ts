/** Connections to Redis, in any of its shapes, and what a Redis must be before it may carry queues. */
import { Cluster, Redis } from 'ioredis';
import type { RedisAddress } from './redis-address.ts';
import { UnfitQueueStore } from './unfit.ts';

const REDIS_VERSION_MIN = [6, 2] as const;

export interface RedisBehaviour {
  readonly maxRetriesPerRequest: number | null;
  readonly enableOfflineQueue?: boolean;
}

export function openRedis(address: RedisAddress, behaviour: RedisBehaviour): Redis | Cluster {
  const options = {
    ...behaviour,
    retryStrategy: (times: number) => Math.min(times * 100, 1_000),
    // After a failover the old master answers READONLY; the new one is found by connecting again.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  };
  if (address.shape === 'single') return new Redis(address.url, options);
  const { username, password } = address;
  const login = { ...(username ? { username } : {}), ...(password ? { password } : {}) };
  if (address.shape === 'sentinel') {
    return new Redis({
      ...options,
      ...login,
      sentinels: [...address.sentinels],
      name: address.master,
      role: 'master',
    });
  }
  return new Cluster([...address.nodes], { redisOptions: { ...options, ...login } });
}

/** Eviction deletes jobs and a store without AOF forgets them: both are refused at start, not found out later. */
export async function refuseUnfitRedis(redis: Redis | Cluster): Promise<void> {
  const info = await redis.info();
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const version = field('redis_version');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (
    major < REDIS_VERSION_MIN[0] ||
    (major === REDIS_VERSION_MIN[0] && minor < REDIS_VERSION_MIN[1])
  ) {
    throw new UnfitQueueStore(`Redis ${version} is too old: use 6.2 or newer, or Valkey.`);
  }
  const policy = field('maxmemory_policy');
  if (policy !== 'noeviction') {
    throw new UnfitQueueStore(
      `Redis evicts keys (maxmemory-policy ${policy}), which silently deletes jobs: set "maxmemory-policy noeviction".`,
    );
  }
  if (field('aof_enabled') !== '1') {
    throw new UnfitQueueStore(
      'Redis keeps no append-only file, so a restart loses acknowledged jobs: set "appendonly yes" and "appendfsync everysec" (or "always").',
    );
  }
}
