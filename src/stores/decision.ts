/**
 * Decisions as their actor and the decision command use them: the advisories that other domains publish, the open
 * reviews with their rounds, and each person's act.
 */
import { type RawBuilder, sql } from 'kysely';
import type { DelegatedRole, OpenRound, Reviewer } from '../domain/approval.ts';
import { parseRequirement, type Requirement, type Role } from '../domain/authority.ts';
import type { Act, Excluded, Exclusion, Proof } from '../domain/judgement.ts';
import {
  type DecisionState,
  type EndedRound,
  type GivenApproval,
  type Round,
  viewDigest,
} from '../domain/decision.ts';
import type { Digest } from '../domain/digest.ts';
import type {
  AdvisoryId,
  DecisionId,
  EvaluationId,
  PersonId,
  PolicyId,
  ReviewId,
} from '../domain/ids.ts';
import type { PresentedAdvisory } from '../domain/review.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

/** A round as it stands in its table. */
export interface StandingRound extends Round {
  readonly state: DecisionState;
  readonly optionId: string | null;
  readonly createdAt: Timestamp;
  readonly finalizedAt: Timestamp | null;
  readonly escalatedAt: Timestamp | null;
  readonly expiresAt: Timestamp | null;
  readonly proof: Proof | null;
}

export interface StandingApproval extends GivenApproval {
  /** Whether the person holds the role at this moment. */
  readonly inOffice: boolean;
}

/** The newest round of a review, and one person before it. */
export interface ReviewCase {
  readonly advisory: PresentedAdvisory;
  readonly standing: StandingRound;
  readonly approvals: readonly StandingApproval[];
  readonly open: OpenRound;
  readonly reviewer: Reviewer;
  /** The database's clock, read last. */
  readonly now: Timestamp;
}

/** A round that people may act in, with what they said so far. */
export type OpenCase = Pick<ReviewCase, 'advisory' | 'standing' | 'approvals'>;

/** An act in the round whose digest its person was shown. */
export interface EarlierAct {
  readonly decisionId: DecisionId;
  readonly role: Role;
  readonly onBehalfOf: PersonId | null;
  readonly act: Act;
  readonly optionId: string | null;
}

export interface DecisionStore {
  /** Which of these evaluations exist. */
  evaluationsAmong(ids: readonly EvaluationId[]): Promise<ReadonlySet<EvaluationId>>;
  advisoriesOf(evaluationIds: readonly EvaluationId[]): Promise<readonly PresentedAdvisory[]>;
  /** Opens a review with its first round for each advisory; those that stand are left as they are. */
  openReviews(opened: readonly OpenedReview[]): Promise<void>;
  /** Of those of these rounds that exist, whether each is a fact for the ledger: final or escalated. */
  factsAmong(decisionIds: readonly DecisionId[]): Promise<ReadonlyMap<DecisionId, boolean>>;

  /**
   * Holds every other act on the review, and on those that contradict it, off until the transaction ends. False when there
   * is no such review.
   */
  lockReview(reviewId: ReviewId): Promise<boolean>;
  /** The reviews that contradict this one and are not decided. */
  openContradictions(reviewId: ReviewId): Promise<readonly ReviewId[]>;
  /** Undefined when there is no such review. Under the lock of the review it stays true to the end of the transaction. */
  caseOf(reviewId: ReviewId, personId: PersonId): Promise<ReviewCase | undefined>;
  /** Of those of these reviews that exist. */
  policiesOf(reviewIds: readonly ReviewId[]): Promise<ReadonlyMap<ReviewId, PolicyId>>;
  /** Of those of these reviews that are not decided, the round that is open. By the id of the review. */
  openCases(reviewIds: readonly ReviewId[]): Promise<readonly OpenCase[]>;
  actOf(
    personId: PersonId,
    reviewId: ReviewId,
    shownDigest: string,
  ): Promise<EarlierAct | undefined>;
  roundOf(decisionId: DecisionId): Promise<StandingRound>;
  approvalsOf(decisionId: DecisionId): Promise<readonly StandingApproval[]>;
  keepApproval(decisionId: DecisionId, approval: GivenApproval): Promise<void>;
  /** Ends pending rounds. */
  endRounds(rounds: readonly DigestedRound[]): Promise<void>;
  openRounds(rounds: readonly Round[]): Promise<void>;
  resolveReview(reviewId: ReviewId, resolvedAt: Timestamp): Promise<void>;
}

/** A round that is over, with what `decisionDigest` makes of it and its acts. */
export interface DigestedRound extends EndedRound {
  readonly rowDigest: Digest;
}

export interface OpenedReview {
  readonly advisory: PresentedAdvisory;
  readonly round: Round;
}

