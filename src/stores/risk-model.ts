/** What the commands on risk models read and keep, within one transaction, under the role of the risk domain. */
import { sql } from 'kysely';
import {
  activationLocks,
  type Change,
  changeDigest,
  type StandingVersion,
} from '../domain/activation.ts';
import type { ChangeId, ModelId, PersonId } from '../domain/ids.ts';
import type { RiskModelDraft } from '../domain/risk.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export interface RiskModelStore {
  /** Like `PolicyStore.lockActivation`, for risk models. */
  lockActivation(): Promise<Timestamp>;
  /** Every stored version of these models, and whatever is in force in these contexts. */
  versionsOf(
    names: readonly string[],
    contexts: readonly string[],
  ): Promise<readonly StandingVersion[]>;
  /** Keeps new versions as defined. */
  keepDefined(drafts: readonly RiskModelDraft[], author: PersonId, at: Timestamp): Promise<void>;
  /** Active ones among these become superseded. */
  supersede(versions: readonly ModelVersion[], at: Timestamp): Promise<void>;
  /** Defined ones among these become active. */
  activate(versions: readonly ModelVersion[], approver: PersonId, at: Timestamp): Promise<void>;
  /** Those that are kept already stay as they are. */
  keepChanges(changes: readonly Change[]): Promise<void>;
  /** Every change of every version in these contexts: each is a fact for the ledger. */
  changesIn(contexts: readonly string[]): Promise<readonly ChangeId[]>;
}

export interface ModelVersion {
  readonly modelId: ModelId;
  readonly version: number;
}

export function openRiskModelStore(tx: Tx): RiskModelStore {
  return {
    lockActivation: () => lockActivation(tx),
    versionsOf: (names, contexts) => versionsOf(tx, names, contexts),
    keepDefined: (drafts, author, at) => keepDefined(tx, drafts, author, at),
    supersede: (versions, at) => supersede(tx, versions, at),
    activate: (versions, approver, at) => activate(tx, versions, approver, at),
    keepChanges: (changes) => keepChanges(tx, changes),
    changesIn: (contexts) => changesIn(tx, contexts),
  };
}

async function lockActivation(tx: Tx): Promise<Timestamp> {
  await sql`select pg_advisory_xact_lock(hashtext(${activationLocks.risk_model}))`.execute(tx);
  // Not now(), which is when the transaction began: assessments that the lock waited for came later than that.
  const { rows } = await sql<{ at: Timestamp }>`select clock_timestamp() as "at"`.execute(tx);
  return rows[0]!.at;
}

async function versionsOf(
  tx: Tx,
  names: readonly string[],
  contexts: readonly string[],
): Promise<readonly StandingVersion[]> {
  const { rows } = await sql<StandingVersion>`
    select name, version, context as "place", definition_sha256 as "definitionSha256", author,
      case status when 'active' then 'in force' when 'superseded' then 'retired' else 'waiting' end as "phase"
    from risk.risk_model
    where name = any(${names}::text[]) or (context = any(${contexts}::text[]) and status = 'active')
    order by name, version`.execute(tx);
  return rows;
}

async function keepDefined(
  tx: Tx,
  drafts: readonly RiskModelDraft[],
  author: PersonId,
  at: Timestamp,
): Promise<void> {
  await sql`
    insert into risk.risk_model (model_id, version, status, name, context, threshold_definition, classification_rules,
      definition_sha256, author, created_at, updated_at)
    select d.model_id, d.version, 'defined', d.name, d.context, d.thresholds::jsonb, d.factors::jsonb,
      d.definition_sha256, ${author}::uuid, ${at}::timestamptz, ${at}::timestamptz
    from unnest(
      ${drafts.map(({ modelId }) => modelId)}::uuid[],
      ${drafts.map(({ version }) => version)}::integer[],
      ${drafts.map(({ name }) => name)}::text[],
      ${drafts.map(({ place }) => place)}::text[],
      ${drafts.map(({ definition }) => JSON.stringify(definition.thresholds))}::text[],
      ${drafts.map(({ definition }) => JSON.stringify(definition.factors))}::text[],
      ${drafts.map(({ definitionSha256 }) => definitionSha256)}::text[]
    ) as d(model_id, version, name, context, thresholds, factors, definition_sha256)
    order by 1, 2 on conflict do nothing`.execute(tx);
}

/** The set of versions that a statement is about, as a table expression. */
const among = (versions: readonly ModelVersion[]) => sql`(model_id, version) in (
  select * from unnest(
    ${versions.map(({ modelId }) => modelId)}::uuid[],
    ${versions.map(({ version }) => version)}::integer[]))`;

async function supersede(tx: Tx, versions: readonly ModelVersion[], at: Timestamp): Promise<void> {
  await sql`
    update risk.risk_model set status = 'superseded', active_to = ${at}::timestamptz, updated_at = ${at}::timestamptz
    where status = 'active' and ${among(versions)}`.execute(tx);
}

async function activate(
  tx: Tx,
  versions: readonly ModelVersion[],
  approver: PersonId,
  at: Timestamp,
): Promise<void> {
  await sql`
    update risk.risk_model set status = 'active', approver = ${approver}::uuid, active_from = ${at}::timestamptz,
      updated_at = ${at}::timestamptz
    where status = 'defined' and ${among(versions)}`.execute(tx);
}

async function keepChanges(tx: Tx, changes: readonly Change[]): Promise<void> {
  await sql`
    insert into risk.risk_model_change (change_id, model_id, version, from_status, to_status, definition_sha256, actor,
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
      ${changes.map((change) => changeDigest('risk.risk_model_change', change))}::text[]
    )
    order by 1 on conflict do nothing`.execute(tx);
}

async function changesIn(tx: Tx, contexts: readonly string[]): Promise<readonly ChangeId[]> {
  const { rows } = await sql<{ changeId: ChangeId }>`
    select c.change_id as "changeId"
    from risk.risk_model_change c
    join risk.risk_model m on m.model_id = c.model_id and m.version = c.version
    where m.context = any(${contexts}::text[])
    order by c.changed_at, c.change_id`.execute(tx);
  return rows.map(({ changeId }) => changeId);
}
