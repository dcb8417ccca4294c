/**
 * The policies and the risk model of the benchmark. However many policies are in force, at most twenty of them concern
 * any one event, as in an organisation that has hundreds of policies because it has many kinds of events; those twenty
 * are asked about every event of their kind.
 */
import type { PolicyDefinition } from '../../src/domain/policy.ts';
import { DEFAULT_CONTEXT, type RiskModelDefinition } from '../../src/domain/risk.ts';

const CONCERNED_MAX = 20;
/** The receiver of the benchmark; only the section that measures deliveries has one. */
export const TARGET = 'bench-receiver';

export interface PolicyPlan {
  /** The kinds of events; policy `n` concerns one of them. */
  readonly types: readonly string[];
  /** Each kind has at least so many policies, for the desks 0, 1, 2 … */
  readonly desks: number;
}

export function planPolicies(count: number): PolicyPlan {
  const kinds = Math.max(1, Math.round(count / CONCERNED_MAX));
  return {
    types: Array.from({ length: kinds }, (_, kind) => `com.example.payment.kind-${kind}`),
    desks: Math.floor(count / kinds),
  };
}

export function policiesOf(count: number): readonly PolicyDefinition[] {
  const { types } = planPolicies(count);
  return Array.from({ length: count }, (_, number) =>
    policy(number, types[number % types.length]!, Math.floor(number / types.length)),
  );
}

function policy(number: number, eventType: string, desk: number): PolicyDefinition {
  return {
    policy: `bench-${number}`,
    version: 1,
    title: `Unapproved payment at desk ${desk}`,
    description:
      'A payment of ten thousand or more left the desk before a second person approved it.',
    regulatory_reference: 'SOC 2 CC6.1; ISO 27001:2022 A.5.3',
    priority_level: 1 + (number % 5),
    applies_to: { event_types: [eventType] },
    conditions: {
      all: [
        { fact: 'event', path: '$.data.approved', operator: 'equal', value: false },
        { fact: 'event', path: '$.data.amount', operator: 'greaterThanInclusive', value: 10_000 },
        { fact: 'event', path: '$.data.desk', operator: 'equal', value: `desk-${desk}` },
        { fact: 'event', path: '$.data.customer.country', operator: 'notIn', value: ['XA', 'XB'] },
      ],
    },
    recommendations: [
      {
        option: 'hold-payment',
        title: 'Hold the payment until it is approved',
        target: TARGET,
        effect: 'restrict',
        resource: 'payment/{{event.id}}',
        command: { action: 'hold', payment: '{{event.id}}', account: '{{event.subject}}' },
      },
      {
        option: 'ask-desk',
        title: 'Ask the desk for the approval',
        target: TARGET,
        command: { action: 'ask', desk: '{{event.data.desk}}', payment: '{{event.id}}' },
      },
    ],
  };
}

/** Five factors. Every event of the benchmark comes out LOW, so that one person can decide. */
export const riskModel: RiskModelDefinition = {
  risk_model: 'bench',
  version: 1,
  context: DEFAULT_CONTEXT,
  factors: [
    {
      factor: 'high-amount',
      title: 'The amount is high',
      points: 15,
      conditions: {
        all: [
          { fact: 'event', path: '$.data.amount', operator: 'greaterThanInclusive', value: 10_000 },
        ],
      },
    },
    {
      factor: 'unapproved',
      title: 'Nobody has approved it',
      points: 15,
      conditions: {
        all: [{ fact: 'event', path: '$.data.approved', operator: 'equal', value: false }],
      },
    },
    {
      factor: 'new-customer',
      title: 'The customer is new',
      points: 5,
      conditions: {
        all: [
          { fact: 'event', path: '$.data.customer.since', operator: 'greaterThan', value: 2022 },
        ],
      },
    },
    {
      factor: 'abroad',
      title: 'The customer is abroad',
      points: 5,
      conditions: {
        not: {
          fact: 'event',
          path: '$.data.customer.country',
          operator: 'in',
          value: ['DE', 'FR'],
        },
      },
    },
    {
      factor: 'other-currency',
      title: 'It is not in euros',
      points: 5,
      conditions: {
        all: [{ fact: 'event', path: '$.data.currency', operator: 'notEqual', value: 'EUR' }],
      },
    },
  ],
  thresholds: { MEDIUM: 50, HIGH: 70, CRITICAL: 90 },
};
