/** D: people decided, enough of them, in time, on what they were shown. */
import { canonicalJson } from '../../../../src/domain/canonical.ts';
import { viewDigest } from '../../../../src/domain/decision.ts';
import { sha256 } from '../../../../src/domain/digest.ts';
import { type Check, first, offendersOf, sqlCheck, type World } from '../check.ts';
import { floorOf, isMet, type Requirement, type Voice } from '../quorum.ts';
import { cursor, rowsOf } from '../rows.ts';

const D1 = sqlCheck(
  'D1',
  'One final decision for each advisory, and an act that was answered stands',
  `select 'advisory ' || advisory_id || ' has ' || count(*) || ' final decisions' as offender
     from audit.decision where finalized_at is not null group by advisory_id having count(*) > 1
   union all
   select 'act of ' || a."personId" || ' on ' || a."decisionId" || ' is not there' from run_act a
     where a.outcome = 'ok' and not exists (select from audit.approval p
       where p.decision_id::text = a."decisionId" and p.person_id::text = a."personId" and p.act = a.act)
   union all
   select 'decision ' || a."decisionId" || ' was answered as ' || a.state from run_act a
     where a.outcome = 'ok' and a.state <> 'pending' and not exists (select from audit.decision d
       where d.decision_id::text = a."decisionId" and d.decision_type = a.state)`,
);

interface Approving {
  readonly decisionId: string;
  readonly type: string;
  readonly level: string;
  readonly requirement: Requirement;
  readonly optionId: string | null;
  readonly author: string;
  readonly voices: readonly (Voice & {
    readonly act: string;
    readonly optionId: string | null;
    readonly isPerson: boolean;
  })[];
}

const APPROVING = `
  select d.decision_id as "decisionId", d.decision_type as type, d.risk_level as level,
    d.required_authority as requirement, d.option_id as "optionId", p.author,
    coalesce((select jsonb_agg(jsonb_build_object('personId', a.person_id, 'role', a.role, 'act', a.act,
        'optionId', a.option_id, 'isPerson', exists (select from audit.person h where h.person_id = a.person_id)))
      from audit.approval a where a.decision_id = d.decision_id), '[]') as voices
  from audit.decision d
  join audit.advisory v on v.advisory_id = d.advisory_id
  join audit.policy p on p.policy_id = v.policy_id and p.version = v.policy_version
  where d.decision_type in ('approved', 'override')`;

const D2: Check = {
  name: 'D2',
  title: 'Enough people of the right roles approved, none of them the author',
  find: async ({ postgres }) => {
    const faults: string[] = [];
    for await (const row of cursor<Approving>(postgres, APPROVING)) {
      const fault = faultOfQuorum(row);
      if (fault !== undefined) faults.push(`decision ${row.decisionId}: ${fault}`);
    }
    return first(faults);
  },
};

function faultOfQuorum(row: Approving): string | undefined {
  const { type, level, requirement, voices, author, optionId } = row;
  const approving = voices.filter(({ act }) => act === 'approve' || act === 'override');
  if (voices.some(({ act }) => act === 'reject')) return 'somebody rejected it';
  if (approving.some((voice) => voice.optionId !== optionId)) return 'options differ';
  if (approving.some(({ isPerson }) => !isPerson)) return 'approved by somebody who is no person';
  const counting = approving.filter(({ personId }) => personId !== author);
  if (!isMet(requirement, counting)) return 'what it asked for is not met';
  if (!isMet(floorOf(level), counting)) return `what ${level} takes is not met`;
  const overridden = counting.some(
    ({ act, role }) =>
      act === 'override' && ['Compliance Officer', 'Governance Board'].includes(role),
  );
  if ((type === 'override' || level === 'UNKNOWN') && !overridden) return 'nobody overrode';
  return level === 'UNKNOWN' && type !== 'override' ? 'an unknown risk was approved' : undefined;
}

const D3: Check = {
  name: 'D3',
  title: 'What was shown is what was approved and what runs',
  async find(world) {
    const approvals = await offendersOf(
      world,
      `select 'approval ' || a.approval_id as offender from audit.approval a
         left join audit.decision d on d.decision_id = a.decision_id
         where (a.view_digest = d.view_digest) is not true
       union all
       select 'act of ' || a."personId" || ' on ' || a."decisionId" from run_act a
         join audit.approval p on p.decision_id::text = a."decisionId" and p.person_id::text = a."personId"
         where a.outcome = 'ok' and (p.view_digest = a."viewDigest") is not true`,
    );
    return first([...approvals, ...(await drifted(world)), ...(await otherCommands(world))]);
  },
};