export function openDecisionStore(tx: Tx): DecisionStore {
  const store: DecisionStore = {
    async evaluationsAmong(ids) {
      const { rows } = await sql<{ id: EvaluationId }>`
        select evaluation_id as id from advisory.evaluation_for_decision
        where evaluation_id = any(${ids}::uuid[])`.execute(tx);
      return new Set(rows.map(({ id }) => id));
    },

    async advisoriesOf(evaluationIds) {
      const { rows } = await sql<PresentedAdvisory>`${presented}
        where a.evaluation_id = any(${evaluationIds}::uuid[])`.execute(tx);
      return rows;
    },

    async openReviews(opened) {
      if (opened.length === 0) return;
      await keepReviews(opened.map(({ advisory, round }) => ({ ...advisory, ...round }))).execute(
        tx,
      );
      await keepRounds(opened.map(({ round }) => round)).execute(tx);
    },

    async factsAmong(decisionIds) {
      const { rows } = await sql<{ id: DecisionId; isFact: boolean }>`
        select decision_id as id, row_digest is not null as "isFact" from decision.decision
        where decision_id = any(${decisionIds}::uuid[])`.execute(tx);
      return new Map(rows.map(({ id, isFact }) => [id, isFact]));
    },

    async lockReview(reviewId) {
      const { rows } = await sql`
        select review_id from decision.review
        where review_id = ${reviewId} or review_id in (select decision.contradicting(${reviewId}))
        order by review_id for update`.execute(tx);
      return rows.length > 0;
    },

    async caseOf(reviewId, personId) {
      const { rows } = await sql<RoundRow>`${rounds}
        where d.review_id = ${reviewId} order by d.round desc limit 1`.execute(tx);
      if (rows[0] === undefined) return undefined;
      const standing = standingRound(rows[0]);
      const [advisory] = await advisoriesById(tx, [standing.advisoryId]);
      // The foreign keys of a review see to it that its advisory is there.
      if (advisory === undefined) return undefined;
      const approvals = await store.approvalsOf(standing.decisionId);
      const reviewer = {
        personId,
        roles: await rolesOf(tx, personId),
        delegated: await delegatedTo(tx, personId),
      };
      const { healthy, now } = await momentOf(tx);
      const open: OpenRound = {
        state: standing.state,
        riskLevel: standing.riskLevel,
        conflict: advisory.conflict,
        requirement: standing.requirement,
        viewDigest: viewDigest({ ...advisory, ...detailsOf(standing) }),
        options: advisory.options.map(({ option }) => option),
        approvals,
        excluded: await excludedFrom(tx, reviewId),
        ledgerHealthy: healthy,
      };
      return { advisory, standing, approvals, open, reviewer, now };
    },

    async openContradictions(reviewId) {
      const { rows } = await sql<{ reviewId: ReviewId }>`
        select r.review_id as "reviewId" from decision.contradicting(${reviewId}) as other
        join decision.review r on r.review_id = other
        where r.resolved_at is null order by r.review_id`.execute(tx);
      return rows.map((row) => row.reviewId);
    },

    async policiesOf(reviewIds) {
      const { rows } = await sql<{ reviewId: ReviewId; policyId: PolicyId }>`
        select review_id as "reviewId", policy_id as "policyId" from decision.review
        where review_id = any(${reviewIds}::uuid[])`.execute(tx);
      return new Map(rows.map(({ reviewId, policyId }) => [reviewId, policyId]));
    },

    async openCases(reviewIds) {
      // Hardly any review is contradicted, and every act asks.
      if (reviewIds.length === 0) return [];
      const { rows } = await sql<RoundRow>`${rounds}
        where d.review_id = any(${reviewIds}::uuid[]) and d.decision_type = 'pending'
        order by d.review_id`.execute(tx);
      const advisories = await advisoriesById(
        tx,
        rows.map(({ advisoryId }) => advisoryId),
      );
      const byId = new Map(advisories.map((advisory) => [advisory.advisoryId, advisory]));
      const approvals = await approvalsIn(
        tx,
        rows.map(({ decisionId }) => decisionId),
      );
      return rows.map((row) => ({
        advisory: byId.get(row.advisoryId)!,
        standing: standingRound(row),
        approvals: approvals.get(row.decisionId) ?? [],
      }));
    },

    async actOf(personId, reviewId, shownDigest) {
      const { rows } = await sql<EarlierAct>`
        select a.decision_id as "decisionId", a.role, a.on_behalf_of as "onBehalfOf", a.act, a.option_id as "optionId"
        from decision.approval a join decision.decision d on d.decision_id = a.decision_id
        where d.review_id = ${reviewId} and a.person_id = ${personId} and a.view_digest = ${shownDigest}`.execute(
        tx,
      );
      return rows[0];
    },

    async roundOf(decisionId) {
      const { rows } = await sql<RoundRow>`${rounds} where d.decision_id = ${decisionId}`.execute(
        tx,
      );
      return standingRound(rows[0]!);
    },

    async approvalsOf(decisionId) {
      return (await approvalsIn(tx, [decisionId])).get(decisionId) ?? [];
    },

    async keepApproval(decisionId, approval) {
      await sql`
        insert into decision.approval (approval_id, decision_id, person_id, role, act, option_id, justification, view_digest, approved_at,
          on_behalf_of, delegation_id, bulk_id)
        values (${approval.approvalId}, ${decisionId}, ${approval.personId}, ${approval.role}, ${approval.act},
          ${approval.optionId}, ${approval.justification}, ${approval.viewDigest}, ${approval.approvedAt}::timestamptz,
          ${approval.onBehalfOf}, ${approval.delegationId}, ${approval.bulkId})`.execute(tx);
    },

    async endRounds(ended) {
      if (ended.length > 0) await keepEnds(ended).execute(tx);
    },

    async openRounds(started) {
      if (started.length > 0) await keepRounds(started).execute(tx);
    },

    async resolveReview(reviewId, resolvedAt) {
      await sql`
        update decision.review set resolved_at = ${resolvedAt}::timestamptz where review_id = ${reviewId}`.execute(
        tx,
      );
    },
  };
  return store;
}

