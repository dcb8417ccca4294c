/**
 * The documents of reviews and decisions over HTTP. Fields that are in no schema are never sent. Times are RFC 3339 in
 * UTC with microseconds; scores, ids and digests are strings.
 */
import Type, { type TSchema } from 'typebox';
import { roles } from '../domain/authority.ts';
import { acts, exclusions } from '../domain/judgement.ts';
import { decisionTransitions } from '../domain/decision.ts';
import { riskLevels } from '../domain/risk-level.ts';

const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
const Text = Type.String();
const Time = Type.String({ description: 'RFC 3339, UTC, with microseconds.' });
const Level = Type.Enum([...riskLevels]);
const State = Type.Enum(Object.keys(decisionTransitions) as (keyof typeof decisionTransitions)[]);
const Role = Type.Enum([...roles]);
const Act = Type.Enum([...acts]);
export const Seats = Type.Array(Type.Array(Role), {
  description: 'One person for each seat, in one of the roles of that seat.',
});

// The list

export const ReviewSummary = Type.Object({
  review_id: Text,
  event_id: Text,
  advisory_id: Text,
  risk_level: Level,
  priority_level: Type.Integer({ description: '1 is shown first, 5 last.' }),
  conflict: Type.Boolean(),
  opened_at: Time,
  resolved_at: nullable(Time),
  policy: Type.Object({ name: Text, version: Type.Integer(), title: Text }),
  event: Type.Object({ source: Text, type: Text, subject: nullable(Text) }),
  round: Type.Integer(),
  state: State,
  approvals: Type.Integer({ description: 'Acts in the newest round.' }),
});

export const ReviewPage = Type.Object({
  reviews: Type.Array(ReviewSummary),
  next_cursor: nullable(Text),
});

// One review

const Approval = Type.Object({
  person_id: Text,
  name: nullable(Text),
  role: Role,
  on_behalf_of: nullable(Text),
  act: Act,
  option: nullable(Text),
  justification: Text,
  approved_at: Time,
  in_office: Type.Boolean({
    description: 'Whether the person holds the role now; else it does not count.',
  }),
});

export const Round = Type.Object({
  decision_id: Text,
  round: Type.Integer(),
  state: State,
  decided_by: nullable(
    Type.Object(
      { person_id: nullable(Text), name: nullable(Text), role: Text },
      { description: 'Without a person, in the role System: nobody decided in time.' },
    ),
  ),
  justification: nullable(Text),
  created_at: Time,
  due_at: Type.String({ description: 'If it is pending then, it is escalated. RFC 3339, UTC.' }),
  warned_at: nullable(Time),
});

export const Permission = Type.Object({
  act: Act,
  allowed: Type.Boolean(),
  roles: Type.Array(Role),
  on_behalf_of: Type.Array(Type.Object({ person_id: Text, name: Text, role: Role }), {
    description: 'The roles of others in which the act is possible, under delegations.',
  }),
  why_not: nullable(Type.Object({ code: Text, detail: Text, remedy: Text })),
});

export const ReviewDocument = Type.Object({
  review_id: Text,
  risk_level: Level,
  priority_level: Type.Integer(),
  conflict: Type.Boolean(),
  opened_at: Time,
  resolved_at: nullable(Time),
  event: Type.Object({
    event_id: Text,
    source: Text,
    id: Text,
    type: Text,
    subject: nullable(Text),
    occurred_at: Time,
    received_at: Time,
    data: Type.Unknown(),
  }),
  assessment: Type.Object({
    assessment_id: Text,
    score: nullable(Text),
    level: Level,
    model_id: nullable(Text),
    model_version: nullable(Type.Integer()),
    contributions: Type.Unknown(),
    evaluated_at: Time,
  }),
  policy: Type.Object({
    policy_id: Text,
    version: Type.Integer(),
    name: Text,
    title: Text,
    description: Text,
    regulatory_reference: Text,
  }),
  advisory: Type.Object({
    advisory_id: Text,
    evaluation_id: Text,
    version: Type.Integer(),
    basis: Text,
    justification: Text,
    conditions: Type.Unknown(),
    options: Type.Array(
      Type.Object({ option: Text, title: Text, target: Text, command: Type.Unknown() }),
    ),
  }),
  decision: Type.Object({
    decision_id: Text,
    round: Type.Integer(),
    state: State,
    required_authority: Type.Object({
      seats: Seats,
      roles: Type.Integer(),
      or: Type.Optional(
        Type.Array(Type.Object({ seats: Seats, roles: Type.Integer() }), {
          description: 'What is enough as well.',
        }),
      ),
    }),
    excluded: Type.Array(Type.Object({ person_id: Text, why: Type.Enum([...exclusions]) }), {
      description: 'Who has no say in this review, nor whoever acts for them.',
    }),
    proof: nullable(
      Type.Object({
        seats: Type.Array(
          Type.Object({
            seat: Type.Array(Role),
            person_id: Text,
            role: Role,
            on_behalf_of: nullable(Text),
          }),
        ),
        roles: Type.Integer(),
      }),
    ),
    seats_needed: Seats,
    missing: Type.Array(Text),
    approvals: Type.Array(Approval),
    option: nullable(Text),
    valid_for_s: Type.Integer(),
    finalized_at: nullable(Time),
    expires_at: nullable(Time),
  }),
  escalation_chain: Type.Array(Round),
  contradictions: Type.Array(
    Type.Object({
      review_id: Text,
      policy: Text,
      priority_level: Type.Integer(),
      state: State,
      view_digest: nullable(Text),
    }),
    {
      description:
        'Reviews of the event that contradict this one. They are decided together: name the open ones in "together".',
    },
  ),
  view_digest: Type.String({
    description: 'Send it back with the act: it says what you were shown.',
  }),
  you: Type.Object({
    person_id: Text,
    name: Text,
    roles: Type.Array(Role),
    acts: Type.Array(Permission),
  }),
});

// What an act comes to

export const DecisionDocument = Type.Object({
  review_id: Text,
  decision_id: Text,
  approval_id: Text,
  round: Type.Integer(),
  state: State,
  seats_needed: Seats,
  missing: Type.Array(Text),
  option: nullable(Text),
  finalized_at: nullable(Time),
  expires_at: nullable(Time),
  together: Type.Array(Type.Object({ review_id: Text, decision_id: Text, state: State }), {
    description: 'Rounds of contradicting reviews that ended with this act.',
  }),
});

// What became of several

export const BulkDocument = Type.Object({
  bulk_id: Text,
  results: Type.Array(
    Type.Object({
      review_id: Text,
      decision: nullable(DecisionDocument),
      refused: nullable(Type.Object({ code: Text, detail: Text, remedy: Text })),
    }),
  ),
});
