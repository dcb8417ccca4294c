/** E: what the engines said, of which version, and whether they would say it again. */
import { canonicalJson } from '../../../../src/domain/canonical.ts';
import {
  advisoryDigest,
  type Evaluation,
  evaluate,
  evaluationDigest,
  type RecommendationOption,
} from '../../../../src/domain/advisory.ts';
import { changeDigest } from '../../../../src/domain/activation.ts';
import { decisionDigest } from '../../../../src/domain/decision.ts';
import { sha256 } from '../../../../src/domain/digest.ts';
import { eventRowDigest } from '../../../../src/domain/event.ts';
import { executionDigest } from '../../../../src/domain/execution.ts';
import {
  arrangePolicies,
  compilePolicy,
  type Policy,
  type PolicySet,
  policyDigest,
} from '../../../../src/domain/policy.ts';
import {
  assessmentDigest,
  compileRiskModel,
  modelDigest,
  type RiskModel,
  unweighed,
} from '../../../../src/domain/risk.ts';
import { type Check, OFFENDERS_MAX, sqlCheck, type World } from '../check.ts';
import { cursor, rowsOf } from '../rows.ts';

const E1 = sqlCheck(
  'E1',
  'One version of a policy and of a model is in force at a time',
  `select 'policy ' || name || ' has ' || count(*) || ' active versions' as offender from audit.policy
     where status = 'active' group by policy_id, name having count(*) > 1
   union all select 'context ' || context || ' has ' || count(*) || ' active models' from audit.risk_model
     where status = 'active' group by context having count(*) > 1
   union all select 'policy ' || a.name || '@' || a.version || ' and @' || b.version || ' overlap'
     from audit.policy a join audit.policy b on b.policy_id = a.policy_id and b.version > a.version
     where a.active_from is not null and b.active_from is not null
       and tstzrange(a.active_from, a.active_to) && tstzrange(b.active_from, b.active_to)
   union all select 'model ' || a.name || '@' || a.version || ' and ' || b.name || '@' || b.version || ' overlap'
     from audit.risk_model a join audit.risk_model b
       on b.context = a.context and (b.model_id, b.version) > (a.model_id, a.version)
     where a.active_from is not null and b.active_from is not null
       and tstzrange(a.active_from, a.active_to) && tstzrange(b.active_from, b.active_to)
   union all select 'policy ' || name || '@' || version || ' is ' || status from audit.policy
     where ((status in ('active', 'deprecated')) = (active_from is not null)
       and (status = 'deprecated') = (active_to is not null)) is not true`,
);

const E2 = sqlCheck(
  'E2',
  'An advisory cites the version in force when it was evaluated, and the level of its assessment',
  `select 'advisory ' || a.advisory_id as offender from audit.advisory a
     left join audit.evaluation v on v.evaluation_id = a.evaluation_id
     left join audit.policy p on p.policy_id = a.policy_id and p.version = a.policy_version
     left join audit.risk_assessment s on s.assessment_id = a.assessment_id and s.event_id = a.event_id
     where (p.active_from <= v.evaluated_at and (p.active_to is null or v.evaluated_at < p.active_to)
       and v.assessment_id = a.assessment_id
       and (a.risk_level = s.risk_level or (a.basis = 'unknown' and a.risk_level = 'UNKNOWN'))) is not true
   union all
   select 'assessment ' || s.assessment_id from audit.risk_assessment s
     left join audit.risk_model m on m.model_id = s.risk_model_id and m.version = s.risk_model_version
     where s.risk_model_id is not null and (m.active_from <= s.evaluated_at
       and (m.active_to is null or s.evaluated_at < m.active_to)) is not true`,
);

const E3: Check = {
  name: 'E3',
  title: 'Immutable rows are as they were kept',
  find: async ({ postgres }) => {
    const changed: string[] = [];
    for await (const name of changedRows(postgres)) {
      changed.push(name);
      if (changed.length === OFFENDERS_MAX) break;
    }
    return changed;
  },
};

