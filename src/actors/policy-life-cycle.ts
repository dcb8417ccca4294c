/**
 * Commands on single steps in the life of policies and risk models: kept as drafts, approved, activated, deprecated, each
 * by its own person (domain/life-cycle.ts). Each is one transaction and may be given again.
 *
 * After the COMMIT every change of these policies and models is sent to the ledger, also earlier ones: what was sent the
 * first time may have been lost, and giving a command again sends it again.
 */
import {
  APPROVING_ROLE,
  type Change,
  changeOf,
  labelOf,
  type StandingVersion,
} from '../domain/activation.ts';
import { type ChangeId, modelIdOf, type PersonId, policyIdOf } from '../domain/ids.ts';
import { type Move, planDrafts, planMove, type Step } from '../domain/life-cycle.ts';
import { draftOf, type PolicyDefinition } from '../domain/policy.ts';
import { isRefusal, type Refusal, refuse } from '../domain/problem.ts';
import { modelDraftOf, type RiskModelDefinition } from '../domain/risk.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Database } from '../stores/database.ts';
import { openPolicyStore } from '../stores/policy.ts';
import { openRiskModelStore } from '../stores/risk-model.ts';

export interface VersionName {
  readonly name: string;
  readonly version: number;
}

interface Fact {
  readonly type: 'POLICY' | 'RISK_MODEL';
  readonly id: ChangeId;
}

export interface Applied {
  /** What was not stored before, `name@version`. */
  readonly policies: readonly string[];
  readonly riskModels: readonly string[];
}

export interface Moved {
  /** Every version that moved; empty when the wanted one was there already. */
  readonly steps: readonly { readonly label: string; readonly to: string }[];
}

export interface LifeCycleCommands {
  /**
   * Keeps the documents as drafts, all of them or none. With `dryRun` nothing is kept, and the answer says what would be.
   * Refusals: `not_compliance_officer`, `named_twice`, `version_taken`, `version_outdated`.
   */
  apply(
    documents: {
      readonly policies: readonly PolicyDefinition[];
      readonly riskModels: readonly RiskModelDefinition[];
    },
    author: PersonId,
    options?: { readonly dryRun?: boolean },
  ): Promise<Applied | Refused>;
  /** Refusals: those of `planMove`. */
  move(move: Move, version: VersionName, by: PersonId): Promise<Moved | Refusal>;
  /**
   * Brings a stored risk model into force in its context. Refusals: `not_compliance_officer`, `author_approves`,
   * `version_unknown`, `version_retired`.
   */
  activateRiskModel(version: VersionName, by: PersonId): Promise<Moved | Refusal>;
}

interface Foundation {
  /** Sessions of the policy and of the risk domain. */
  readonly policy: Database;
  readonly risk: Database;
  /** To the ledger's queue. */
  readonly send: (facts: readonly Fact[]) => Promise<void>;
}

export function lifeCycleCommands(foundation: Foundation): LifeCycleCommands {
  async function send<Answer extends object>(answer: WithFacts<Answer>): Promise<void> {
    if (answer.facts.length > 0) await foundation.send(answer.facts);
  }
  return {
    async apply(documents, author, options = {}) {
      const applied = await apply(foundation, documents, author, options);
      if ('refusals' in applied) return applied;
      await send(applied);
      return { policies: applied.policies, riskModels: applied.riskModels };
    },
    async move(move, version, by) {
      const moved = await moveVersion(foundation.policy, move, version, by);
      if (isRefusal(moved)) return moved;
      await send(moved);
      return { steps: moved.steps };
    },
    async activateRiskModel(version, by) {
      const moved = await activateRiskModel(foundation, version, by);
      if (isRefusal(moved)) return moved;
      await send(moved);
      return { steps: moved.steps };
    },
  };
}

interface Refused {
  readonly refusals: readonly Refusal[];
}
type WithFacts<Answer> = Answer & { readonly facts: readonly Fact[] };

async function apply(
  foundation: Foundation,
  documents: Parameters<LifeCycleCommands['apply']>[0],
  author: PersonId,
  { dryRun = false }: { readonly dryRun?: boolean },
): Promise<WithFacts<Applied> | Refused> {
  // The models first: when they are refused nothing has been kept, and when the policies are, the models only wait.
  const models = await applyModels(foundation, documents.riskModels, author, dryRun);
  if ('refusals' in models) return models;
  const policies = await applyPolicies(foundation.policy, documents.policies, author, dryRun);
  if ('refusals' in policies) return policies;
  return {
    policies: policies.kept,
    riskModels: models.kept,
    facts: [...models.facts, ...policies.facts],
  };
}

type Kept = WithFacts<{ readonly kept: readonly string[] }> | Refused;

function applyPolicies(
  database: Database,
  definitions: readonly PolicyDefinition[],
  author: PersonId,
  dryRun: boolean,
): Promise<Kept> {
  const drafts = definitions.map(draftOf);
  return database.transact(async (tx) => {
    const store = openPolicyStore(tx);
    const at = await store.lockActivation();
    const roles = (await store.rolesOf([author])).get(author) ?? [];
    const standing = await store.versionsOf(drafts.map(({ name }) => name));
    const add = planDrafts(drafts, standing, { person: author, roles });
    if ('refusals' in add) return add;
    if (!dryRun && add.length > 0) {
      await store.keepDrafts(add, author, at);
      await store.keepChanges(
        add.map(({ policyId: id, version, definitionSha256 }) =>
          changeOf({ id, version, definitionSha256 }, [null, 'draft'], author, at),
        ),
      );
    }
    const changes = await store.changesOf(drafts.map(({ policyId }) => policyId));
    return { kept: add.map(labelOf), facts: changes.map((id) => ({ type: 'POLICY', id })) };
  });
}

