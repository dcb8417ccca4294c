/**
 * Who may decide, and how, as the database holds it: tried under the role of the decision domain, by statements that our
 * own code never sends. How rounds hang together is tested in review.test.ts.
 */
import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type DecidingRole,
  decidingRoles,
  parseRequirement,
  requirementFor,
} from '../../src/domain/authority.ts';
import { type Act, type Approval, judge, overrides } from '../../src/domain/judgement.ts';
import { decisionIdOf, type PersonId } from '../../src/domain/ids.ts';
import { type RiskLevel, riskLevels } from '../../src/domain/risk-level.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type Facts, openFacts } from '../support/facts.ts';
import { openReview, type ReviewToDecide } from '../support/reviews.ts';
import { SUPERUSER, verdictOf } from '../support/sql.ts';

let database: TestDatabase;
let client: pg.Client;
let facts: Facts;
/** An open review of each level. */
const reviews = {} as Record<RiskLevel, ReviewToDecide>;
/** Each holds every deciding role. */
const crew: PersonId[] = [];
let administrator: PersonId;
let auditor: PersonId;

beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  facts = await openFacts(client);
  const decision = database.open('decision');
  for (const level of riskLevels) reviews[level] = await openReview(decision, facts, { level });
  for (const name of ['ann', 'ben', 'cem', 'dan', 'eve', 'fay']) {
    crew.push(await facts.person(name, ...decidingRoles));
  }
  administrator = await facts.person('administrator', 'Administrator');
  auditor = await facts.person('auditor', 'Auditor', 'Operator');
});
afterAll(() => database.close());

const tried = (...statements: readonly string[]) =>
  verdictOf(client, 'sentinelops_decision', statements.join(';'));
const REFUSED = '42501';

interface Said {
  readonly act?: Act;
  readonly option?: string | null;
  readonly shown?: string;
  readonly justification?: string;
}

function approval(level: RiskLevel, person: PersonId, role: string, said: Said = {}): string {
  const { act = 'approve', justification = 'because' } = said;
  const names = act === 'approve' || act === 'override';
  const { option = names ? 'restore' : null, shown = reviews[level].viewDigest } = said;
  return `insert into decision.approval (approval_id, decision_id, person_id, role, act, option_id, justification, view_digest, approved_at)
    values (gen_random_uuid(), '${decisionId(level)}', '${person}', '${role}', '${act}',
      ${option === null ? 'null' : `'${option}'`}, '${justification}', '${shown}', clock_timestamp())`;
}

function end(
  level: RiskLevel,
  type: string,
  maker: PersonId,
  role: string,
  option: string | null = type === 'approved' || type === 'override' ? 'restore' : null,
  proof = option === null ? 'null' : 'decision.seating_of(decision_id, required_authority)',
): string {
  return `update decision.decision set decision_type = '${type}', decision_maker_id = '${maker}', decision_maker_role = '${role}',
      justification = 'because', row_digest = repeat('d', 64), proof = ${proof},
      finalized_at = ${type === 'escalated' || type === 'pending' ? 'null' : 'now()'},
      escalated_at = ${type === 'escalated' ? 'now()' : 'null'},
      option_id = ${option === null ? 'null' : `'${option}'`},
      expires_at = ${option === null ? 'null' : `now() + interval '1 day'`}
    where decision_id = '${decisionId(level)}'`;
}

const decisionId = (level: RiskLevel) => decisionIdOf(reviews[level].advisoryId, 1);
const [ann, ben, cem] = [0, 1, 2].map((index) => () => crew[index]!) as [
  () => PersonId,
  () => PersonId,
  () => PersonId,
];