const presented = sql`
  select a.advisory_id as "advisoryId", a.event_id as "eventId", a.evaluation_id as "evaluationId",
    a.assessment_id as "assessmentId", a.policy_id as "policyId", a.policy_version as "policyVersion",
    a.risk_level as "riskLevel", a.recommendation_options as options, a.conflict,
    a.advisory_version as "advisoryVersion", a.row_digest as "advisoryDigest", e.row_digest as "eventDigest",
    s.row_digest as "assessmentDigest", s.risk_model_id as "modelId", s.risk_model_version as "modelVersion",
    p.definition_sha256 as "policyDigest", p.priority_level as "priorityLevel", p.author as "policyAuthor",
    p.definition -> 'required_authority' as "policyAuthority"
  from advisory.advisory_for_decision a
  join event.event_for_decision e on e.event_id = a.event_id
  join risk.assessment_for_decision s on s.assessment_id = a.assessment_id
  join policy.policy_for_decision p on p.policy_id = a.policy_id and p.version = a.policy_version`;

async function advisoriesById(
  tx: Tx,
  ids: readonly AdvisoryId[],
): Promise<readonly PresentedAdvisory[]> {
  const { rows } = await sql<PresentedAdvisory>`${presented}
    where a.advisory_id = any(${ids}::uuid[])`.execute(tx);
  return rows;
}

/** In the order in which they were given. */
async function approvalsIn(
  tx: Tx,
  decisionIds: readonly DecisionId[],
): Promise<ReadonlyMap<DecisionId, readonly StandingApproval[]>> {
  const { rows } = await sql<StandingApproval & { readonly decisionId: DecisionId }>`
    select a.decision_id as "decisionId", a.approval_id as "approvalId", a.person_id as "personId", a.role, a.act,
      a.option_id as "optionId", a.on_behalf_of as "onBehalfOf", a.delegation_id as "delegationId", a.bulk_id as "bulkId",
      a.justification,
      a.view_digest as "viewDigest", a.approved_at as "approvedAt", decision.is_in_office(a) as "inOffice"
    from decision.approval a
    where a.decision_id = any(${decisionIds}::uuid[]) order by a.approved_at, a.person_id`.execute(
    tx,
  );
  return Map.groupBy(rows, ({ decisionId }) => decisionId);
}

async function rolesOf(tx: Tx, personId: PersonId): Promise<readonly Role[]> {
  const { rows } = await sql<{ role: Role }>`
    select role from identity.person_role_for_decision where person_id = ${personId}`.execute(tx);
  return rows.map(({ role }) => role);
}

async function delegatedTo(tx: Tx, personId: PersonId): Promise<readonly DelegatedRole[]> {
  const { rows } = await sql<DelegatedRole>`
    select delegation_id as "delegationId", delegator, delegator_name as "delegatorName", role, up_to_level as "upToLevel"
    from identity.delegation_for_decision where delegate = ${personId} order by delegator_name, role, up_to_level desc`.execute(
    tx,
  );
  return rows;
}

async function excludedFrom(tx: Tx, reviewId: ReviewId): Promise<Excluded> {
  const { rows } = await sql<{ personId: PersonId; why: Exclusion }>`
    select person_id as "personId", why from decision.excluded_from(${reviewId})`.execute(tx);
  return new Map(rows.map(({ personId, why }) => [personId, why]));
}

async function momentOf(tx: Tx): Promise<{ healthy: boolean; now: Timestamp }> {
  const { rows } = await sql<{ healthy: boolean; now: Timestamp }>`
    select healthy, clock_timestamp() as now from ledger.health_for_decision`.execute(tx);
  return rows[0]!;
}