/** Decisions whose rows do not show any more what their reviewers saw. */
async function drifted({ postgres }: World): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const row of rowsOf(postgres, 'views')) {
    if (viewDigest(row) !== row.boundDigest) found.push(`decision ${row.decisionId}`);
  }
  return found;
}

interface Command {
  readonly executionId: string;
  readonly target: string;
  readonly command: unknown;
  readonly commandSha256: string;
  readonly requestBody: string;
  readonly approved: { readonly target: string; readonly command: unknown } | null;
}

const COMMANDS = `
  select x.execution_id as "executionId", x.target_system as target, x.execution_command as command,
    x.command_sha256 as "commandSha256", x.request_body as "requestBody",
    (select o from jsonb_array_elements(a.recommendation_options) as o
     where o ->> 'option' = d.option_id limit 1) as approved
  from audit.execution x
  left join audit.decision d on d.decision_id = x.decision_id
  left join audit.advisory a on a.advisory_id = d.advisory_id
  where x.failure_reason is distinct from 'refused'`;

/** Executions whose command is not the approved one, in the row or in the bytes that are sent. */
async function otherCommands({ postgres }: World): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const row of cursor<Command>(postgres, COMMANDS)) {
    const approved = canonicalJson(row.approved?.command ?? null);
    const sent = (JSON.parse(row.requestBody) as { data?: { command?: unknown } }).data?.command;
    const agree =
      canonicalJson(row.command) === approved &&
      canonicalJson(sent ?? null) === approved &&
      row.target === row.approved?.target &&
      row.commandSha256 === sha256(approved);
    if (!agree) found.push(`execution ${row.executionId}`);
  }
  return found;
}

const D4 = sqlCheck(
  'D4',
  'People acted while they held their role, after the advisory, and an approval expires in time',
  `select 'approval ' || a.approval_id as offender from audit.approval a
     left join audit.decision d on d.decision_id = a.decision_id
     left join audit.advisory v on v.advisory_id = d.advisory_id
     where (a.approved_at >= v.created_at and a.approved_at >= d.created_at
       and (d.finalized_at is null or a.approved_at <= d.finalized_at)
       and exists (select from audit.role_grant g where g.person_id = a.person_id and g.role = a.role
         and g.granted_at <= a.approved_at and (g.revoked_at is null or a.approved_at <= g.revoked_at))) is not true
   union all
   select 'decision ' || decision_id from audit.decision
     where decision_type in ('approved', 'override') and (expires_at > finalized_at
       and expires_at <= finalized_at + valid_for_s * interval '1 second') is not true
   union all
   select 'attempt ' || t.attempt_no || ' on execution ' || t.execution_id from audit.attempt t
     join audit.execution x on x.execution_id = t.execution_id
     join audit.decision d on d.decision_id = x.decision_id
     where (t.started_at < d.expires_at) is not true`,
);

/** How high the seats of a round reach, and how high the highest of them does. */
const RANKS = `
  select d.advisory_id, d.round, d.decision_type, d.review_id, d.created_at, sum(rank) as height, max(rank) as top
  from audit.decision d
  cross join lateral jsonb_array_elements(d.required_authority -> 'seats') as seat
  cross join lateral (select min(array_position(
    array['Administrator', 'Senior Authority', 'Compliance Officer', 'Governance Board'], role)) as rank
    from jsonb_array_elements_text(seat) as role) as lowest
  group by d.advisory_id, d.round, d.decision_type, d.review_id, d.created_at`;

const D5 = sqlCheck(
  'D5',
  'An override is justified; an escalation goes on as a new round of higher rank',
  `select 'override ' || decision_id || ' without justification' as offender from audit.decision
     where decision_type = 'override' and (btrim(justification) <> '') is not true
   union all
   select 'approval ' || approval_id || ' without justification' from audit.approval
     where act <> 'approve' and (btrim(justification) <> '') is not true
   union all
   select 'escalation of ' || e.advisory_id || ' in round ' || e.round
     from (${RANKS}) e left join (${RANKS}) n on n.advisory_id = e.advisory_id and n.round = e.round + 1
     where e.decision_type = 'escalated' and (n.review_id = e.review_id and n.created_at >= e.created_at
       and (n.height > e.height or e.top = 4)) is not true`,
);

export const decisionChecks: readonly Check[] = [D1, D2, D3, D4, D5];
