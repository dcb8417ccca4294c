import { expect, it } from 'vitest';
import { parseRedisAddress } from '../../src/queues/redis-address.ts';

it('reads one server, with and without TLS', () => {
  expect(parseRedisAddress('redis://127.0.0.1:6379/3')).toEqual({
    shape: 'single',
    url: 'redis://127.0.0.1:6379/3',
  });
  expect(parseRedisAddress('rediss://user:secret@redis.example').shape).toBe('single');
});

it('reads a cluster by any of its nodes', () => {
  expect(parseRedisAddress('redis-cluster://a:7000,b')).toEqual({
    shape: 'cluster',
    nodes: [
      { host: 'a', port: 7000 },
      { host: 'b', port: 6379 },
    ],
  });
});

it('reads sentinels, their master and a login', () => {
  expect(parseRedisAddress('redis-sentinel://u:p%40ss@s1:26379,[::1]:26380/main')).toEqual({
    shape: 'sentinel',
    sentinels: [
      { host: 's1', port: 26379 },
      { host: '::1', port: 26380 },
    ],
    master: 'main',
    username: 'u',
    password: 'p@ss',
  });
});

it('refuses other texts without repeating the password in them', () => {
  for (const text of [
    '',
    'http://h',
    'redis-sentinel://u:secret@s1',
    'redis-cluster://a:99999999',
  ]) {
    expect(() => parseRedisAddress(text)).toThrow(TypeError);
    expect(() => parseRedisAddress(text)).not.toThrow(/secret/);
  }
});
