/**
 * Policies: what an organisation has decided to watch. A policy version says which events it concerns, under which
 * conditions it fires, which control it serves, and what it recommends then. Versions never change once they are stored.
 */
import type { WantedVersion } from './activation.ts';
import { type PolicyAuthority, parsePolicyAuthority } from './authority.ts';
import { canonicalJson } from './canonical.ts';
import {
  checkConditions,
  type Conditions,
  type Finding,
  type Leaf,
  leavesOf,
} from './conditions.ts';
import { type Digest, sha256 } from './digest.ts';
import { type ConditionId, conditionIdOf, type PolicyId, policyIdOf } from './ids.ts';
import type { JsonObject } from './json.ts';
import { isAtLeast, type RiskLevel } from './risk-level.ts';
import { compileRule, type Rule } from './rules.ts';
import { checkTemplate } from './template.ts';
import { patternsOf } from './type-pattern.ts';

/** A policy version as its document says it. */
export interface PolicyDefinition {
  readonly policy: string;
  readonly version: number;
  readonly title: string;
  readonly description: string;
  /** The controls that it serves, such as `SOC 2 CC6.1; ISO 27001:2022 A.8.2`. */
  readonly regulatory_reference: string;
  /** 1 is shown first, 5 last. */
  readonly priority_level: number;
  readonly applies_to: AppliesTo;
  readonly conditions: Conditions;
  readonly recommendations: readonly Recommendation[];
  /** What it takes to decide beyond the authority table: as at a higher level, or seats of its own (authority.ts). */
  readonly required_authority?: PolicyAuthority;
  /** `third person`: activated by somebody who has not approved it. Without it, by anybody but its author. */
  readonly activation?: 'third person';
  /** A template whose text is added to the justification of every advisory. */
  readonly justification?: string;
}

export interface AppliesTo {
  /** Patterns of type-pattern.ts. */
  readonly event_types: readonly string[];
  /** Names of sources; without it, all. */
  readonly sources?: readonly string[];
  /** Asked only from this level on. UNKNOWN passes every minimum; as a minimum it leaves only events of unknown risk. */
  readonly minimum_level?: RiskLevel;
}

/** One way to respond; people choose among the options of an advisory, or reject it. */
export interface Recommendation {
  readonly option: string;
  readonly title: string;
  /** The target that carries the command out. */
  readonly target: string;
  /** A template (template.ts). */
  readonly command: JsonObject;
  /**
   * Whether it takes rights or reach away from `resource` (restrict) or gives them back (restore). Two policies that
   * recommend both for the same resource at the same target contradict each other. Without it, neither.
   */
  readonly effect?: 'restrict' | 'restore' | 'none';
  /** What `effect` acts on: a template, such as `repository/{{event.data.repository.full_name}}`. */
  readonly resource?: string;
}

export interface StoredPolicy {
  readonly policyId: PolicyId;
  readonly version: number;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly regulatoryReference: string;
  readonly priorityLevel: number;
  readonly definition: PolicyDefinition;
  readonly definitionSha256: string;
}

/** A version as the document brings it, ready to be stored. */
export interface PolicyDraft extends WantedVersion {
  readonly policyId: PolicyId;
  readonly definition: PolicyDefinition;
  /** The leaves of its conditions, kept one row each beside the definition, for search. */
  readonly conditions: readonly {
    readonly conditionId: ConditionId;
    readonly position: string;
    readonly leaf: Leaf;
  }[];
}

export function draftOf(definition: PolicyDefinition): PolicyDraft {
  const { policy: name, version } = definition;
  const policyId = policyIdOf(name);
  return {
    policyId,
    name,
    version,
    place: name,
    definition,
    definitionSha256: policyDigest(definition),
    conditions: leavesOf(definition.conditions).map(({ position, leaf }) => ({
      conditionId: conditionIdOf(policyId, version, position),
      position,
      leaf,
    })),
  };
}

/** A policy version, compiled. */
export interface Policy {
  readonly stored: StoredPolicy;
  /** `name@version`. */
  readonly label: string;
  readonly appliesTo: AppliesTo;
  /** Empty when the version cannot be used; it then answers unknown. */
  readonly recommendations: readonly Recommendation[];
  readonly justification: string | undefined;
  /** The rule of its conditions. */
  readonly rule: Rule;
}

