/** Small policies and risk models for tests that need some, and the stored form of them. */
import type { Conditions } from '../../src/domain/conditions.ts';
import { policyIdOf, modelIdOf } from '../../src/domain/ids.ts';
import {
  compilePolicy,
  type Policy,
  type PolicyDefinition,
  policyDigest,
  type StoredPolicy,
} from '../../src/domain/policy.ts';
import {
  modelDigest,
  type RiskModelDefinition,
  type StoredRiskModel,
} from '../../src/domain/risk.ts';

export const leafOn = (path: string, value: string | number | boolean) =>
  ({ fact: 'event', path, operator: 'equal', value }) as const;

/** Fires on data with `bad: true`; data without `bad` leaves it unknown. */
export const onBad: Conditions = { all: [leafOn('$.data.bad', true)] };

export function policyOf(name: string, more: Partial<PolicyDefinition> = {}): PolicyDefinition {
  return {
    policy: name,
    version: 1,
    title: `Title of ${name}`,
    description: `What ${name} watches.`,
    regulatory_reference: 'SOC 2 CC6.1',
    priority_level: 3,
    applies_to: { event_types: ['com.example.*'] },
    conditions: onBad,
    recommendations: [
      {
        option: 'mend',
        title: 'Mend it',
        target: 'audit-log',
        command: { mend: '{{event.subject}}' },
      },
    ],
    ...more,
  };
}

export function storedPolicyOf(definition: PolicyDefinition): StoredPolicy {
  return {
    policyId: policyIdOf(definition.policy),
    version: definition.version,
    name: definition.policy,
    title: definition.title,
    description: definition.description,
    regulatoryReference: definition.regulatory_reference,
    priorityLevel: definition.priority_level,
    definition,
    definitionSha256: policyDigest(definition),
  };
}

export const compiled = (definition: PolicyDefinition): Policy =>
  compilePolicy(storedPolicyOf(definition));

/** 40 points for data with `bad: true`, 12.5 for every event below `com.example`. */
export function modelOf(more: Partial<RiskModelDefinition> = {}): RiskModelDefinition {
  return {
    risk_model: 'plain',
    version: 1,
    context: 'default',
    factors: [
      { factor: 'bad', title: 'Something is bad', points: 40, conditions: onBad },
      {
        factor: 'ours',
        title: 'It is one of ours',
        points: 12.5,
        event_types: ['com.example.*'],
        conditions: { not: leafOn('$.source', 'nobody') },
      },
    ],
    thresholds: { MEDIUM: 20, HIGH: 50, CRITICAL: 90 },
    ...more,
  };
}

export function storedModelOf(definition: RiskModelDefinition): StoredRiskModel {
  return {
    modelId: modelIdOf(definition.risk_model),
    version: definition.version,
    definition,
    definitionSha256: modelDigest(definition),
  };
}
