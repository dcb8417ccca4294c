/**
 * The events of the benchmark: payments as a business system would report them, signed as sources sign. Everything about
 * an event follows from its index, so who sends and who counts need not tell each other anything.
 */
import { createHmac } from 'node:crypto';
import type { Message } from '../../src/queues/messages.ts';
import { type PolicyPlan, planPolicies } from './policies.ts';

export interface EventLoad {
  /** What the ids of its events begin with: two series never share an event. */
  readonly series: string;
  /** Length of an event's data, as JSON. */
  readonly payloadBytes: number;
  /** How many policies are in force. */
  readonly policies: number;
  /** One event in so many is matched, by exactly one policy; the others by none. */
  readonly matchOneIn: number;
}

export const USUAL_LOAD: EventLoad = {
  series: 'payment',
  payloadBytes: 1_024,
  policies: 20,
  matchOneIn: 10,
};

export const SOURCE = 'bench';
export const SOURCE_SECRET = Buffer.alloc(32, 'bench');

const COUNTRIES = ['DE', 'FR', 'NL', 'PL', 'ES', 'IT', 'SE', 'DK'];

/** Of `count` events from index 0 on, those that a policy matches. */
export function matchesAmong(count: number, { matchOneIn }: EventLoad): number {
  return Math.ceil(count / matchOneIn);
}

export const externalIdOf = (index: number, { series }: EventLoad): string => `${series}-${index}`;

/** One event as a message on the queue `ingest`, in the form that sources use. */
export function messageOf(index: number, load: EventLoad, seconds: number): Message<'ingest'> {
  const id = externalIdOf(index, load);
  const body = eventText(index, load);
  const signature = createHmac('sha256', SOURCE_SECRET).update(`${id}.${seconds}.${body}`);
  return {
    headers: {
      'content-type': 'application/cloudevents+json',
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': `v1,${signature.digest('base64')}`,
    },
    body,
  };
}

/** A CloudEvent in structured mode. */
function eventText(index: number, load: EventLoad): string {
  const plan = planPolicies(load.policies);
  return JSON.stringify({
    specversion: '1.0',
    source: SOURCE,
    id: externalIdOf(index, load),
    type: typeOf(index, load, plan),
    subject: `account/${index % 5_000}`,
    time: new Date(1_760_000_000_000 + index * 20).toISOString(),
    data: dataOf(index, load, plan),
  });
}

/** Neighbours share a type; over a run each type has its turn. */
function typeOf(index: number, { matchOneIn }: EventLoad, { types }: PolicyPlan): string {
  return types[Math.floor(index / matchOneIn) % types.length]!;
}

/**
 * What the conditions of the policies look at. An event that is not matched comes near: its desk is always one that a
 * policy watches, and every other time the amount is high enough and only the approval is in the way.
 */
function dataOf(index: number, load: EventLoad, { types, desks }: PolicyPlan): object {
  const isMatch = index % load.matchOneIn === 0;
  const turn = Math.floor(index / load.matchOneIn / types.length);
  const isHigh = isMatch || index % 2 === 0;
  const data = {
    amount: isHigh ? 10_000 + (index % 90_000) : index % 9_999,
    currency: 'EUR',
    approved: !isMatch && isHigh,
    desk: `desk-${(isMatch ? turn : index) % desks}`,
    customer: {
      number: index % 5_000,
      country: COUNTRIES[index % COUNTRIES.length],
      since: 2000 + (index % 25),
    },
  };
  return {
    ...data,
    positions: positionsFor(index, load.payloadBytes - JSON.stringify(data).length),
  };
}

const POSITION_BYTES = JSON.stringify(positionOf(0)).length + 1;

/** Fills the rest of the payload with what such an event would hold: many small members, not one long text. */
function positionsFor(index: number, bytes: number): readonly object[] {
  const count = Math.max(0, Math.floor((bytes - '"positions":[],'.length) / POSITION_BYTES));
  return Array.from({ length: count }, (_, position) => positionOf(index + position));
}

function positionOf(number: number): object {
  const digits = String(number % 1_000_000).padStart(6, '0');
  return { article: `A-${digits}`, quantity: 1 + (number % 9), price: `${digits}.00`, taxed: true };
}