interface RoundRow extends Omit<StandingRound, 'requirement'> {
  readonly requirement: unknown;
}

const rounds = sql`
  select d.decision_id as "decisionId", d.advisory_id as "advisoryId", d.review_id as "reviewId", d.event_id as "eventId",
    d.round, d.risk_level as "riskLevel", d.required_authority as requirement, d.valid_for_s as "validForS",
    d.view_digest as "viewDigest", d.salt, d.decision_type as state, d.option_id as "optionId", d.created_at as "createdAt",
    d.finalized_at as "finalizedAt", d.escalated_at as "escalatedAt", d.expires_at as "expiresAt",
    d.proof
  from decision.decision d`;

function standingRound(row: RoundRow): StandingRound {
  const requirement = parseRequirement(row.requirement);
  if (requirement === undefined) {
    throw new TypeError(`decision ${row.decisionId} has no readable required_authority`);
  }
  return { ...row, requirement };
}

function detailsOf({ requirement, round, validForS }: Round): {
  readonly requirement: Requirement;
  readonly round: number;
  readonly validForS: number;
} {
  return { requirement, round, validForS };
}

function keepReviews(reviews: readonly (PresentedAdvisory & Round)[]): RawBuilder<unknown> {
  return sql`
    insert into decision.review (review_id, advisory_id, event_id, evaluation_id, policy_id, policy_version, risk_level,
      priority_level, conflict)
    select * from unnest(
      ${reviews.map(({ reviewId }) => reviewId)}::uuid[],
      ${reviews.map(({ advisoryId }) => advisoryId)}::uuid[],
      ${reviews.map(({ eventId }) => eventId)}::uuid[],
      ${reviews.map(({ evaluationId }) => evaluationId)}::uuid[],
      ${reviews.map(({ policyId }) => policyId)}::uuid[],
      ${reviews.map(({ policyVersion }) => policyVersion)}::integer[],
      ${reviews.map(({ riskLevel }) => riskLevel)}::text[],
      ${reviews.map(({ priorityLevel }) => priorityLevel)}::integer[],
      ${reviews.map(({ conflict }) => conflict)}::boolean[])
    order by 1 on conflict do nothing`;
}

function keepEnds(ended: readonly DigestedRound[]): RawBuilder<unknown> {
  return sql`
    update decision.decision as d
    set decision_type = e.state, decision_maker_id = e.maker, decision_maker_role = e.role,
      justification = e.justification, option_id = e.option, row_digest = e.digest,
      finalized_at = e.finalized_at, escalated_at = e.escalated_at, expires_at = e.expires_at,
      proof = e.proof
    from unnest(
      ${ended.map(({ decisionId }) => decisionId)}::uuid[],
      ${ended.map(({ state }) => state)}::text[],
      ${ended.map(({ makerId }) => makerId)}::uuid[],
      ${ended.map(({ makerRole }) => makerRole)}::text[],
      ${ended.map(({ justification }) => justification)}::text[],
      ${ended.map(({ optionId }) => optionId)}::text[],
      ${ended.map(({ rowDigest }) => rowDigest)}::text[],
      ${ended.map(({ finalizedAt }) => finalizedAt)}::timestamptz[],
      ${ended.map(({ escalatedAt }) => escalatedAt)}::timestamptz[],
      ${ended.map(({ expiresAt }) => expiresAt)}::timestamptz[],
      ${ended.map(({ proof }) => (proof === null ? null : JSON.stringify(proof)))}::jsonb[]
    ) as e (id, state, maker, role, justification, option, digest, finalized_at, escalated_at, expires_at, proof)
    where d.decision_id = e.id`;
}

function keepRounds(started: readonly Round[]): RawBuilder<unknown> {
  return sql`
    insert into decision.decision (decision_id, advisory_id, decision_type, review_id, event_id, round, risk_level,
      required_authority, valid_for_s, view_digest, salt)
    select id, advisory, 'pending', review, event, round, level, authority, valid, shown, salt
    from unnest(
      ${started.map(({ decisionId }) => decisionId)}::uuid[],
      ${started.map(({ advisoryId }) => advisoryId)}::uuid[],
      ${started.map(({ reviewId }) => reviewId)}::uuid[],
      ${started.map(({ eventId }) => eventId)}::uuid[],
      ${started.map(({ round }) => round)}::integer[],
      ${started.map(({ riskLevel }) => riskLevel)}::text[],
      ${started.map(({ requirement }) => JSON.stringify(requirement))}::jsonb[],
      ${started.map(({ validForS }) => validForS)}::integer[],
      ${started.map((round) => round.viewDigest)}::text[],
      ${started.map(({ salt }) => salt)}::text[]
    ) as started (id, advisory, review, event, round, level, authority, valid, shown, salt)
    order by 1 on conflict do nothing`;
}