async function applyModels(
  foundation: Foundation,
  definitions: readonly RiskModelDefinition[],
  author: PersonId,
  dryRun: boolean,
): Promise<Kept> {
  const drafts = definitions.map(modelDraftOf);
  const roles = await rolesOf(foundation.policy, author);
  return foundation.risk.transact(async (tx) => {
    const store = openRiskModelStore(tx);
    const at = await store.lockActivation();
    const names = drafts.map(({ name }) => name);
    const standing = (await store.versionsOf(names, [])).filter(({ name }) => names.includes(name));
    const add = planDrafts(drafts, standing, { person: author, roles });
    if ('refusals' in add) return add;
    if (!dryRun && add.length > 0) {
      await store.keepDefined(add, author, at);
      await store.keepChanges(
        add.map(({ modelId: id, version, definitionSha256 }) =>
          changeOf({ id, version, definitionSha256 }, [null, 'defined'], author, at),
        ),
      );
    }
    const changes = await store.changesIn(drafts.map(({ place }) => place));
    return { kept: add.map(labelOf), facts: changes.map((id) => ({ type: 'RISK_MODEL', id })) };
  });
}

/** Who holds which role is told to the policy domain alone; the risk domain sees no people. */
function rolesOf(database: Database, person: PersonId): Promise<readonly string[]> {
  return database.transact(
    async (tx) => (await openPolicyStore(tx).rolesOf([person])).get(person) ?? [],
  );
}

function moveVersion(
  database: Database,
  move: Move,
  wanted: VersionName,
  by: PersonId,
): Promise<WithFacts<Moved> | Refusal> {
  return database.transact(async (tx) => {
    const store = openPolicyStore(tx);
    const at = await store.lockActivation();
    const roles = (await store.rolesOf([by])).get(by) ?? [];
    const standing = await store.versionsOf([wanted.name]);
    const steps = planMove(move, wanted, standing, { person: by, roles });
    if (isRefusal(steps)) return steps;
    for (const { version, to } of steps) {
      // At most two, in this order: one leaves its place before the other takes it.
      const one = [{ policyId: policyIdOf(version.name), version: version.version }];
      if (to === 'approved') await store.approve(one, by, at);
      else if (to === 'active') await store.activate(one, by, at);
      else await store.deprecate(one, at);
    }
    await store.keepChanges(steps.map((step) => changeOfStep(step, by, at)));
    const changes = await store.changesOf([policyIdOf(wanted.name)]);
    return {
      steps: steps.map(({ version, to }) => ({ label: labelOf(version), to })),
      facts: changes.map((id) => ({ type: 'POLICY', id })),
    };
  });
}

function changeOfStep({ version, to }: Step, by: PersonId, at: Timestamp): Change {
  const { name, definitionSha256, status, activations, deprecations } = version;
  const of = { id: policyIdOf(name), version: version.version, definitionSha256 };
  const before = to === 'active' ? activations : to === 'deprecated' ? deprecations : 0;
  return changeOf(of, [status, to], by, at, before + 1);
}

async function activateRiskModel(
  foundation: Foundation,
  wanted: VersionName,
  by: PersonId,
): Promise<WithFacts<Moved> | Refusal> {
  const roles = await rolesOf(foundation.policy, by);
  return foundation.risk.transact(async (tx) => {
    const store = openRiskModelStore(tx);
    const at = await store.lockActivation();
    const named = await store.versionsOf([wanted.name], []);
    const version = named.find((one) => labelOf(one) === labelOf(wanted));
    const refusal = refuseModel(wanted, version, by, roles);
    if (refusal !== undefined || version === undefined) return refusal!;
    const inForce = await store.versionsOf([], [version.place]);
    if (version.phase === 'waiting') {
      await store.supersede(inForce.map(modelVersionOf), at);
      await store.activate([modelVersionOf(version)], by, at);
      await store.keepChanges([
        ...inForce.map((one) => changeOf(modelOf(one), ['active', 'superseded'], by, at)),
        changeOf(modelOf(version), ['defined', 'active'], by, at),
      ]);
    }
    const changes = await store.changesIn([version.place]);
    const moved = version.phase === 'waiting';
    return {
      steps: moved
        ? [
            ...inForce.map((one) => ({ label: labelOf(one), to: 'superseded' })),
            { label: labelOf(version), to: 'active' },
          ]
        : [],
      facts: changes.map((id) => ({ type: 'RISK_MODEL', id })),
    };
  });
}

function refuseModel(
  wanted: VersionName,
  version: StandingVersion | undefined,
  by: PersonId,
  roles: readonly string[],
): Refusal | undefined {
  const label = labelOf(wanted);
  if (!roles.includes(APPROVING_ROLE)) {
    return refuse('not_compliance_officer', `${by} does not hold that role`);
  }
  if (version === undefined) return refuse('version_unknown', `${label} is not stored`);
  if (version.author === by) return refuse('author_approves', `${by} wrote ${label}`);
  return version.phase === 'retired'
    ? refuse('version_retired', `${label} was in force before`)
    : undefined;
}

const modelVersionOf = ({ name, version }: StandingVersion) => ({
  modelId: modelIdOf(name),
  version,
});
const modelOf = ({ name, version, definitionSha256 }: StandingVersion) => ({
  id: modelIdOf(name),
  version,
  definitionSha256,
});
