/**
 * The only way out to an address: node agents that check where they connect to.
 *
 * `request-filtering-agent` checks literals and every resolved address, and lets only unicast through. Three rules of
 * ours come on top: a target that names the networks it lives in lives nowhere else; IPv4 addresses inside `::/96`, which
 * the library takes for unicast, are refused; and once connected, before a byte is written, the peer's address must be
 * one that was checked, so that a name cannot move to another address in between.
 *
 * No connection is kept: one that the target closes while it idles would make the outcome of the next call unknown.
 * Proxy variables concern node's global agents, never these.
 */
import { lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction, Socket } from 'node:net';
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';

export interface Agents {
  readonly http: RequestFilteringHttpAgent;
  readonly https: RequestFilteringHttpsAgent;
}

export interface AgentOptions {
  /** The networks (CIDR) that the peer must be in. Without any: every public unicast address. */
  readonly networks?: readonly string[] | undefined;
  /** PEM of the only authorities whose certificates count; without: those that Node trusts. */
  readonly certificateAuthority?: string | undefined;
  readonly lookup?: LookupFunction | undefined;
}

/** Whether the text is a CIDR: an address, and how many of its bits count. */
export function isNetwork(text: string): boolean {
  const [address = '', bits = ''] = text.split('/');
  const bitsMax = isIP(address) === 6 ? 128 : 32;
  return isIP(address) !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax;
}

export function openAgents(options: AgentOptions): Agents {
  const { networks, certificateAuthority: ca } = options;
  const filter = { allowPrivateIPAddress: networks !== undefined, allowMetaIPAddress: false };
  const allows = networks === undefined ? isNotEmbedded() : isWithin(networks);
  const lookup = options.lookup ?? (systemLookup as LookupFunction);
  return {
    http: guard(new RequestFilteringHttpAgent(filter), allows, lookup),
    https: guard(
      new RequestFilteringHttpsAgent(ca === undefined ? filter : { ...filter, ca }),
      allows,
      lookup,
    ),
  };
}

type Allows = (address: string) => boolean;

function isNotEmbedded(): Allows {
  const embedded = new BlockList();
  embedded.addSubnet('::', 96, 'ipv6');
  return (address) => isIP(address) === 4 || !embedded.check(address, 'ipv6');
}

function isWithin(networks: readonly string[]): Allows {
  const named = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    named.addSubnet(address, Number(bits), familyOf(address));
  }
  return (address) => contains(named, address);
}

/** Replaces the agent's way of connecting by one that also applies our rules. */
function guard<A extends RequestFilteringHttpAgent | RequestFilteringHttpsAgent>(
  agent: A,
  allows: Allows,
  lookup: LookupFunction,
): A {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, listener) => {
    const checked = new BlockList();
    const host = options.host ?? '';
    if (isIP(host) !== 0) {
      if (!allows(host)) return refused(host, listener);
      checked.addAddress(host, familyOf(host));
    }
    const checkingLookup = checkWith(lookup, allows, checked);
    const socket = connect({ ...options, lookup: checkingLookup }, listener);
    if (socket instanceof Socket) refuseOtherPeers(socket, checked);
    return socket;
  };
  return agent;
}

/** Adds what a look-up finds to `checked`, or fails it when one address is not allowed. */
function checkWith(lookup: LookupFunction, allows: Allows, checked: BlockList): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, found, family) => {
      if (error !== null) return callback(error, found, family);
      const addresses = typeof found === 'string' ? [found] : found.map(({ address }) => address);
      const forbidden = addresses.find((address) => !allows(address));
      if (forbidden !== undefined) return callback(addressRefused(forbidden), found, family);
      for (const address of addresses) checked.addAddress(address, familyOf(address));
      return callback(null, found, family);
    });
  };
}

/** Ours is the first listener: the request, and the TLS handshake, are written by later ones. */
function refuseOtherPeers(socket: Socket, checked: BlockList): void {
  socket.prependOnceListener('connect', () => {
    const peer = socket.remoteAddress ?? '';
    if (!contains(checked, peer)) socket.destroy(addressRefused(peer));
  });
}

function refused(
  address: string,
  listener?: (error: Error | null, socket: Socket) => void,
): Socket {
  const socket = new Socket();
  const error = addressRefused(address);
  if (listener === undefined) socket.destroy(error);
  else listener(error, socket);
  return socket;
}

function addressRefused(address: string): Error {
  return new Error(`the address ${address} is not allowed for this target`);
}

function contains(list: BlockList, address: string): boolean {
  return isIP(address) !== 0 && list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