/** Rows whose digest, computed again from every column, is not the one that was kept with them. */
async function* changedRows(client: World['postgres']): AsyncGenerator<string> {
  for await (const row of rowsOf(client, 'events')) {
    const { rowDigest, data, ...event } = row;
    const payload = data === null || data === undefined ? '' : canonicalJson(data);
    if (eventRowDigest(event) !== rowDigest || `sha256:${sha256(payload)}` !== row.payloadReference)
      yield `event ${row.eventId}`;
  }
  for await (const { rowDigest, ...row } of rowsOf(client, 'assessments')) {
    if (assessmentDigest(row) !== rowDigest) yield `assessment ${row.assessmentId}`;
  }
  for await (const { rowDigest, ...row } of rowsOf(client, 'evaluations')) {
    if (evaluationDigest(row) !== rowDigest) yield `evaluation ${row.evaluationId}`;
  }
  for await (const { rowDigest, ...row } of rowsOf(client, 'advisories')) {
    if (advisoryDigest(row) !== rowDigest) yield `advisory ${row.advisoryId}`;
  }
  for await (const { rowDigest, approvals, ...row } of rowsOf(client, 'decisions')) {
    const whole = { ...row, justification: row.justification ?? '' };
    if (decisionDigest(whole, approvals) !== rowDigest) yield `decision ${row.decisionId}`;
  }
  for await (const { rowDigest, completedAt, ...row } of rowsOf(client, 'executions')) {
    if (completedAt === null) continue;
    if (executionDigest(row, { ...row, completedAt }) !== rowDigest)
      yield `execution ${row.executionId}`;
  }
  for await (const { rowDigest, ...row } of rowsOf(client, 'policyChanges')) {
    if (changeDigest('policy.policy_change', row) !== rowDigest) yield `change ${row.changeId}`;
  }
  for await (const { rowDigest, ...row } of rowsOf(client, 'modelChanges')) {
    if (changeDigest('risk.risk_model_change', row) !== rowDigest) yield `change ${row.changeId}`;
  }
  for await (const row of rowsOf(client, 'policies')) {
    if (policyDigest(row.definition) !== row.definitionSha256)
      yield `policy ${row.name}@${row.version}`;
  }
  for await (const row of rowsOf(client, 'models')) {
    if (modelDigest(row.definition) !== row.definitionSha256)
      yield `model ${row.modelId}@${row.version}`;
  }
}

const E4 = sqlCheck(
  'E4',
  'One assessment for each event and context; versions of an advisory count from 1',
  `select 'event ' || event_id || ' in ' || context as offender from audit.risk_assessment
     group by event_id, context having count(*) > 1
   union all select 'advisories of ' || policy_id || ' on event ' || event_id from audit.advisory
     group by event_id, policy_id
     having (min(advisory_version) = 1 and max(advisory_version) = count(*)
       and count(distinct advisory_version) = count(*)) is not true`,
);

const E5: Check = {
  name: 'E5',
  title: 'The engines give the stored results again',
  find: async (world) => {
    const differing: string[] = [];
    for await (const name of answersThatDiffer(world)) {
      differing.push(name);
      if (differing.length === OFFENDERS_MAX) break;
    }
    return differing;
  },
};

interface Replayed {
  readonly eventId: string;
  readonly source: string;
  readonly id: string;
  readonly type: string;
  readonly subject: string | null;
  readonly time: string;
  readonly data: unknown;
  readonly modelId: string | null;
  readonly modelVersion: number | null;
  readonly score: string | null;
  readonly level: Evaluation['proposals'][number]['riskLevel'];
  readonly contributions: readonly Contribution[];
  readonly outcome: string | null;
  readonly asked: unknown;
  readonly evaluatedAt: string | null;
  readonly advisories: readonly StoredProposal[];
}
type Contribution = Awaited<ReturnType<RiskModel['weigh']>>['contributions'][number];

interface StoredProposal {
  readonly policyId: string;
  readonly policyVersion: number;
  readonly riskLevel: string;
  readonly basis: string;
  readonly options: readonly RecommendationOption[];
  readonly justification: string;
  readonly conditions: unknown;
  readonly conflict: boolean;
}