export function policyDigest(definition: PolicyDefinition): Digest {
  return sha256(canonicalJson(definition));
}

/** What the schema of a document cannot say. */
export function checkPolicy(policy: PolicyDefinition): Finding[] {
  return [
    ...checkConditions(policy.conditions, ['event', 'risk']).map(({ at, problem }) => ({
      at: ['conditions', ...at],
      problem,
    })),
    ...policy.recommendations.flatMap((_, index) => checkRecommendation(policy, index)),
    ...checkTemplate(policy.justification ?? '', ['justification']),
    ...checkAuthority(policy),
  ];
}

function checkAuthority({ required_authority: asked }: PolicyDefinition): Finding[] {
  if (asked === undefined || parsePolicyAuthority(asked) !== undefined) return [];
  const problem =
    'write MEDIUM, HIGH or CRITICAL, or a mapping with seats (a list of lists of deciding roles) and roles (how many different ones)';
  return [{ at: ['required_authority'], problem }];
}

function checkRecommendation({ recommendations }: PolicyDefinition, index: number): Finding[] {
  const { option, command, effect = 'none', resource } = recommendations[index]!;
  const at = ['recommendations', index];
  const findings = [
    ...checkTemplate(command, [...at, 'command']),
    ...checkTemplate(resource ?? '', [...at, 'resource']),
  ];
  if (recommendations.findIndex((other) => other.option === option) < index) {
    const problem = `the option "${option}" is there already; give every option its own name`;
    findings.push({ at: [...at, 'option'], problem });
  }
  if (effect !== 'none' && resource === undefined) {
    findings.push({
      at,
      problem: `an option with effect "${effect}" needs the "resource" it acts on`,
    });
  }
  return findings;
}

/**
 * Compiles a stored version. One that is not what was approved, or cannot be compiled, is asked about every event and
 * answers unknown: left out it would read as "nothing to object".
 */
export function compilePolicy(stored: StoredPolicy): Policy {
  const label = `${stored.name}@${stored.version}`;
  try {
    const { definition } = stored;
    if (policyDigest(definition) !== stored.definitionSha256) {
      throw new Error('the definition does not have the digest under which it was approved');
    }
    const [finding] = checkPolicy(definition);
    if (finding) throw new Error(`${finding.at.join('.')}: ${finding.problem}`);
    const { applies_to: appliesTo, recommendations, justification } = definition;
    const rule = compileRule(definition.conditions);
    return {
      stored,
      label,
      appliesTo,
      recommendations,
      justification,
      rule,
    };
  } catch (error) {
    const fault = `${label} cannot be used: ${(error as Error).message}`;
    return {
      stored,
      label,
      appliesTo: { event_types: ['*'] },
      recommendations: [],
      justification: undefined,
      rule: {
        excludes: () => false,
        ask: async () => ({ result: 'unknown', evidence: [], fault }),
      },
    };
  }
}

/** The active policies, arranged so that an event is put to those alone that concern it. */
export interface PolicySet {
  readonly size: number;
  /** In the order in which people see them: by priority, then by name. */
  concerning(event: { source: string; type: string }, level: RiskLevel): readonly Policy[];
}

/** Leaves out only what `applies_to` leaves out; whether a policy fires is for its conditions alone to say. */
export function arrangePolicies(policies: readonly Policy[]): PolicySet {
  const ordered = policies.toSorted(
    ({ stored: one }, { stored: other }) =>
      one.priorityLevel - other.priorityLevel || (one.name < other.name ? -1 : 1),
  );
  const byPattern = new Map<string, number[]>();
  ordered.forEach(({ appliesTo }, rank) => {
    for (const pattern of new Set(appliesTo.event_types)) {
      byPattern.set(pattern, [...(byPattern.get(pattern) ?? []), rank]);
    }
  });
  return {
    size: ordered.length,
    concerning({ source, type }, level) {
      const ranks = new Set(patternsOf(type).flatMap((pattern) => byPattern.get(pattern) ?? []));
      return [...ranks]
        .toSorted((one, other) => one - other)
        .map((rank) => ordered[rank]!)
        .filter(({ appliesTo: { sources, minimum_level: minimum = 'LOW' } }) => {
          return (sources === undefined || sources.includes(source)) && isAtLeast(level, minimum);
        });
    },
  };
}
