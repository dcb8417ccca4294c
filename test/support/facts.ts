/**
 * What a decision stands on, as rows: people, an active policy, a risk model, and events with their assessments,
 * evaluations and advisories. Written by a superuser under the real ids and row digests, so that whatever comes after
 * an evaluation can be tested without the stages before it.
 *
 *     const facts = await openFacts(await database.superuser());
 *     const { evaluationId } = await facts.evaluation({ level: 'HIGH' });
 */
import type pg from 'pg';
import {
  type Advisory,
  advisoryDigest,
  type EvaluationOutcome,
  evaluationDigest,
} from '../../src/domain/advisory.ts';
import type { Role } from '../../src/domain/authority.ts';
import { canonicalJson } from '../../src/domain/canonical.ts';
import { newSalt, sha256 } from '../../src/domain/digest.ts';
import { acceptEvent } from '../../src/domain/event.ts';
import {
  type AdvisoryId,
  type AssessmentId,
  advisoryIdOf,
  assessmentIdOf,
  type DelegationId,
  delegationIdOf,
  type EvaluationId,
  type EventId,
  evaluationIdOf,
  modelIdOf,
  type PersonId,
  type PolicyId,
  personIdOf,
  policyIdOf,
} from '../../src/domain/ids.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { assessmentDigest, type Contribution } from '../../src/domain/risk.ts';
import type { RiskLevel } from '../../src/domain/risk-level.ts';
import type { Evidence } from '../../src/domain/rules.ts';
import { systemClock } from '../../src/domain/time.ts';

export interface EvaluationFacts {
  /** Of the assessment, and of the advisories that are based on a match. LOW when not given. */
  readonly level?: RiskLevel;
  /** Names of policies, each of which gives an advisory; made when they are new. One when not given. */
  readonly policies?: readonly string[];
  /** `unknown` makes every advisory one of UNKNOWN risk. */
  readonly basis?: 'matched' | 'unknown';
  readonly conflict?: boolean;
  /** What the options of each advisory do to one resource, in the order of `policies`; nothing when not given. */
  readonly effects?: readonly ('restrict' | 'restore' | 'none')[];
  /** Names of the options that each advisory offers. `restore` and `ignore` when not given. */
  readonly options?: readonly string[];
  /** Where every option's command goes. `access-control` when not given. */
  readonly target?: string;
  readonly data?: JsonObject;
  readonly subject?: string;
  /** What the risk model found; nothing when not given. */
  readonly contributions?: readonly Contribution[];
  /** What the policies' conditions found; nothing when not given. */
  readonly conditions?: readonly Evidence[];
}

export interface EvaluatedEvent {
  readonly eventId: EventId;
  readonly assessmentId: AssessmentId;
  readonly evaluationId: EvaluationId;
  /** In the order of `policies`. */
  readonly advisoryIds: readonly AdvisoryId[];
}

export interface PolicyFacts {
  /** 1 to 5; 3 when not given. */
  readonly priority?: number;
  /** `required_authority` of its definition. */
  readonly authority?: unknown;
}

export interface Facts {
  /** Who wrote every policy and model. Holds every deciding role, and has no say in what follows. */
  readonly author: PersonId;
  /** The person of that name, who from now on holds these roles too. */
  person(name: string, ...roles: readonly Role[]): Promise<PersonId>;
  /** Ends a role now. */
  revoke(person: PersonId, role: Role): Promise<void>;
  /** Lets `delegate` act in a role of `delegator` for a day; up to LOW when no level is given. Returns its id. */
  delegate(
    delegator: PersonId,
    delegate: PersonId,
    role: Role,
    upToLevel?: RiskLevel,
  ): Promise<DelegationId>;
  /** Version 1 of a policy, active. */
  policy(name: string, facts?: PolicyFacts): Promise<PolicyId>;
  /** A new event with all that follows, up to its advisories. */
  evaluation(facts?: EvaluationFacts): Promise<EvaluatedEvent>;
  /** The heartbeat of the ledger, as old as this; without it no decision is taken. */
  ledgerBeat(ageS?: number): Promise<void>;
}

export const SOURCE = 'urn:example:facts';
export const DEFAULT_POLICY = 'branch-protection';
const CONTEXT = 'default';
const EVERY_DECIDING_ROLE = [
  'Administrator',
  'Senior Authority',
  'Compliance Officer',
  'Governance Board',
] as const satisfies readonly Role[];

