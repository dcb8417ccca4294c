/** What the system under test decides by: a risk model, policies and targets that lead to every kind of end. */
import type { PolicyDefinition } from '../../../src/domain/policy.ts';
import type { RiskModelDefinition } from '../../../src/domain/risk.ts';

export const EVENT_TYPES = {
  /** No policy concerns it. */
  quiet: 'com.example.chaos.quiet',
  /** One advisory, of the level that its weight gives. */
  act: 'com.example.chaos.act',
  /** Two advisories that contradict each other. */
  contested: 'com.example.chaos.contested',
} as const;

/** Keys by the execution id and acts once for each; and one that acts each time that it is asked. */
export const TARGETS = { idempotent: 'receiver', plain: 'receiver-plain' } as const;

/** An event without weight cannot be weighed: its risk is unknown. */
export const riskModel: RiskModelDefinition = {
  risk_model: 'chaos',
  version: 1,
  context: 'default',
  factors: [1, 2, 3].map((weight) => ({
    factor: `weight-${weight}`,
    title: `It weighs ${weight} or more`,
    points: 30,
    conditions: {
      all: [
        { fact: 'event', path: '$.data.weight', operator: 'greaterThanInclusive', value: weight },
      ],
    },
  })),
  thresholds: { MEDIUM: 30, HIGH: 60, CRITICAL: 90 },
};

const command = {
  event: '{{event.id}}',
  verdict: '{{event.data.verdict}}',
};

/** `version` counts the changes of policy during a run. */
export function policies(version: number): readonly PolicyDefinition[] {
  return [
    policy('chaos-act', version, [EVENT_TYPES.act, EVENT_TYPES.contested], 'restrict'),
    policy('chaos-counter', version, [EVENT_TYPES.contested], 'restore'),
    {
      ...policy('chaos-github', version, ['com.github.repository.publicized'], 'none'),
      conditions: {
        all: [
          { fact: 'event', path: '$.data.repository.private', operator: 'equal', value: false },
        ],
      },
      recommendations: [option('apply', TARGETS.idempotent, { repository: '{{event.subject}}' })],
    },
    {
      ...policy('chaos-unknown', version, ['*'], 'none'),
      applies_to: { event_types: ['*'], minimum_level: 'UNKNOWN' },
      conditions: { all: [{ fact: 'risk', path: '$.level', operator: 'equal', value: 'UNKNOWN' }] },
      recommendations: [option('apply', TARGETS.idempotent, { event: '{{event.id}}' })],
    },
  ];
}

/** Concerns nothing that anybody sends. */
export function idlePolicy(version: number): PolicyDefinition {
  return policy('chaos-idle', version, ['com.example.chaos.nothing'], 'none');
}

function policy(
  name: string,
  version: number,
  types: readonly string[],
  effect: 'restrict' | 'restore' | 'none',
): PolicyDefinition {
  const acting = { effect, resource: 'thing/{{event.subject}}' } as const;
  return {
    policy: name,
    version,
    title: `Title of ${name}`,
    description: `Made for chaos, version ${version}.`,
    regulatory_reference: 'SOC 2 CC7.4',
    priority_level: 2,
    applies_to: { event_types: types },
    conditions: { all: [{ fact: 'event', path: '$.data.act', operator: 'equal', value: true }] },
    recommendations: [
      { ...option('apply', TARGETS.idempotent, command), ...acting },
      { ...option('apply-plain', TARGETS.plain, command), ...acting },
    ],
  };
}

function option(name: string, target: string, filled: Record<string, string>) {
  return { option: name, title: `To ${name}`, target, command: filled };
}

/** The targets file: `secret` is a reference to the signing key. */
export function targetsFile(receiverUrl: string, secret: string): string {
  const webhook = (idempotent: boolean, path: string) =>
    `webhook: { url: "${receiverUrl}/${path}", idempotent: ${idempotent}, loopback: true, keys: ["${secret}"] }`;
  return `targets:
  - name: ${TARGETS.idempotent}
    ${webhook(true, TARGETS.idempotent)}
  - name: ${TARGETS.plain}
    ${webhook(false, TARGETS.plain)}
`;
}