describe('an approval', () => {
  it.each([
    [
      'by someone who does not hold the role',
      () => approval('LOW', administrator, 'Governance Board'),
    ],
    [
      'by someone without any role',
      () => approval('LOW', '00000000-0000-8000-8000-000000000000' as PersonId, 'Administrator'),
    ],
    ['in a role that only reads', () => approval('LOW', auditor, 'Auditor')],
    ['in a role that only runs the daemon', () => approval('LOW', auditor, 'Operator')],
    ['by the author of the policy', () => approval('LOW', facts.author, 'Administrator')],
    [
      'of something else than was shown',
      () => approval('LOW', ann(), 'Administrator', { shown: '0'.repeat(64) }),
    ],
    [
      'of an option that nobody offered',
      () => approval('LOW', ann(), 'Administrator', { option: 'delete' }),
    ],
    ['in a role without a seat', () => approval('MEDIUM', ann(), 'Compliance Officer')],
    [
      'that rejects without a seat',
      () => approval('MEDIUM', ann(), 'Governance Board', { act: 'reject' }),
    ],
    [
      'that overrides in a role too low',
      () => approval('LOW', ann(), 'Senior Authority', { act: 'override' }),
    ],
  ])('%s is refused', async (_, statement) => {
    expect(await tried(statement())).toBe(REFUSED);
  });

  it.each([
    ['without an option', { option: null }, '23514 approving_names_an_option'],
    [
      'that overrides without a word',
      { act: 'override', justification: ' ' },
      '23514 act_is_justified',
    ],
    ['that rejects without a word', { act: 'reject', justification: '' }, '23514 act_is_justified'],
    ['of a kind that there is not', { act: 'abstain' as Act }, '23514 act_is_known'],
  ] as const)('%s is refused', async (_, said, refusal) => {
    expect(await tried(approval('LOW', ann(), 'Governance Board', said))).toBe(refusal);
  });

  it('is given once in a round, in one role', async () => {
    expect(
      await tried(
        approval('MEDIUM', ann(), 'Administrator'),
        approval('MEDIUM', ann(), 'Senior Authority'),
      ),
    ).toBe('23505 one_act_per_person_and_round');
  });

  it('is refused once the round is over', async () => {
    expect(
      await tried(
        approval('LOW', ann(), 'Administrator'),
        end('LOW', 'approved', ann(), 'Administrator'),
        approval('LOW', ben(), 'Administrator', { act: 'reject' }),
      ),
    ).toBe(REFUSED);
  });

  it.each([
    "update decision.approval set act = 'reject'",
    'delete from decision.approval',
    'truncate decision.approval',
  ])('never changes, whoever asks: %s', async (change) => {
    const statements = [approval('LOW', ann(), 'Administrator'), change].join(';');
    expect(await verdictOf(client, 'sentinelops_decision', statements)).toBe(REFUSED);
    expect(await verdictOf(client, SUPERUSER, statements)).toBe(REFUSED);
  });

  it('that only calls for a higher authority takes no seat', async () => {
    const escalate = approval('MEDIUM', ann(), 'Compliance Officer', { act: 'escalate' });
    expect(await tried(escalate)).toBe('allowed');
  });
});