/** Keeps a source, the model, the policies' author and a heartbeat that holds for an hour. */
export async function openFacts(client: pg.Client): Promise<Facts> {
  const policies = new Set<string>();
  let events = 0;

  const facts: Facts = {
    author: personIdOf('policy.author'),

    async person(name, ...roles) {
      const personId = personIdOf(name);
      await client.query(
        'insert into identity.person (person_id, name) values ($1, $2) on conflict do nothing',
        [personId, name],
      );
      await client.query(
        `insert into identity.role_grant (person_id, role) select $1, unnest($2::text[]) on conflict do nothing`,
        [personId, roles],
      );
      return personId;
    },

    async revoke(person, role) {
      await client.query(
        'update identity.role_grant set revoked_at = now() where person_id = $1 and role = $2 and revoked_at is null',
        [person, role],
      );
    },

    async delegate(delegator, delegate, role, upToLevel = 'LOW') {
      const id = delegationIdOf(delegator, delegate, role, systemClock.now());
      await client.query(
        `insert into identity.delegation (delegation_id, delegator, delegate, role, up_to_level, reason, ends_at)
         values ($1, $2, $3, $4, $5, 'away', now() + interval '1 day')`,
        [id, delegator, delegate, role, upToLevel],
      );
      return id;
    },

    async policy(name, { priority = 3, authority } = {}) {
      const policyId = policyIdOf(name);
      if (policies.has(name)) return policyId;
      policies.add(name);
      const definition = canonicalJson({
        policy: name,
        version: 1,
        ...(authority === undefined ? {} : { required_authority: authority }),
      });
      await client.query(
        `insert into policy.policy (policy_id, version, status, description, regulatory_reference, priority_level, name, title,
           definition, definition_sha256, author)
         values ($1, 1, 'draft', 'What it is for', 'SOC 2 CC6.1', $2, $3, 'A policy', $4, $5, $6)`,
        [policyId, priority, name, definition, sha256(definition), facts.author],
      );
      await client.query(
        'insert into policy.policy_approval (policy_id, version, person_id) values ($1, 1, $2)',
        [policyId, approver],
      );
      await client.query(`update policy.policy set status = 'approved' where policy_id = $1`, [
        policyId,
      ]);
      await client.query(
        `update policy.policy set status = 'active', active_from = now(), activator = $2 where policy_id = $1`,
        [policyId, approver],
      );
      return policyId;
    },

    async evaluation(wanted = {}) {
      const { level = 'LOW', policies: names = [DEFAULT_POLICY], basis = 'matched' } = wanted;
      const {
        conflict = false,
        options = ['restore', 'ignore'],
        data = { branch: 'main' },
      } = wanted;
      const {
        target = 'access-control',
        subject = null,
        contributions = [],
        conditions = [],
        effects = [],
      } = wanted;
      events += 1;
      const eventId = await keepEvent(client, `event-${events}`, subject, data);
      const assessmentId = await keepAssessment(client, eventId, level, contributions);
      const evaluationId = evaluationIdOf(assessmentId);
      const evaluatedAt = systemClock.now();
      const evaluation = {
        evaluationId,
        eventId,
        assessmentId,
        outcome: outcomeOf(basis, names.length),
        asked: names.map((name) => ({
          policy: `${name}@1`,
          result: basis === 'unknown' ? basis : ('matched' as const),
        })),
        evaluatedAt,
      };
      await client.query(
        `insert into advisory.evaluation (evaluation_id, event_id, assessment_id, outcome, policies, evaluated_at, row_digest)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [
          evaluationId,
          eventId,
          assessmentId,
          evaluation.outcome,
          JSON.stringify(evaluation.asked),
          evaluatedAt,
          evaluationDigest(evaluation),
        ],
      );
      const advisoryIds: AdvisoryId[] = [];
      for (const [index, name] of names.entries()) {
        const policyId = await facts.policy(name);
        const advisoryId = advisoryIdOf(evaluationId, policyId);
        advisoryIds.push(advisoryId);
        await keepAdvisory(client, {
          advisoryId,
          eventId,
          evaluationId,
          assessmentId,
          policyId,
          policyVersion: 1,
          advisoryVersion: 1,
          riskLevel: basis === 'unknown' ? 'UNKNOWN' : level,
          basis,
          conflict,
          options: options.map((option) => ({
            option,
            title: `To ${option}`,
            target,
            command: { action: option, branch: 'main' },
            effect: effects[index] ?? ('none' as const),
            resource: effects[index] === undefined ? null : 'branch/main',
          })),
          justification: 'The branch main is not protected any more.',
          conditions,
          createdAt: evaluatedAt,
          salt: newSalt(),
        });
      }
      return { eventId, assessmentId, evaluationId, advisoryIds };
    },

    async ledgerBeat(ageS = 0) {
      await client.query(
        `insert into ledger.heartbeat (beaten_at) values (now() - $1 * interval '1 second')
         on conflict (only_row) do update set beaten_at = excluded.beaten_at`,
        [ageS],
      );
    },
  };

  await facts.person('policy.author', ...EVERY_DECIDING_ROLE);
  const approver = await facts.person('policy.approver', 'Compliance Officer');
  await client.query(
    `insert into event.source (source_system, kind, signature_required) values ($1, 'cloudevents', false)`,
    [SOURCE],
  );
  await keepModel(client, facts.author, approver);
  await facts.ledgerBeat(-AN_HOUR_S);
  return facts;
}

function outcomeOf(basis: string, advisories: number): EvaluationOutcome {
  if (advisories === 0) return 'NO_MATCH';
  return basis === 'unknown' ? 'UNKNOWN' : 'MATCH';
}

const AN_HOUR_S = 3_600;

async function keepModel(client: pg.Client, author: PersonId, approver: PersonId): Promise<void> {
  await client.query(
    `insert into risk.risk_model (model_id, version, threshold_definition, classification_rules, status, name, context,
       definition_sha256, author)
     values ($1, 1, '{}', '[]', 'defined', 'facts', $2, $3, $4)`,
    [modelIdOf('facts'), CONTEXT, sha256('facts'), author],
  );
  await client.query(
    `update risk.risk_model set status = 'active', active_from = now(), approver = $1`,
    [approver],
  );
}

async function keepEvent(
  client: pg.Client,
  id: string,
  subject: string | null,
  data: JsonObject,
): Promise<EventId> {
  const stated = { source: SOURCE, id, type: 'example.changed', subject, time: null };
  const event = acceptEvent({ ...stated, correlationId: null, data }, systemClock.now(), null);
  await client.query(
    `insert into event.event (event_id, source_system, event_type, occurred_at, received_at, payload_reference, external_id,
       content_digest, salt, row_digest, subject)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      event.eventId,
      event.source,
      event.type,
      event.occurredAt,
      event.receivedAt,
      event.payloadReference,
      event.externalId,
      event.contentDigest,
      event.salt,
      event.rowDigest,
      event.subject,
    ],
  );
  await client.query('insert into event.event_payload (event_id, payload_data) values ($1, $2)', [
    event.eventId,
    event.payload,
  ]);
  return event.eventId;
}

async function keepAssessment(
  client: pg.Client,
  eventId: EventId,
  level: RiskLevel,
  contributions: readonly Contribution[],
): Promise<AssessmentId> {
  const row = {
    assessmentId: assessmentIdOf(eventId, CONTEXT),
    eventId,
    context: CONTEXT,
    modelId: modelIdOf('facts'),
    modelVersion: 1,
    score: level === 'UNKNOWN' ? null : '12.5000',
    level,
    contributions,
    evaluatedAt: systemClock.now(),
    salt: newSalt(),
  };
  await client.query(
    `insert into risk.risk_assessment (assessment_id, event_id, risk_model_id, risk_model_version, risk_score, risk_level,
       evaluated_at, context, contributions, salt, row_digest)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      row.assessmentId,
      eventId,
      row.modelId,
      row.modelVersion,
      row.score,
      level,
      row.evaluatedAt,
      CONTEXT,
      JSON.stringify(contributions),
      row.salt,
      assessmentDigest(row),
    ],
  );
  return row.assessmentId;
}

async function keepAdvisory(client: pg.Client, row: Advisory): Promise<void> {
  await client.query(
    `insert into advisory.advisory (advisory_id, event_id, policy_id, policy_version, risk_level, recommendation_options,
       justification_text, created_at, advisory_version, evaluation_id, assessment_id, basis, conditions, conflict, salt, row_digest)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
    [
      row.advisoryId,
      row.eventId,
      row.policyId,
      row.policyVersion,
      row.riskLevel,
      JSON.stringify(row.options),
      row.justification,
      row.createdAt,
      row.advisoryVersion,
      row.evaluationId,
      row.assessmentId,
      row.basis,
      JSON.stringify(row.conditions),
      row.conflict,
      row.salt,
      advisoryDigest(row),
    ],
  );
}
