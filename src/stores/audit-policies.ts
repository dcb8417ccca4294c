/** Policies as a reference: what is in force, what was, and who changed it when. */
import { sql } from 'kysely';
import type { PolicyStatus } from '../domain/life-cycle.ts';
import type { PolicyDefinition } from '../domain/policy.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export interface ListedPolicy {
  readonly name: string;
  readonly title: string;
  /** The version in force; where there is none, the newest. */
  readonly version: number;
  readonly status: PolicyStatus;
  readonly priorityLevel: number;
  readonly regulatoryReference: string;
  /** Reviews that are open under any of its versions. */
  readonly openReviews: number;
}

export interface PolicyVersion {
  readonly name: string;
  readonly title: string;
  readonly version: number;
  readonly status: PolicyStatus;
  readonly author: string;
  /** Names, in the order in which they approved. */
  readonly approvers: readonly string[];
  /** Who brought it into force the last time. */
  readonly activator: string | null;
  readonly createdAt: Timestamp;
  readonly activeFrom: Timestamp | null;
  readonly activeTo: Timestamp | null;
  readonly definitionSha256: string;
  readonly definition: PolicyDefinition;
}

export interface PolicyChange {
  readonly version: number;
  readonly toStatus: PolicyStatus;
  readonly personName: string;
  readonly changedAt: Timestamp;
}

/** The most important first. */
export async function listPolicies(tx: Tx): Promise<readonly ListedPolicy[]> {
  const { rows } = await sql<ListedPolicy>`
    select shown.name, shown.title, shown.version, shown.status, shown.priority_level as "priorityLevel",
      shown.regulatory_reference as "regulatoryReference", coalesce(o.open, 0)::integer as "openReviews"
    from (
      select distinct on (p.policy_id) p.policy_id, p.name, p.title, p.version, p.status, p.priority_level, p.regulatory_reference
      from audit.policy p order by p.policy_id, (p.status = 'active') desc, p.version desc
    ) shown
    left join (
      select r.policy_id, count(*) as open from audit.review r where r.resolved_at is null group by r.policy_id
    ) o on o.policy_id = shown.policy_id
    order by shown.priority_level, shown.name`.execute(tx);
  return rows;
}

const versions = sql<PolicyVersion>`
  select p.name, p.title, p.version, p.status, a.name as author,
    array(select ap.name::text from audit.policy_approval pa join audit.person ap on ap.person_id = pa.person_id
      where pa.policy_id = p.policy_id and pa.version = p.version order by pa.approved_at) as approvers,
    ac.name as activator, p.created_at as "createdAt", p.active_from as "activeFrom", p.active_to as "activeTo",
    p.definition_sha256 as "definitionSha256", p.definition
  from audit.policy p
  join audit.person a on a.person_id = p.author
  left join audit.person ac on ac.person_id = p.activator`;

/** All versions of one policy, the newest first; none when there is no such policy. */
export async function versionsOf(tx: Tx, name: string): Promise<readonly PolicyVersion[]> {
  const { rows } = await sql<PolicyVersion>`
    ${versions} where p.name = ${name} order by p.version desc`.execute(tx);
  return rows;
}

/** Of each of these policies the version in force; where there is none, the newest. */
export async function standingVersions(
  tx: Tx,
  names: readonly string[],
): Promise<ReadonlyMap<string, PolicyVersion>> {
  const { rows } = await sql<PolicyVersion>`
    select distinct on (v.name) v.* from (${versions} where p.name = any(${names}::text[])) v
    order by v.name, (v.status = 'active') desc, v.version desc`.execute(tx);
  return new Map(rows.map((row) => [row.name, row]));
}

/** In the order in which they happened. */
export async function changesOf(tx: Tx, name: string): Promise<readonly PolicyChange[]> {
  const { rows } = await sql<PolicyChange>`
    select c.version, c.to_status as "toStatus", a.name as "personName", c.changed_at as "changedAt"
    from audit.policy p
    join audit.policy_change c on c.policy_id = p.policy_id and c.version = p.version
    join audit.person a on a.person_id = c.actor
    where p.name = ${name} order by c.changed_at, array_position(array['draft', 'approved', 'active', 'deprecated'], c.to_status::text)`.execute(
    tx,
  );
  return rows;
}
