/** What the commands on policies read and keep, within one transaction, under the role of the policy domain. */
import { sql } from 'kysely';
import { activationLocks, type Change, changeDigest } from '../domain/activation.ts';
import type { ChangeId, PersonId, PolicyId } from '../domain/ids.ts';
import type { LivingVersion } from '../domain/life-cycle.ts';
import type { PolicyDraft } from '../domain/policy.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export interface PolicyStore {
  /**
   * Waits until no evaluation is under way and keeps further ones waiting until the end of the transaction. Returns the
   * instant at which changes made under it take effect.
   */
  lockActivation(): Promise<Timestamp>;
  /** The roles that these people hold at this moment. */
  rolesOf(people: readonly PersonId[]): Promise<ReadonlyMap<PersonId, readonly string[]>>;
  /** Every stored version of these policies. */
  versionsOf(names: readonly string[]): Promise<readonly LivingVersion[]>;
  /** Keeps new versions as drafts, with their conditions. */
  keepDrafts(drafts: readonly PolicyDraft[], author: PersonId, at: Timestamp): Promise<void>;
  /** Drafts among these become approved. */
  approve(versions: readonly PolicyVersion[], approver: PersonId, at: Timestamp): Promise<void>;
  /** Active ones among these become deprecated. */
  deprecate(versions: readonly PolicyVersion[], at: Timestamp): Promise<void>;
  /** Approved ones among these become active, and deprecated ones become active again. */
  activate(versions: readonly PolicyVersion[], activator: PersonId, at: Timestamp): Promise<void>;
  /** Those that are kept already stay as they are. */
  keepChanges(changes: readonly Change[]): Promise<void>;
  /** Every change of every version of these policies: each is a fact for the ledger. */
  changesOf(policies: readonly PolicyId[]): Promise<readonly ChangeId[]>;
}

export interface PolicyVersion {
  readonly policyId: PolicyId;
  readonly version: number;
}

export function openPolicyStore(tx: Tx): PolicyStore {
  return {
    lockActivation: () => lockActivation(tx),
    rolesOf: (people) => rolesOf(tx, people),
    versionsOf: (names) => versionsOf(tx, names),
    keepDrafts: (drafts, author, at) => keepDrafts(tx, drafts, author, at),
    approve: (versions, approver, at) => approve(tx, versions, approver, at),
    deprecate: (versions, at) => deprecate(tx, versions, at),
    activate: (versions, activator, at) => activate(tx, versions, activator, at),
    keepChanges: (changes) => keepChanges(tx, changes),
    changesOf: (policies) => changesOf(tx, policies),
  };
}

async function lockActivation(tx: Tx): Promise<Timestamp> {
  await sql`select pg_advisory_xact_lock(hashtext(${activationLocks.policy}))`.execute(tx);
  // Not now(), which is when the transaction began: evaluations that the lock waited for came later than that.
  const { rows } = await sql<{ at: Timestamp }>`select clock_timestamp() as "at"`.execute(tx);
  return rows[0]!.at;
}

async function rolesOf(
  tx: Tx,
  people: readonly PersonId[],
): Promise<ReadonlyMap<PersonId, readonly string[]>> {
  const { rows } = await sql<{ personId: PersonId; roles: string[] }>`
    select person_id as "personId", array_agg(role::text order by role) as "roles"
    from identity.person_role_for_policy
    where person_id = any(${people}::uuid[])
    group by person_id`.execute(tx);
  return new Map(rows.map(({ personId, roles }) => [personId, roles]));
}

async function versionsOf(tx: Tx, names: readonly string[]): Promise<readonly LivingVersion[]> {
  const { rows } = await sql<LivingVersion>`
    select p.name, p.version, p.name as "place", p.definition_sha256 as "definitionSha256", p.author, p.status,
      case p.status when 'active' then 'in force' when 'deprecated' then 'retired' else 'waiting' end as "phase",
      coalesce(p.definition ->> 'activation' = 'third person', false) as "needsThirdPerson",
      array(select a.person_id::text from policy.policy_approval a
        where a.policy_id = p.policy_id and a.version = p.version) as "approvers",
      (select count(*)::integer from policy.policy_change c where c.policy_id = p.policy_id and c.version = p.version
        and c.to_status = 'active') as "activations",
      (select count(*)::integer from policy.policy_change c where c.policy_id = p.policy_id and c.version = p.version
        and c.to_status = 'deprecated') as "deprecations"
    from policy.policy p
    where p.name = any(${names}::text[])
    order by p.name, p.version`.execute(tx);
  return rows;
}

