import { expect, it } from 'vitest';
import { networkOperators } from '../../src/domain/network-operators.ts';

const { inNetwork, notInNetwork } = networkOperators;

it.each([
  ['10.1.2.3', '10.0.0.0/8', true],
  ['11.1.2.3', '10.0.0.0/8', false],
  ['192.168.7.7', ['10.0.0.0/8', '192.168.0.0/16'], true],
  ['192.168.7.7', '192.168.7.7', true],
  ['0.0.0.0', '0.0.0.0/0', true],
  ['2001:db8::1', '2001:db8::/32', true],
  ['2001:DB8:0:0::1', '2001:db8::/64', true],
  ['2001:db9::1', '2001:db8::/32', false],
  ['::ffff:10.1.2.3', '10.0.0.0/8', true],
  ['fe80::1%eth0', 'fe80::/10', true],
  ['ec2.amazonaws.com', '0.0.0.0/0', false],
  ['10.1.2', '10.0.0.0/8', false],
  ['012.1.2.3', '10.0.0.0/8', false],
])('%j in %j: %s', (address, network, inside) => {
  expect(inNetwork.mismatch(address, network)).toBeUndefined();
  expect(inNetwork.holds(address, network)).toBe(inside);
  expect(notInNetwork.holds(address, network)).toBe(!inside);
});

it('takes networks, and nothing that only looks like one', () => {
  const refused = ['10.0.0.0/33', '10.0.0/8', '::/129', '10.0.0.0/8/8', 'localhost', '', [], [7]];
  for (const value of refused) expect(inNetwork.accepts(value)).toBe(false);
  for (const value of ['10.0.0.0/8', '::1', ['::/0', '127.0.0.1']]) {
    expect(inNetwork.accepts(value)).toBe(true);
  }
});

it('compares texts only', () => {
  expect(inNetwork.mismatch(7, '10.0.0.0/8')).toEqual(expect.any(String));
});
