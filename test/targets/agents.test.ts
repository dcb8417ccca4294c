import type { LookupFunction } from 'node:net';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AgentOptions, isNetwork, openAgents } from '../../src/targets/agents.ts';
import { openReceiver, type Receiver } from '../support/receiver.ts';

let receiver: Receiver;
beforeAll(async () => {
  receiver = await openReceiver();
});
afterAll(() => receiver.close());

/** `reached`, or the message of the error that kept the request from leaving. */
function reach(host: string, options: AgentOptions): Promise<string> {
  const { http: agent } = openAgents(options);
  return new Promise((resolve) => {
    request({ agent, method: 'POST', hostname: host, port: receiver.port })
      .on('response', (response) => {
        response.resume();
        resolve('reached');
      })
      .on('error', (error) => resolve(error.message))
      .end('{}');
  });
}

/** A resolver that always finds these addresses. */
const finding =
  (...addresses: readonly { address: string; family: number }[]): LookupFunction =>
  (_, { all }, callback) => {
    if (all) callback(null, [...addresses]);
    else callback(null, addresses[0]!.address, addresses[0]!.family);
  };

describe('an agent without networks', () => {
  // Hosts as `URL` prints them: it has folded decimal, octal and hexadecimal spellings before.
  it.each([
    '127.0.0.1',
    'localhost',
    '0.0.0.0',
    '10.0.0.1',
    '169.254.169.254',
    '192.168.1.1',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::7f00:1',
    '64:ff9b::7f00:1',
    'fd00::1',
    'fe80::1',
  ])('does not connect to %s', async (host) => {
    const before = receiver.received.length;
    expect(await reach(host, {})).toMatch('not allowed');
    expect(receiver.received).toHaveLength(before);
  });

  it.each([
    ['loopback', { address: '127.0.0.1', family: 4 }],
    ['loopback by AAAA', { address: '::1', family: 6 }],
    ['an IPv4 address in ::/96', { address: '::7f00:1', family: 6 }],
    ['a private network', { address: '10.1.2.3', family: 4 }],
  ])('does not connect to a name that leads to %s', async (_, address) => {
    expect(await reach('innocent.example', { lookup: finding(address) })).toMatch('not allowed');
  });

  it('does not connect when one of several addresses is forbidden', async () => {
    const lookup = finding(
      { address: '93.184.216.34', family: 4 },
      { address: '127.0.0.1', family: 4 },
    );
    expect(await reach('innocent.example', { lookup })).toMatch('not allowed');
  });

  it('says that a name does not exist', async () => {
    const lookup: LookupFunction = (_, __, callback) => callback(new Error('ENOTFOUND'), '', 4);
    expect(await reach('nowhere.example', { lookup })).toMatch('ENOTFOUND');
  });
});

describe('an agent with networks', () => {
  it('connects within them', async () => {
    expect(await reach('127.0.0.1', { networks: ['127.0.0.0/8'] })).toBe('reached');
    const lookup = finding({ address: '127.0.0.1', family: 4 });
    expect(await reach('internal.example', { networks: ['127.0.0.0/8'], lookup })).toBe('reached');
  });

  it('connects nowhere else, not even to a public address', async () => {
    const networks = ['10.0.0.0/8'];
    expect(await reach('127.0.0.1', { networks })).toMatch('not allowed');
    expect(await reach('93.184.216.34', { networks })).toMatch('not allowed');
    const lookup = finding({ address: '127.0.0.1', family: 4 });
    expect(await reach('internal.example', { networks, lookup })).toMatch('not allowed');
  });

  it('sends nothing to a peer other than the one that was checked', async () => {
    // As when a name is bound anew between check and connection: the checks see one address, the socket another.
    let reads = 0;
    const shifting = {
      family: 4,
      get address() {
        reads += 1;
        return reads <= 2 ? '127.0.0.2' : '127.0.0.1';
      },
    };
    const before = receiver.received.length;
    const options = { networks: ['127.0.0.0/8'], lookup: finding(shifting) };
    expect(await reach('rebound.example', options)).toMatch('127.0.0.1 is not allowed');
    expect(reads).toBeGreaterThan(2);
    expect(receiver.received).toHaveLength(before);
  });
});

describe('a network', () => {
  it.each(['10.0.0.0/8', '127.0.0.1/32', '::1/128', 'fd00::/8', '0.0.0.0/0'])('may be %s', (text) =>
    expect(isNetwork(text)).toBe(true),
  );
  it.each(['10.0.0.0', '10.0.0.0/33', '10.0.0/8', 'example.org/8', '::1/129', '10.0.0.0/-1', ''])(
    'may not be "%s"',
    (text) => expect(isNetwork(text)).toBe(false),
  );
});