const REPLAYED = `
  select e.event_id as "eventId", e.source_system as source, e.external_id as id, e.event_type as type, e.subject,
    e.occurred_at as time, p.payload_data as data, s.risk_model_id as "modelId", s.risk_model_version as "modelVersion",
    s.risk_score::text as score, s.risk_level as level, s.contributions, v.outcome, v.policies as asked,
    v.evaluated_at as "evaluatedAt", coalesce(a.advisories, '[]') as advisories
  from audit.event e
  join audit.event_payload p on p.event_id = e.event_id
  join audit.risk_assessment s on s.event_id = e.event_id
  left join audit.evaluation v on v.assessment_id = s.assessment_id
  left join (
    select evaluation_id, jsonb_agg(jsonb_build_object('policyId', policy_id, 'policyVersion', policy_version,
      'riskLevel', risk_level, 'basis', basis, 'options', recommendation_options, 'justification', justification_text,
      'conditions', conditions, 'conflict', conflict)) as advisories
    from audit.advisory group by evaluation_id) a on a.evaluation_id = v.evaluation_id`;

async function* answersThatDiffer({ postgres }: World): AsyncGenerator<string> {
  const models = await modelsOf(postgres);
  const policies = await policiesOf(postgres);
  for await (const row of cursor<Replayed>(postgres, REPLAYED)) {
    const { source, id, type, subject, time, data, score, level, contributions } = row;
    const event = { source, id, type, subject, time, data: data as never };
    const model = models.get(`${row.modelId}@${row.modelVersion}`);
    const weighing =
      row.modelId === null ? unweighed('no risk model is in force') : await model?.weigh(event);
    if (!same(weighing, { score, level, contributions })) {
      yield `assessment of event ${row.eventId}`;
      continue;
    }
    if (row.evaluatedAt === null) continue;
    const held = contributions.filter((contribution) => contribution.held === true);
    const risk = {
      score: score === null ? null : Number(score),
      level,
      contributions: held.map(({ factor, points }) => ({ factor, points })),
    };
    const facts = { event, risk };
    const assessment = { score, level, contributions };
    const said = await evaluate({ facts, assessment }, policies.at(row.evaluatedAt));
    if (!same(resultOf(said), storedResult(row))) yield `evaluation of event ${row.eventId}`;
  }
}

function resultOf({ outcome, asked, proposals }: Evaluation): object {
  return { outcome, asked, advisories: proposals.toSorted(byPolicy) };
}

function storedResult({ outcome, asked, advisories }: Replayed): object {
  return { outcome, asked, advisories: advisories.toSorted(byPolicy) };
}

function byPolicy(one: { policyId: string }, other: { policyId: string }): number {
  return one.policyId < other.policyId ? -1 : 1;
}

function same(one: unknown, other: unknown): boolean {
  return one !== undefined && canonicalJson(withoutAbsent(one)) === canonicalJson(other);
}

/** What a row of JSON has no member for. */
function withoutAbsent(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

async function modelsOf(client: World['postgres']): Promise<ReadonlyMap<string, RiskModel>> {
  const models = new Map<string, RiskModel>();
  for await (const row of rowsOf(client, 'models')) {
    models.set(`${row.modelId}@${row.version}`, compileRiskModel(row));
  }
  return models;
}

/** The policies that were in force at an instant; instants of this form sort as text. */
async function policiesOf(client: World['postgres']): Promise<{ at(instant: string): PolicySet }> {
  const versions: { policy: Policy; from: string; to: string | null }[] = [];
  for await (const row of rowsOf(client, 'policies')) {
    if (row.activeFrom === null) continue;
    versions.push({ policy: compilePolicy(row), from: row.activeFrom, to: row.activeTo });
  }
  const sets = new Map<string, PolicySet>();
  return {
    at(instant) {
      const then = versions.filter(({ from, to }) => from <= instant && (!to || instant < to));
      const key = then.map(({ policy }) => policy.label).join();
      const set = sets.get(key) ?? arrangePolicies(then.map(({ policy }) => policy));
      sets.set(key, set);
      return set;
    },
  };
}

export const engineChecks: readonly Check[] = [E1, E2, E3, E4, E5];