describe('a decision', () => {
  it.each([
    ['approved by nobody', () => [end('LOW', 'approved', ann(), 'Administrator')]],
    [
      'approved by too few',
      () => [
        approval('MEDIUM', ann(), 'Administrator'),
        end('MEDIUM', 'approved', ann(), 'Administrator'),
      ],
    ],
    [
      'approved by two of the same role where two roles are needed',
      () => [
        approval('MEDIUM', ann(), 'Administrator'),
        approval('MEDIUM', ben(), 'Administrator'),
        end('MEDIUM', 'approved', ben(), 'Administrator'),
      ],
    ],
    [
      'of critical risk approved by three of the Board alone',
      () => [
        ...[ann(), ben(), cem()].map((person) => approval('CRITICAL', person, 'Governance Board')),
        end('CRITICAL', 'approved', cem(), 'Governance Board'),
      ],
    ],
    [
      'approved on the strength of an escalation',
      () => [
        approval('LOW', ann(), 'Administrator', { act: 'escalate' }),
        end('LOW', 'approved', ann(), 'Administrator'),
      ],
    ],
    [
      'approved against a rejection',
      () => [
        approval('LOW', ann(), 'Administrator'),
        approval('LOW', ben(), 'Administrator', { act: 'reject' }),
        end('LOW', 'approved', ann(), 'Administrator'),
      ],
    ],
    [
      'for another option than was approved',
      () => [
        approval('LOW', ann(), 'Administrator', { option: 'ignore' }),
        end('LOW', 'approved', ann(), 'Administrator', 'restore'),
      ],
    ],
    [
      'of unknown risk approved without an override',
      () => [
        approval('UNKNOWN', ann(), 'Governance Board'),
        approval('UNKNOWN', ben(), 'Administrator'),
        approval('UNKNOWN', cem(), 'Administrator'),
        end('UNKNOWN', 'approved', cem(), 'Administrator'),
      ],
    ],
    [
      'overridden although nobody overrode',
      () => [
        approval('LOW', ann(), 'Administrator'),
        end('LOW', 'override', ann(), 'Administrator'),
      ],
    ],
    ['rejected by nobody', () => [end('LOW', 'rejected', ann(), 'Administrator')]],
    [
      'escalated by nobody',
      () => [
        approval('LOW', ann(), 'Administrator'),
        end('LOW', 'escalated', ann(), 'Administrator'),
      ],
    ],
    [
      'made by someone who said nothing',
      () => [
        approval('LOW', ann(), 'Administrator'),
        end('LOW', 'approved', ben(), 'Administrator'),
      ],
    ],
  ])('%s is refused', async (_, statements) => {
    expect(await tried(...statements())).toBe(REFUSED);
  });

  it('is refused on an approval whose person has left office', async () => {
    await client.query('begin');
    await client.query(approval('LOW', administrator, 'Administrator'));
    await facts.revoke(administrator, 'Administrator');
    const finalise = client.query(end('LOW', 'approved', administrator, 'Administrator'));
    await expect(finalise).rejects.toMatchObject({ code: REFUSED });
    await client.query('rollback');
  });

  const decided = () => [
    approval('LOW', ann(), 'Administrator'),
    end('LOW', 'approved', ann(), 'Administrator'),
  ];

  it('that is authorised stands', async () => {
    expect(await tried(...decided())).toBe('allowed');
  });

  it.each([
    [
      'undone',
      (id: string) =>
        `update decision.decision set decision_type = 'pending', finalized_at = null, expires_at = null, option_id = null, proof = null where decision_id = '${id}'`,
    ],
    [
      'opened again and decided otherwise',
      (id: string) =>
        `update decision.decision set decision_type = 'rejected', proof = null where decision_id = '${id}'`,
    ],
    [
      'given another option',
      (id: string) =>
        `update decision.decision set option_id = 'ignore' where decision_id = '${id}'`,
    ],
    [
      'given another expiry',
      (id: string) =>
        `update decision.decision set expires_at = expires_at - interval '1 hour' where decision_id = '${id}'`,
    ],
    [
      'justified anew',
      (id: string) =>
        `update decision.decision set justification = 'other' where decision_id = '${id}'`,
    ],
    [
      'given another digest',
      (id: string) =>
        `update decision.decision set row_digest = repeat('0', 64) where decision_id = '${id}'`,
    ],
    [
      'touched at all',
      (id: string) =>
        `update decision.decision set row_digest = row_digest where decision_id = '${id}'`,
    ],
    ['deleted', (id: string) => `delete from decision.decision where decision_id = '${id}'`],
  ])('is final: it is not %s, not even by a superuser', async (_, change) => {
    const statements = [...decided(), change(decisionId('LOW'))].join(';');
    expect(await verdictOf(client, 'sentinelops_decision', statements)).toBe(REFUSED);
    expect(await verdictOf(client, SUPERUSER, statements)).toBe(REFUSED);
  });

  it('is final for its advisory: there is no second one', async () => {
    const second = `insert into decision.decision (decision_id, advisory_id, decision_type, review_id, event_id, round, risk_level,
        required_authority, valid_for_s, view_digest, salt)
      select gen_random_uuid(), advisory_id, 'pending', review_id, event_id, 2, risk_level, required_authority, valid_for_s,
        view_digest, salt from decision.decision where decision_id = '${decisionId('LOW')}'`;
    expect(await tried(...decided(), second)).toBe(REFUSED);
  });

  it.each(['required_authority', 'view_digest', 'risk_level', 'valid_for_s', 'round', 'salt'])(
    'does not change what its reviewers were shown: %s',
    async (column) => {
      const set = `update decision.decision set ${column} = (select ${column} from decision.decision where decision_id = '${decisionId('HIGH')}')
        where decision_id = '${decisionId('LOW')}'`;
      expect(await tried(set)).toBe(REFUSED);
    },
  );

  it('cannot ask for less than the floor of its level', async () => {
    await client.query('begin');
    await client.query(
      'alter table decision.decision disable trigger refuse_change_of_other_columns',
    );
    await client.query('alter table decision.decision disable trigger decision_is_authorised');
    await client.query(
      `update decision.decision set required_authority = '{"seats": [["Administrator"]], "roles": 1}' where decision_id = $1`,
      [decisionId('CRITICAL')],
    );
    await client.query(
      'alter table decision.decision enable always trigger decision_is_authorised',
    );
    await client.query(approval('CRITICAL', ann(), 'Administrator'));
    const finalise = client.query(end('CRITICAL', 'approved', ann(), 'Administrator'));
    await expect(finalise).rejects.toMatchObject({ code: REFUSED });
    await client.query('rollback');
  });
});

