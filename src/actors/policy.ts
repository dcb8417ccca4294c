/**
 * Commands on policies and risk models: documents become versions, are approved, and come into force. `policy` has no
 * queue; whoever gives the command sends the facts that come back to the ledger.
 *
 * Each command is one transaction and may be given again: it then finds what it wanted in force and changes nothing.
 */
import {
  type ActivationPlan,
  type Change,
  changeOf,
  planActivation,
  type Responsible,
  type StandingVersion,
} from '../domain/activation.ts';
import type { LivingVersion } from '../domain/life-cycle.ts';
import { type ChangeId, modelIdOf, policyIdOf } from '../domain/ids.ts';
import { draftOf, type PolicyDefinition, type PolicyDraft } from '../domain/policy.ts';
import { type Refusal, refuse } from '../domain/problem.ts';
import { modelDraftOf, type RiskModelDefinition, type RiskModelDraft } from '../domain/risk.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Database } from '../stores/database.ts';
import { openPolicyStore } from '../stores/policy.ts';
import { openRiskModelStore } from '../stores/risk-model.ts';
import type { Failpoint, PointOf } from './failpoint.ts';

export interface Loaded<Type extends 'POLICY' | 'RISK_MODEL'> {
  /** Versions that came into force by this command, `name@version`. */
  readonly activated: readonly string[];
  /**
   * Facts for the ledger: every change of status of these policies, or of the models of these contexts, also earlier ones,
   * since what was handed on the first time may have been lost.
   */
  readonly facts: readonly { readonly type: Type; readonly id: ChangeId }[];
}

export type Loading<Type extends 'POLICY' | 'RISK_MODEL'> =
  | Loaded<Type>
  | { readonly refusals: readonly Refusal[] };

/**
 * Both commands bring all of the documents into force, in the place of their earlier versions, or none. Refusals:
 * `not_compliance_officer`, `author_approves`, `named_twice`, `version_taken`, `version_retired`, `version_outdated`.
 */
export interface PolicyCommands {
  loadPolicies(
    definitions: readonly PolicyDefinition[],
    people: Responsible,
  ): Promise<Loading<'POLICY'>>;
  loadRiskModels(
    definitions: readonly RiskModelDefinition[],
    people: Responsible,
  ): Promise<Loading<'RISK_MODEL'>>;
}

/** Sessions of the policy and of the risk domain. */
export function policyCommands(
  databases: { policy: Database; risk: Database },
  failpoint?: Failpoint<PointOf<'policy'>>,
): PolicyCommands {
  return {
    async loadPolicies(definitions, people) {
      const loading = await loadPolicies(databases.policy, definitions, people, failpoint);
      await failpoint?.('activated');
      return loading;
    },
    async loadRiskModels(definitions, people) {
      const loading = await loadRiskModels(databases, definitions, people, failpoint);
      await failpoint?.('activated');
      return loading;
    },
  };
}

function loadPolicies(
  database: Database,
  definitions: readonly PolicyDefinition[],
  people: Responsible,
  failpoint: Failpoint<'activate_before_commit'> | undefined,
): Promise<Loading<'POLICY'>> {
  const drafts = definitions.map(draftOf);
  return database.transact(async (tx) => {
    const store = openPolicyStore(tx);
    const at = await store.lockActivation();
    const roles = await store.rolesOf([people.author, people.approver]);
    const standing = await store.versionsOf(drafts.map(({ name }) => name));
    const plan = planActivation(drafts, standing, people, roles);
    if ('refusals' in plan) return plan;
    const refusals = plan.activate
      .filter(({ definition }) => definition.activation === 'third person')
      .map(({ name }) =>
        refuse('approver_activates', `${name} would be activated by its approver`),
      );
    if (refusals.length > 0) return { refusals };
    if (plan.activate.length > 0) {
      await store.keepDrafts(plan.add, people.author, at);
      await store.approve(plan.activate, people.approver, at);
      await store.deprecate(plan.retire.map(policyVersionOf), at);
      await store.activate(plan.activate, people.approver, at);
      await store.keepChanges(policyChanges(plan, people, at));
    }
    await failpoint?.('activate_before_commit');
    const changes = await store.changesOf(drafts.map(({ policyId }) => policyId));
    return loaded('POLICY', plan, changes);
  });
}