async function keepDrafts(
  tx: Tx,
  drafts: readonly PolicyDraft[],
  author: PersonId,
  at: Timestamp,
): Promise<void> {
  if (drafts.length === 0) return;
  await sql`
    insert into policy.policy (policy_id, version, status, name, title, description, regulatory_reference,
      priority_level, definition, definition_sha256, author, created_at, updated_at)
    select d.policy_id, d.version, 'draft', d.name, d.title, d.description, d.regulatory_reference,
      d.priority_level, d.definition::jsonb, d.definition_sha256, ${author}::uuid, ${at}::timestamptz, ${at}::timestamptz
    from unnest(
      ${drafts.map(({ policyId }) => policyId)}::uuid[],
      ${drafts.map(({ version }) => version)}::integer[],
      ${drafts.map(({ name }) => name)}::text[],
      ${drafts.map(({ definition }) => definition.title)}::text[],
      ${drafts.map(({ definition }) => definition.description)}::text[],
      ${drafts.map(({ definition }) => definition.regulatory_reference)}::text[],
      ${drafts.map(({ definition }) => definition.priority_level)}::integer[],
      ${drafts.map(({ definition }) => JSON.stringify(definition))}::text[],
      ${drafts.map(({ definitionSha256 }) => definitionSha256)}::text[]
    ) as d(policy_id, version, name, title, description, regulatory_reference, priority_level, definition, definition_sha256)
    order by 1, 2 on conflict do nothing`.execute(tx);
  const conditions = drafts.flatMap((draft) => draft.conditions);
  await sql`
    insert into policy.policy_condition (condition_id, policy_id, policy_version, position, condition_type,
      condition_expression, created_at)
    select c.*, ${at}::timestamptz
    from unnest(
      ${conditions.map(({ conditionId }) => conditionId)}::uuid[],
      ${drafts.flatMap(({ policyId, conditions: of }) => of.map(() => policyId))}::uuid[],
      ${drafts.flatMap(({ version, conditions: of }) => of.map(() => version))}::integer[],
      ${conditions.map(({ position }) => position)}::text[],
      ${conditions.map(({ leaf }) => leaf.operator)}::text[],
      ${conditions.map(({ leaf }) => JSON.stringify(leaf))}::text[]
    ) as c
    order by 1 on conflict do nothing`.execute(tx);
}

/** The set of versions that a statement is about, as a table expression. */
const among = (versions: readonly PolicyVersion[]) => sql`(policy_id, version) in (
  select * from unnest(
    ${versions.map(({ policyId }) => policyId)}::uuid[],
    ${versions.map(({ version }) => version)}::integer[]))`;

async function approve(
  tx: Tx,
  versions: readonly PolicyVersion[],
  approver: PersonId,
  at: Timestamp,
): Promise<void> {
  await sql`
    insert into policy.policy_approval (policy_id, version, person_id, approved_at)
    select policy_id, version, ${approver}::uuid, ${at}::timestamptz
    from policy.policy where status = 'draft' and ${among(versions)}
    order by 1, 2 on conflict do nothing`.execute(tx);
  await sql`
    update policy.policy set status = 'approved', updated_at = ${at}::timestamptz
    where status = 'draft' and ${among(versions)}`.execute(tx);
}

async function deprecate(tx: Tx, versions: readonly PolicyVersion[], at: Timestamp): Promise<void> {
  await sql`
    update policy.policy set status = 'deprecated', active_to = ${at}::timestamptz, updated_at = ${at}::timestamptz
    where status = 'active' and ${among(versions)}`.execute(tx);
}

async function activate(
  tx: Tx,
  versions: readonly PolicyVersion[],
  activator: PersonId,
  at: Timestamp,
): Promise<void> {
  await sql`
    update policy.policy set status = 'active', activator = ${activator}::uuid, active_from = ${at}::timestamptz,
      active_to = null, updated_at = ${at}::timestamptz
    where status in ('approved', 'deprecated') and ${among(versions)}`.execute(tx);
}

async function keepChanges(tx: Tx, changes: readonly Change[]): Promise<void> {
  await sql`
    insert into policy.policy_change (change_id, policy_id, version, from_status, to_status, definition_sha256, actor,
      changed_at, row_digest)
    select * from unnest(
      ${changes.map(({ changeId }) => changeId)}::uuid[],
      ${changes.map(({ of }) => of)}::uuid[],
      ${changes.map(({ version }) => version)}::integer[],
      ${changes.map(({ fromStatus }) => fromStatus)}::text[],
      ${changes.map(({ toStatus }) => toStatus)}::text[],
      ${changes.map(({ definitionSha256 }) => definitionSha256)}::text[],
      ${changes.map(({ actor }) => actor)}::uuid[],
      ${changes.map(({ changedAt }) => changedAt)}::timestamptz[],
      ${changes.map((change) => changeDigest('policy.policy_change', change))}::text[]
    )
    order by 1 on conflict do nothing`.execute(tx);
}

async function changesOf(tx: Tx, policies: readonly PolicyId[]): Promise<readonly ChangeId[]> {
  const { rows } = await sql<{ changeId: ChangeId }>`
    select change_id as "changeId" from policy.policy_change
    where policy_id = any(${policies}::uuid[])
    order by changed_at, change_id`.execute(tx);
  return rows.map(({ changeId }) => changeId);
}