// The database and the domain decide the same, case by case.

interface Generated {
  readonly role: DecidingRole;
  readonly act: Act;
  readonly option: string;
  readonly leaves: boolean;
}
const role = fc.constantFrom(...decidingRoles);
const generated: fc.Arbitrary<readonly Generated[]> = fc.array(
  fc.record({
    role,
    act: fc.constantFrom<Act>('approve', 'approve', 'approve', 'override'),
    option: fc.constantFrom('restore', 'restore', 'restore', 'restore', 'ignore'),
    leaves: fc.constantFrom(false, false, false, true),
  }),
  { maxLength: 6 },
);

/** Runs in a transaction that leaves nothing behind. */
async function undone<T>(work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    return await work();
  } finally {
    await client.query('rollback');
  }
}

function approvalsOf(said: readonly Generated[]): readonly Approval[] {
  return said.map(({ role: as, act, option, leaves }, index) => ({
    personId: crew[index]!,
    role: as,
    act,
    optionId: option,
    onBehalfOf: null,
    inOffice: !leaves,
  }));
}
const excluded = () => new Map([[facts.author, 'policy_author' as const]]);

async function leave(approvals: readonly Approval[]): Promise<void> {
  for (const { personId, role: as, inOffice } of approvals) {
    if (!inOffice) await facts.revoke(personId, as);
  }
}

describe('for all approvals', () => {
  it('quorum_is_met says what the domain says of the seats', async () => {
    const requirement = fc
      .record({
        seats: fc.array(fc.uniqueArray(role, { minLength: 1 }), { minLength: 1, maxLength: 4 }),
        roles: fc.integer({ min: 1, max: 3 }),
        or: fc.constantFrom([], [{ seats: [['Governance Board' as const]], roles: 1 }]),
      })
      .filter((candidate) => parseRequirement(candidate) !== undefined);
    await fc.assert(
      fc.asyncProperty(requirement, generated, fc.boolean(), (asked, said, withAuthor) =>
        undone(async () => {
          const approvals = [...approvalsOf(said)];
          if (withAuthor) {
            approvals.push({
              ...approvals[0]!,
              personId: facts.author,
              role: 'Governance Board',
              act: 'approve',
              inOffice: true,
              onBehalfOf: null,
              optionId: 'restore',
            });
          }
          // The guards would refuse some of these; here it is the counting that is compared.
          await client.query(
            'alter table decision.approval disable trigger approval_is_by_a_person_in_office',
          );
          for (const { personId, role: as, act, optionId } of approvals) {
            await client.query(approval('LOW', personId, as, { act, option: optionId }));
          }
          await leave(approvals);
          const { rows } = await client.query<{ met: boolean }>(
            'select decision.quorum_is_met($1, $2) as met',
            [decisionId('LOW'), asked],
          );
          const { reasons } = judge(asked, 'LOW', approvals, excluded());
          expect(rows[0]!.met).toBe(!reasons.includes('seats_open'));
        }),
      ),
      { numRuns: 200 },
    );
  }, 60_000);

  it('a decision can be finalised exactly when the domain judges the approvals sufficient', async () => {
    const seen = new Set<boolean>();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...riskLevels), generated, (level, said) =>
        undone(async () => {
          const required = requirementFor(level);
          const approvals = approvalsOf(said).filter(
            (one) =>
              required.seats.some((seat) => seat.includes(one.role)) &&
              (one.act === 'approve' || overrides(one)),
          );
          fc.pre(approvals.length > 0);
          for (const { personId, role: as, act, optionId } of approvals) {
            await client.query(approval(level, personId, as, { act, option: optionId }));
          }
          await leave(approvals);
          const type = approvals.some((one) => one.inOffice && overrides(one))
            ? 'override'
            : 'approved';
          const [{ personId, role: as, optionId }] = approvals as [Approval];
          const { sufficient, proof } = judge(required, level, approvals, excluded());
          seen.add(sufficient);
          // The proof is the domain's own, so this also holds the two against each other.
          const stored = `'${JSON.stringify(proof ?? { seats: [], roles: 1, excluded: [] })}'`;
          const finalised = await client
            .query(end(level, type, personId, as, optionId, stored))
            .then(() => true)
            .catch((error: { code?: string }) => {
              expect(error.code).toBe(REFUSED);
              return false;
            });
          expect(finalised).toBe(sufficient);
        }),
      ),
      { numRuns: 300 },
    );
    expect(seen).toEqual(new Set([true, false]));
  }, 60_000);
});
