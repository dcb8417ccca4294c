/** Operators on addresses: whether one belongs to a network, IPv4 or IPv6 (RFC 4632, RFC 4291). */
import { BlockList, isIP } from 'node:net';
import type { JsonValue } from './json.ts';
import { isString, kindOf, type Operator, VALUES_MAX } from './operator.ts';

const familyOf = (address: string): 'ipv4' | 'ipv6' | undefined => {
  const version = isIP(address);
  return version === 0 ? undefined : version === 4 ? 'ipv4' : 'ipv6';
};

/** `10.0.0.0/8`; a single address is the network that has nothing else in it. */
function parseNetwork(
  text: string,
): { address: string; length: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [, address, digits] = /^([0-9a-fA-F.:]{2,45})(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = address === undefined ? undefined : familyOf(address);
  if (address === undefined || family === undefined) return undefined;
  const longest = family === 'ipv4' ? 32 : 128;
  const length = digits === undefined ? longest : Number(digits);
  return length <= longest ? { address, length, family } : undefined;
}

const isNetwork = (value: unknown): boolean => isString(value) && parseNetwork(value) !== undefined;

const listOf = (expected: JsonValue): readonly string[] =>
  (Array.isArray(expected) ? expected : [expected]) as readonly string[];

/** As in text-operators.ts: what is read out of a list lives as long as the list. */
const tables = new WeakMap<object, BlockList>();

function tableOf(expected: JsonValue): BlockList {
  const known = Array.isArray(expected) ? tables.get(expected) : undefined;
  if (known !== undefined) return known;
  const table = new BlockList();
  for (const text of listOf(expected)) {
    const { address, length, family } = parseNetwork(text)!;
    table.addSubnet(address, length, family);
  }
  if (Array.isArray(expected)) tables.set(expected, table);
  return table;
}

/** A text that is no address belongs to no network: cloud services write their own names in place of one. */
function isInside(actual: string, expected: JsonValue): boolean {
  // The zone of a link-local address (RFC 4007) names an interface of whoever wrote it.
  const address = actual.replace(/%.*$/, '');
  const family = familyOf(address);
  return family !== undefined && tableOf(expected).check(address, family);
}

const network = (holdsInside: boolean): Operator => ({
  expects: `a network such as 10.0.0.0/8 or 2001:db8::/32, or a list of 1 to ${VALUES_MAX} of them`,
  accepts: (expected) =>
    Array.isArray(expected)
      ? expected.length > 0 && expected.length <= VALUES_MAX && expected.every(isNetwork)
      : isNetwork(expected),
  mismatch: (actual) => (isString(actual) ? undefined : `is ${kindOf(actual)}, not a string`),
  holds: (actual, expected) => isInside(actual as string, expected) === holdsInside,
});

export const networkOperators = {
  inNetwork: network(true),
  notInNetwork: network(false),
} as const satisfies Record<string, Operator>;
