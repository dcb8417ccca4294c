/**
 * The address of a Redis as one text, whatever its shape:
 *
 *     redis://user:secret@host:6379/0     one server; rediss:// with TLS
 *     redis-cluster://a:6379,b:6379       Redis Cluster; any of its nodes
 *     redis-sentinel://a:26379,b:26379/m  the master that the sentinels know as `m`
 */

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

export type RedisAddress =
  | { readonly shape: 'single'; readonly url: string }
  | {
      readonly shape: 'cluster';
      readonly nodes: readonly HostAndPort[];
      readonly username?: string;
      readonly password?: string;
    }
  | {
      readonly shape: 'sentinel';
      readonly sentinels: readonly HostAndPort[];
      readonly master: string;
      readonly username?: string;
      readonly password?: string;
    };

const SEVERAL = /^redis-(cluster|sentinel):\/\/(?:([^:@/]*):([^@/]*)@)?([^/@]+)(?:\/(.+))?$/;
const DEFAULT_PORT = { cluster: 6379, sentinel: 26379 } as const;

/** @throws TypeError that says which forms are accepted; it never repeats the text, which may hold a password. */
export function parseRedisAddress(text: string): RedisAddress {
  if (/^rediss?:\/\//.test(text) && URL.canParse(text)) return { shape: 'single', url: text };
  const match = SEVERAL.exec(text);
  if (match === null) {
    throw new TypeError(
      'the Redis address is none of redis://, rediss://, redis-cluster://host:port,… or redis-sentinel://host:port,…/master',
    );
  }
  const [, shape, username, password, hosts, master] = match as unknown as [
    string,
    'cluster' | 'sentinel',
    string | undefined,
    string | undefined,
    string,
    string | undefined,
  ];
  const nodes = hosts.split(',').map((node) => hostAndPort(node, DEFAULT_PORT[shape]));
  const login = {
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
  };
  if (shape === 'cluster') return { shape, nodes, ...login };
  if (master === undefined) {
    throw new TypeError('a redis-sentinel:// address ends in the name of the master: …/mymaster');
  }
  return { shape, sentinels: nodes, master, ...login };
}

function hostAndPort(text: string, defaultPort: number): HostAndPort {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(text);
  if (match === null) throw new TypeError('a node of the Redis address is not host:port');
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port: Number(match[2] ?? defaultPort) };
}