async function loadRiskModels(
  databases: { policy: Database; risk: Database },
  definitions: readonly RiskModelDefinition[],
  people: Responsible,
  failpoint: Failpoint<'activate_before_commit'> | undefined,
): Promise<Loading<'RISK_MODEL'>> {
  const drafts = definitions.map(modelDraftOf);
  // Who holds which role is told to the policy domain alone; the risk domain sees no people.
  const roles = await databases.policy.transact((tx) =>
    openPolicyStore(tx).rolesOf([people.author, people.approver]),
  );
  return databases.risk.transact(async (tx) => {
    const store = openRiskModelStore(tx);
    const at = await store.lockActivation();
    const standing = await store.versionsOf(
      drafts.map(({ name }) => name),
      drafts.map(({ place }) => place),
    );
    const plan = planActivation(drafts, standing, people, roles);
    if ('refusals' in plan) return plan;
    if (plan.activate.length > 0) {
      await store.keepDefined(plan.add, people.author, at);
      await store.supersede(plan.retire.map(modelVersionOf), at);
      await store.activate(plan.activate, people.approver, at);
      await store.keepChanges(modelChanges(plan, people, at));
    }
    await failpoint?.('activate_before_commit');
    const changes = await store.changesIn(drafts.map(({ place }) => place));
    return loaded('RISK_MODEL', plan, changes);
  });
}

const policyVersionOf = ({ name, version }: StandingVersion) => ({
  policyId: policyIdOf(name),
  version,
});
const modelVersionOf = ({ name, version }: StandingVersion) => ({
  modelId: modelIdOf(name),
  version,
});

function policyChanges(
  { activate, retire }: ActivationPlan<PolicyDraft, LivingVersion>,
  { author, approver }: Responsible,
  at: Timestamp,
): readonly Change[] {
  return [
    ...activate.flatMap(({ policyId: id, version, definitionSha256 }) => {
      const of = { id, version, definitionSha256 };
      return [
        // What stands already, from when it was kept or approved by itself, stays as it was said then.
        changeOf(of, [null, 'draft'], author, at),
        changeOf(of, ['draft', 'approved'], approver, at),
        changeOf(of, ['approved', 'active'], approver, at),
      ];
    }),
    ...retire.map(({ name, version, definitionSha256, deprecations }) => {
      const of = { id: policyIdOf(name), version, definitionSha256 };
      return changeOf(of, ['active', 'deprecated'], approver, at, deprecations + 1);
    }),
  ];
}

function modelChanges(
  { activate, retire }: ActivationPlan<RiskModelDraft>,
  { author, approver }: Responsible,
  at: Timestamp,
): readonly Change[] {
  return [
    ...activate.flatMap(({ modelId: id, version, definitionSha256 }) => {
      const of = { id, version, definitionSha256 };
      return [
        changeOf(of, [null, 'defined'], author, at),
        changeOf(of, ['defined', 'active'], approver, at),
      ];
    }),
    ...retire.map(({ name, version, definitionSha256 }) => {
      const of = { id: modelIdOf(name), version, definitionSha256 };
      return changeOf(of, ['active', 'superseded'], approver, at);
    }),
  ];
}

function loaded<Type extends 'POLICY' | 'RISK_MODEL'>(
  type: Type,
  { activate }: ActivationPlan<PolicyDraft | RiskModelDraft>,
  changes: readonly ChangeId[],
): Loaded<Type> {
  return {
    activated: activate.map(({ name, version }) => `${name}@${version}`),
    facts: changes.map((id) => ({ type, id })),
  };
}
