import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createDecide } from '../../src/actors/decision.ts';
import type { Decide, DecisionAnswer, DecisionRequest } from '../../src/domain/approval.ts';
import { type Role, requirementFor } from '../../src/domain/authority.ts';
import type { Act } from '../../src/domain/judgement.ts';
import { decisionDigest, type EndedRound } from '../../src/domain/decision.ts';
import { decisionIdOf, type PersonId } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/domain/log.ts';
import { isRefusal, type Refusal } from '../../src/domain/problem.ts';
import { epochMsOf, type Timestamp } from '../../src/domain/time.ts';
import type { Message } from '../../src/queues/messages.ts';
import { type Database, openDatabase } from '../../src/stores/database.ts';
import { openDecisionStore } from '../../src/stores/decision.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';
import { type EvaluationFacts, type Facts, openFacts } from '../support/facts.ts';
import { openReview, openReviews, type ReviewToDecide, saying } from '../support/reviews.ts';

let database: TestDatabase;
let decision: Database;
let client: pg.Client;
let facts: Facts;
let decide: Decide;
const sent: Message<'awaiting-decision'>[] = [];
const people: Record<string, PersonId> = {};

beforeAll(async () => {
  database = await cloneDatabase();
  decision = database.open('decision');
  client = await database.superuser();
  facts = await openFacts(client);
  decide = createDecide({
    database: decision,
    send: async (messages) => void sent.push(...messages),
    log: silentLog,
  });
  people['ada'] = await facts.person('ada', 'Administrator');
  people['adam'] = await facts.person('adam', 'Administrator');
  people['sue'] = await facts.person('sue', 'Senior Authority');
  people['cora'] = await facts.person('cora', 'Compliance Officer');
  people['bob'] = await facts.person('bob', 'Governance Board');
  people['both'] = await facts.person('both', 'Administrator', 'Senior Authority');
});
afterAll(() => database.close());

const review = (wanted?: EvaluationFacts) => openReview(decision, facts, wanted);

/** `name` acts on the review as it was shown in its first round, or in the round with `viewDigest`. */
function act(
  name: string,
  what: Act,
  on: ReviewToDecide,
  more: {
    role?: Role;
    option?: string;
    viewDigest?: string;
    onBehalfOf?: PersonId;
    together?: DecisionRequest['together'];
  } = {},
): Promise<DecisionAnswer | Refusal> {
  const said = saying(what, on);
  return decide({ ...said, ...more, reviewId: on.reviewId, personId: people[name]! });
}

interface StoredDecision {
  readonly decision_type: string;
  readonly round: number;
  readonly finalized_at: Date | null;
}
async function stored({ reviewId }: ReviewToDecide): Promise<readonly StoredDecision[]> {
  const { rows } = await client.query<StoredDecision>(
    'select decision_type, round, finalized_at from decision.decision where review_id = $1 order by round',
    [reviewId],
  );
  return rows;
}
async function count(table: string, { reviewId }: ReviewToDecide): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    `select count(*) from ${table} where decision_id in (select decision_id from decision.decision where review_id = $1)`,
    [reviewId],
  );
  return Number(rows[0]!.count);
}
async function digestNow({ reviewId }: ReviewToDecide): Promise<string> {
  const found = await decision.transact((tx) =>
    openDecisionStore(tx).caseOf(reviewId, facts.author),
  );
  return found!.open.viewDigest;
}

describe('deciding', () => {
  it('one approval decides where one is enough, and the decision goes on to the ledger', async () => {
    const low = await review();
    const answer = await act('ada', 'approve', low);
    expect(answer).toMatchObject({
      reviewId: low.reviewId,
      decisionId: decisionIdOf(low.advisoryId, 1),
      round: 1,
      state: 'approved',
      remaining: [],
      optionId: 'restore',
      isRepeat: false,
    });
    const { finalizedAt, expiresAt } = answer as DecisionAnswer;
    expect(epochMsOf(expiresAt as Timestamp) - epochMsOf(finalizedAt as Timestamp)).toBe(
      86_400_000,
    );
    expect(sent).toContainEqual({ type: 'DECISION', id: decisionIdOf(low.advisoryId, 1) });
    const { rows } = await client.query(
      'select resolved_at is not null as resolved from decision.review where review_id = $1',
      [low.reviewId],
    );
    expect(rows).toEqual([{ resolved: true }]);
  });

  it('a first of two approvals leaves the round pending and says whom it waits for', async () => {
    const medium = await review({ level: 'MEDIUM' });
    expect(await act('ada', 'approve', medium)).toMatchObject({
      state: 'pending',
      remaining: [['Senior Authority']],
      missing: ['seats_open'],
      finalizedAt: null,
    });
    expect(sent).not.toContainEqual({ type: 'DECISION', id: decisionIdOf(medium.advisoryId, 1) });
    expect(await act('sue', 'approve', medium)).toMatchObject({ state: 'approved' });
    const { rows } = await client.query(
      `select decision_maker_id, decision_maker_role, justification from decision.decision where review_id = $1`,
      [medium.reviewId],
    );
    expect(rows).toEqual([
      {
        decision_maker_id: people['sue'],
        decision_maker_role: 'Senior Authority',
        justification: 'Administrator: I approve it\nSenior Authority: I approve it',
      },
    ]);
  });

  it.each<[EvaluationFacts, readonly [string, Act][], string]>([
    [
      { level: 'HIGH' },
      [
        ['cora', 'approve'],
        ['ada', 'approve'],
      ],
      'approved',
    ],
    [
      { level: 'HIGH' },
      [
        ['ada', 'approve'],
        ['cora', 'override'],
      ],
      'override',
    ],
    [
      { level: 'CRITICAL' },
      [
        ['bob', 'approve'],
        ['ada', 'approve'],
        ['sue', 'approve'],
      ],
      'approved',
    ],
    [
      { level: 'UNKNOWN' },
      [
        ['ada', 'approve'],
        ['cora', 'override'],
        ['bob', 'override'],
      ],
      'override',
    ],
    [
      { level: 'LOW', basis: 'unknown' },
      [
        ['bob', 'override'],
        ['ada', 'approve'],
        ['sue', 'approve'],
      ],
      'override',
    ],
  ])('%j by %j: %s', async (wanted, steps, expected) => {
    const open = await review(wanted);
    const answers: (DecisionAnswer | Refusal)[] = [];
    for (const [name, what] of steps) answers.push(await act(name, what, open));
    expect(answers.map((answer) => (isRefusal(answer) ? answer.reason : answer.state))).toEqual([
      ...steps.slice(1).map(() => 'pending'),
      expected,
    ]);
    expect(await stored(open)).toMatchObject([{ decision_type: expected }]);
  });

  it('keeps a digest of the row and its approvals that can be computed again from what stands', async () => {
    const medium = await review({ level: 'MEDIUM' });
    await act('ada', 'approve', medium);
    await act('sue', 'approve', medium);
    const decisionId = decisionIdOf(medium.advisoryId, 1);
    const { rows } = await client.query<{
      row_digest: string;
      maker: PersonId;
      role: 'Senior Authority';
      justification: string;
    }>(
      `select row_digest, decision_maker_id as maker, decision_maker_role as role, justification
       from decision.decision where decision_id = $1`,
      [decisionId],
    );
    const [round, approvals] = await decision.transact(async (tx) => {
      const store = openDecisionStore(tx);
      return [await store.roundOf(decisionId), await store.approvalsOf(decisionId)] as const;
    });
    const { row_digest, maker, role, justification } = rows[0]!;
    const ended: EndedRound = {
      ...round,
      state: 'approved',
      makerId: maker,
      makerRole: role,
      justification,
    };
    expect(decisionDigest(ended, approvals)).toBe(row_digest);
  });

  it('says that a review does not exist', async () => {
    const unknown = { ...(await review()), reviewId: decisionIdOf('none' as never, 1) as never };
    expect(await act('ada', 'approve', unknown)).toMatchObject({ reason: 'unknown_review' });
  });
});

describe('rejecting and escalating', () => {
  it('one rejection is final, whatever others have said', async () => {
    const high = await review({ level: 'HIGH' });
    await act('cora', 'approve', high);
    expect(await act('ada', 'reject', high)).toMatchObject({
      state: 'rejected',
      optionId: null,
      expiresAt: null,
    });
    expect(await act('bob', 'approve', high)).toMatchObject({ reason: 'already_decided' });
    expect(await stored(high)).toMatchObject([{ decision_type: 'rejected' }]);
    expect(sent).toContainEqual({ type: 'DECISION', id: decisionIdOf(high.advisoryId, 1) });
  });

  it('an escalation opens the next round for a higher role, on the same advisory', async () => {
    const low = await review();
    expect(await act('ada', 'escalate', low)).toMatchObject({ state: 'escalated', round: 1 });
    const viewDigest = await digestNow(low);
    expect(viewDigest).not.toBe(low.viewDigest);
    expect(await act('adam', 'approve', low, { viewDigest })).toMatchObject({
      reason: 'not_authorised',
    });
    expect(await act('sue', 'escalate', low, { viewDigest })).toMatchObject({ round: 2 });
    const third = { viewDigest: await digestNow(low) };
    expect(await act('cora', 'approve', low, third)).toMatchObject({ state: 'approved', round: 3 });
    const { rows } = await client.query(
      `select round, decision_type, required_authority -> 'seats' as seats, decision_maker_role from decision.decision
       where review_id = $1 order by round`,
      [low.reviewId],
    );
    expect(rows).toEqual(
      ['escalated', 'escalated', 'approved'].map((type, index) => ({
        round: index + 1,
        decision_type: type,
        seats: requirementFor('LOW', { raisedBy: index }).seats,
        decision_maker_role: ['Administrator', 'Senior Authority', 'Compliance Officer'][index],
      })),
    );
  });

  it('approvals of the round before an escalation do not count after it', async () => {
    const medium = await review({ level: 'MEDIUM' });
    await act('ada', 'approve', medium);
    await act('sue', 'escalate', medium);
    const viewDigest = await digestNow(medium);
    expect(await act('cora', 'approve', medium, { viewDigest })).toMatchObject({
      state: 'pending',
      remaining: [['Administrator']],
    });
    expect(await act('ada', 'approve', medium, { viewDigest })).toMatchObject({
      state: 'approved',
    });
  });
});

describe('a repeat', () => {
  it.each(['approve', 'reject', 'override', 'escalate'] as const)(
    'of the same act gets the same answer, records nothing and hands on again: %s',
    async (what) => {
      const open = await review({ level: 'HIGH' });
      if (what === 'override') await act('ada', 'approve', open);
      const first = await act('cora', what, open);
      const before = sent.length;
      const again = await act('cora', what, open);
      expect(again).toEqual({ ...first, isRepeat: true });
      expect(await count('decision.approval', open)).toBe(what === 'override' ? 2 : 1);
      expect(sent.length - before).toBe(what === 'approve' ? 0 : 1);
    },
  );

  it('is answered from what stands even while the ledger does not answer', async () => {
    const open = await review();
    const first = await act('ada', 'approve', open);
    await facts.ledgerBeat(6);
    try {
      expect(await act('ada', 'approve', open)).toEqual({ ...first, isRepeat: true });
    } finally {
      await facts.ledgerBeat(-3_600);
    }
  });

  it('with another act or another option is refused', async () => {
    const open = await review({ level: 'HIGH' });
    await act('cora', 'approve', open);
    expect(await act('cora', 'reject', open)).toMatchObject({ reason: 'already_acted' });
    expect(await act('cora', 'approve', open, { option: 'ignore' })).toMatchObject({
      reason: 'already_acted',
    });
    expect(await count('decision.approval', open)).toBe(1);
  });
});

describe('no way around the four eyes', () => {
  /** Refused for this reason, and nothing is recorded. */
  async function refused(
    attempt: Promise<DecisionAnswer | Refusal>,
    on: ReviewToDecide,
    reason: string,
    approvals = 0,
  ): Promise<void> {
    expect(await attempt).toMatchObject({ kind: 'refusal', reason });
    expect(await count('decision.approval', on)).toBe(approvals);
    expect((await stored(on)).filter(({ finalized_at: at }) => at !== null)).toEqual([]);
  }

  it.each([
    [
      'the advisory',
      `update advisory.advisory set row_digest = repeat('0', 64) where advisory_id = $1`,
    ],
    [
      'a command',
      `update advisory.advisory set recommendation_options = jsonb_set(recommendation_options, '{0,command,branch}', '"other"') where advisory_id = $1`,
    ],
    [
      'a target',
      `update advisory.advisory set recommendation_options = jsonb_set(recommendation_options, '{0,target}', '"other"') where advisory_id = $1`,
    ],
  ])('1: %s changed by a superuser after it was shown', async (_, change) => {
    const open = await review();
    await client.query('alter table advisory.advisory disable trigger refuse_change');
    await client.query(change, [open.advisoryId]);
    await client.query('alter table advisory.advisory enable always trigger refuse_change');
    await refused(act('ada', 'approve', open), open, 'view_changed');
    // Nor does it help to read it again: the round was opened on something else.
    const viewDigest = await digestNow(open);
    await refused(act('ada', 'approve', open, { viewDigest }), open, 'internal');
  });

  it('3: a policy that is not in force any more keeps its authority over its reviews', async () => {
    await facts.policy('outgoing', { authority: 'HIGH' });
    const open = await review({ level: 'LOW', policies: ['outgoing'] });
    await client.query(
      `update policy.policy set status = 'deprecated', active_to = now() where name = 'outgoing'`,
    );
    expect(await act('ada', 'approve', open)).toMatchObject({ state: 'pending' });
    expect(await act('cora', 'approve', open)).toMatchObject({ state: 'approved' });
  });

  it('6: the same person is one person, whichever token they came with', async () => {
    const open = await review({ level: 'MEDIUM' });
    await act('both', 'approve', open, { role: 'Administrator' });
    await refused(
      act('both', 'approve', open, { role: 'Senior Authority' }),
      open,
      'already_acted',
      1,
    );
  });

  it('7: two roles of one person do not fill two seats', async () => {
    const open = await review({ level: 'MEDIUM' });
    await act('both', 'approve', open, { role: 'Administrator' });
    expect(await act('adam', 'approve', open)).toMatchObject({ state: 'pending' });
    expect(await act('sue', 'approve', open)).toMatchObject({ state: 'approved' });
  });

  it('8: an approval does not count once its person has lost the role', async () => {
    const leaving = await facts.person('leaving', 'Administrator');
    people['leaving'] = leaving;
    const open = await review({ level: 'MEDIUM' });
    await act('leaving', 'approve', open);
    await facts.revoke(leaving, 'Administrator');
    expect(await act('sue', 'approve', open)).toMatchObject({
      state: 'pending',
      remaining: [['Administrator']],
    });
    await refused(act('leaving', 'reject', open), open, 'already_acted', 2);
    expect(await act('ada', 'approve', open)).toMatchObject({ state: 'approved' });
  });

  it('8: a person without the role, or disabled, does not act', async () => {
    people['gone'] = await facts.person('gone', 'Administrator');
    const open = await review();
    await client.query(`update identity.person set disabled_at = now() where name = 'gone'`);
    await refused(act('gone', 'approve', open), open, 'not_authorised');
  });

  it('10: nothing is decided while the ledger does not answer', async () => {
    const open = await review();
    await facts.ledgerBeat(6);
    try {
      for (const what of ['approve', 'reject', 'escalate'] as const) {
        await refused(act('ada', what, open), open, 'ledger_unavailable');
      }
      await client.query('delete from ledger.heartbeat');
      await refused(act('ada', 'approve', open), open, 'ledger_unavailable');
    } finally {
      await facts.ledgerBeat(-3_600);
    }
    expect(await act('ada', 'approve', open)).toMatchObject({ state: 'approved' });
  });

  it('2: a requirement that was lowered behind the policy is not enough for the database', async () => {
    await facts.policy('demanding', { authority: 'HIGH' });
    const open = await review({ level: 'LOW', policies: ['demanding'] });
    const other = await review({ level: 'LOW' });
    await act('ada', 'approve', open);
    await client.query('begin');
    await client.query('alter table decision.decision disable trigger user');
    await client.query(
      `update decision.decision d set required_authority = o.required_authority from decision.decision o
       where d.review_id = $1 and o.review_id = $2`,
      [open.reviewId, other.reviewId],
    );
    await client.query('alter table decision.decision enable trigger decision_is_authorised');
    const finalised = client.query(
      `update decision.decision set decision_type = 'approved', decision_maker_id = $2, decision_maker_role = 'Administrator',
         justification = 'x', row_digest = repeat('d', 64), finalized_at = now(), option_id = 'restore',
         expires_at = now() + interval '1 hour', proof = decision.seating_of(decision_id, required_authority)
       where review_id = $1`,
      [open.reviewId, people['ada']],
    );
    await expect(finalised).rejects.toMatchObject({ message: /not sufficient/ });
    await client.query('rollback');
    // Nor for the domain: the digest of what is shown covers the requirement.
    expect(await act('adam', 'approve', open)).toMatchObject({ state: 'pending' });
  });

  it('5: no other way to record an act or a decision goes past the same guards', async () => {
    const open = await review({ level: 'MEDIUM' });
    const id = decisionIdOf(open.advisoryId, 1);
    const round = await decision.transact((tx) => openDecisionStore(tx).roundOf(id));
    const forged = {
      ...round,
      state: 'approved' as const,
      optionId: 'restore',
      makerId: people['ada']!,
      makerRole: 'Administrator' as const,
      justification: '',
      finalizedAt: round.createdAt,
      expiresAt: round.createdAt,
      rowDigest: round.viewDigest,
    };
    for (const proof of [null, { seats: [], roles: 1, excluded: [] }]) {
      const ended = decision.transact((tx) =>
        openDecisionStore(tx).endRounds([{ ...forged, proof }]),
      );
      await expect(ended).rejects.toMatchObject({ code: '42501' });
    }
    expect(await stored(open)).toMatchObject([{ decision_type: 'pending' }]);
  });

  it('12: an approval is good for its own decision and round, and once', async () => {
    const open = await review({ level: 'MEDIUM' });
    const other = await review({ level: 'MEDIUM' });
    await act('ada', 'approve', open);
    await refused(
      act('sue', 'approve', other, { viewDigest: open.viewDigest }),
      other,
      'view_changed',
    );
    await act('sue', 'escalate', open);
    await refused(act('adam', 'approve', open), open, 'view_changed', 2);
    const copied = client.query(
      `insert into decision.approval (approval_id, decision_id, person_id, role, act, option_id, justification, view_digest, approved_at)
       select gen_random_uuid(), $2, person_id, role, act, option_id, justification, view_digest, approved_at
       from decision.approval where decision_id = $1 and act = 'approve'`,
      [decisionIdOf(open.advisoryId, 1), decisionIdOf(other.advisoryId, 1)],
    );
    await expect(copied).rejects.toMatchObject({ code: '42501' });
  });

  it('13: the author has no say through a delegate either', async () => {
    const delegate = await facts.person('delegate', 'Auditor');
    people['delegate'] = delegate;
    await facts.delegate(facts.author, delegate, 'Administrator');
    const open = await review();
    const acting = { role: 'Administrator' as const, onBehalfOf: facts.author };
    await refused(act('delegate', 'approve', open, acting), open, 'author_excluded');
  });

  it('whom the event is about has no say, by name alone or at the end of a path', async () => {
    people['mallory'] = await facts.person('mallory', 'Administrator');
    for (const subject of ['mallory', 'Mallory', 'user/mallory', 'urn:user:mallory']) {
      const open = await review({ subject });
      await refused(act('mallory', 'approve', open), open, 'subject_excluded');
      expect(await act('ada', 'approve', open)).toMatchObject({ state: 'approved' });
    }
    const another = await review({ subject: 'mallory/repository' });
    expect(await act('mallory', 'approve', another)).toMatchObject({ state: 'approved' });
  });

  it('who escalated a review has passed it on: it is for others to decide', async () => {
    const open = await review({ level: 'LOW' });
    people['cleo'] = await facts.person('cleo', 'Compliance Officer');
    await act('cleo', 'escalate', open);
    const viewDigest = await digestNow(open);
    for (const what of ['approve', 'reject', 'escalate'] as const) {
      await refused(act('cleo', what, open, { viewDigest }), open, 'escalator_excluded', 1);
    }
    expect(await act('cora', 'approve', open, { viewDigest })).toMatchObject({ state: 'approved' });
  });

  it('13: the author of the policy has no say, in whatever role', async () => {
    people['author'] = facts.author;
    const open = await review();
    for (const role of ['Administrator', 'Governance Board'] as const) {
      for (const what of ['approve', 'reject', 'override', 'escalate'] as const) {
        await refused(act('author', what, open, { role }), open, 'author_excluded');
      }
    }
  });

  it('14: a machine has no person, so it has no say', async () => {
    people['machine'] = decisionIdOf('machine' as never, 1) as never;
    const open = await review();
    await refused(act('machine', 'approve', open), open, 'not_authorised');
  });

  it('16: a rejection is not outvoted, before or after', async () => {
    const open = await review({ level: 'HIGH' });
    await act('ada', 'approve', open);
    await act('sue', 'reject', open);
    expect(await act('cora', 'approve', open)).toMatchObject({ reason: 'already_decided' });
    expect(await stored(open)).toMatchObject([{ decision_type: 'rejected' }]);
  });

  it('an unknown risk is not approved, only overridden', async () => {
    const open = await review({ level: 'UNKNOWN' });
    await refused(act('bob', 'approve', open), open, 'override_required');
    await act('ada', 'approve', open);
    await act('sue', 'approve', open);
    await refused(act('cora', 'approve', open), open, 'override_required', 2);
  });

  it('approvals of different options do not add up', async () => {
    const open = await review({ level: 'HIGH' });
    await act('ada', 'approve', open, { option: 'ignore' });
    await refused(act('cora', 'approve', open), open, 'other_option', 1);
  });
});

describe('why it was sufficient', () => {
  it('is kept with the decision: who sat in which seat, and who could not', async () => {
    const open = await review({ level: 'HIGH' });
    await act('ada', 'approve', open);
    await act('cora', 'approve', open);
    const { rows } = await client.query(
      'select proof from decision.decision where review_id = $1',
      [open.reviewId],
    );
    const seats = requirementFor('HIGH').seats;
    expect(rows).toEqual([
      {
        proof: {
          roles: 1,
          excluded: [{ personId: facts.author, why: 'policy_author' }],
          seats: [
            {
              seat: seats[0],
              personId: people['cora'],
              role: 'Compliance Officer',
              onBehalfOf: null,
            },
            { seat: seats[1], personId: people['ada'], role: 'Administrator', onBehalfOf: null },
          ],
        },
      },
    ]);
  });

  it('names the alternative that was filled', async () => {
    const authority = {
      any: [
        { seats: [['Governance Board']], roles: 1 },
        {
          all: [
            { seats: [['Senior Authority']], roles: 1 },
            { seats: [['Administrator']], roles: 1 },
          ],
        },
      ],
    };
    await facts.policy('either', { authority });
    const open = await review({ policies: ['either'] });
    expect(await act('ada', 'approve', open)).toMatchObject({
      state: 'pending',
      remaining: [['Governance Board']],
    });
    expect(await act('sue', 'approve', open)).toMatchObject({ state: 'approved' });
    const alone = await review({ policies: ['either'] });
    expect(await act('bob', 'approve', alone)).toMatchObject({ state: 'approved' });
  });

  it('holds the delegation that was used, and ends to count when that is taken back', async () => {
    const delegate = await facts.person('dora', 'Administrator');
    people['dora'] = delegate;
    const delegationId = await facts.delegate(
      people['cora']!,
      delegate,
      'Compliance Officer',
      'HIGH',
    );
    const acting = { role: 'Compliance Officer' as const, onBehalfOf: people['cora']! };
    const open = await review({ level: 'HIGH' });
    expect(await act('dora', 'approve', open, acting)).toMatchObject({ state: 'pending' });
    expect(await act('cora', 'approve', open)).toMatchObject({ reason: 'already_acted' });
    expect(await act('ada', 'approve', open)).toMatchObject({ state: 'approved' });
    const { rows } = await client.query(
      `select proof -> 'seats' -> 0 ->> 'onBehalfOf' as whose, a.delegation_id from decision.decision d
       join decision.approval a using (decision_id) where review_id = $1 and a.person_id = $2`,
      [open.reviewId, delegate],
    );
    expect(rows).toEqual([{ whose: people['cora'], delegation_id: delegationId }]);
    const critical = await review({ level: 'CRITICAL' });
    expect(await act('dora', 'approve', critical, acting)).toMatchObject({
      reason: 'not_delegated',
    });
    const second = await review({ level: 'HIGH' });
    await act('dora', 'approve', second, acting);
    await client.query(
      'update identity.delegation set revoked_at = now() where delegation_id = $1',
      [delegationId],
    );
    expect(await act('ada', 'approve', second)).toMatchObject({
      state: 'pending',
      remaining: [['Compliance Officer']],
    });
  });
});

describe('reviews that contradict each other', () => {
  const shown = ({ reviewId, viewDigest }: ReviewToDecide) => ({ reviewId, viewDigest });
  async function rivals(): Promise<readonly [ReviewToDecide, ReviewToDecide, ReviewToDecide]> {
    const reviews = await openReviews(decision, facts, {
      policies: ['to-restrict', 'to-restore', 'to-leave'],
      conflict: true,
      effects: ['restrict', 'restore', 'none'],
    });
    return reviews as [ReviewToDecide, ReviewToDecide, ReviewToDecide];
  }

  it('are decided together: to approve one rejects what contradicts it, and nothing else', async () => {
    const [restrict, restore, other] = await rivals();
    const before = sent.length;
    expect(await act('sue', 'approve', restrict, { together: [shown(restore)] })).toMatchObject({
      state: 'approved',
      together: [{ reviewId: restore.reviewId, state: 'rejected' }],
    });
    expect(await stored(restore)).toMatchObject([{ decision_type: 'rejected' }]);
    expect(await stored(other)).toMatchObject([{ decision_type: 'pending' }]);
    expect(sent.slice(before)).toEqual(
      [restrict, restore].map(({ advisoryId: id }) => ({
        type: 'DECISION',
        id: decisionIdOf(id, 1),
      })),
    );
  });

  it.each([
    ['reject', 'rejected'],
    ['escalate', 'escalated'],
  ] as const)('to %s one does so to what contradicts it', async (what, state) => {
    const [restrict, restore] = await rivals();
    await act('sue', what, restrict, { together: [shown(restore)] });
    for (const one of [restrict, restore])
      expect((await stored(one))[0]).toMatchObject({ decision_type: state });
  });

  it('take a person who was shown all of them, as they are', async () => {
    const [restrict, restore, other] = await rivals();
    const stale = { ...shown(restore), viewDigest: other.viewDigest };
    for (const together of [undefined, [], [shown(other)], [stale]]) {
      expect(await act('sue', 'approve', restrict, { together })).toMatchObject({
        reason: 'view_changed',
      });
    }
    expect(await count('decision.approval', restrict)).toBe(0);
    expect(await stored(restore)).toMatchObject([{ decision_type: 'pending' }]);
  });

  it('are agreed on one at a time', async () => {
    const reviews = await openReviews(decision, facts, {
      policies: ['to-restrict', 'to-restore'],
      level: 'MEDIUM',
      conflict: true,
      effects: ['restrict', 'restore'],
    });
    const [restrict, restore] = reviews as [ReviewToDecide, ReviewToDecide];
    await act('ada', 'approve', restrict, { together: [shown(restore)] });
    const rival = act('adam', 'approve', restore, { together: [shown(restrict)] });
    expect(await rival).toMatchObject({ reason: 'other_option' });
    expect(await act('cora', 'approve', restrict, { together: [shown(restore)] })).toMatchObject({
      state: 'approved',
    });
  });

  it('are not both approved, nor one of them alone, whoever writes it', async () => {
    const [restrict] = await rivals();
    const forged = client.query(
      `insert into decision.approval (approval_id, decision_id, person_id, role, act, option_id, justification, view_digest, approved_at)
       values (gen_random_uuid(), '${decisionIdOf(restrict.advisoryId, 1)}', '${people['sue']}', 'Senior Authority', 'approve',
         'restore', '', '${restrict.viewDigest}', clock_timestamp());
       update decision.decision set decision_type = 'approved', decision_maker_id = '${people['sue']}',
         decision_maker_role = 'Senior Authority', justification = 'x', row_digest = repeat('d', 64), finalized_at = now(),
         option_id = 'restore', expires_at = now(), proof = decision.seating_of(decision_id, required_authority)
       where review_id = '${restrict.reviewId}'`,
    );
    await expect(forged).rejects.toMatchObject({ code: '42501', message: /contradicts/ });
  });

  it('two people who approve one each at once: one of them decides both', async () => {
    const [restrict, restore] = await rivals();
    const answers = await Promise.all([
      act('sue', 'approve', restrict, { together: [shown(restore)] }),
      act('cora', 'approve', restore, { together: [shown(restrict)] }),
    ]);
    const said = answers.map((answer) => (isRefusal(answer) ? answer.reason : answer.state));
    expect(said.toSorted()).toEqual(['already_decided', 'approved']);
  });
});

describe('at once', () => {
  it('9: of two last approvals one decides, in 50 of 50 races', async () => {
    const RACES = 50;
    const outcomes: string[] = [];
    for (let race = 0; race < RACES; race += 1) {
      const open = await review({ level: 'MEDIUM' });
      await act('sue', 'approve', open);
      const rivals = await Promise.all([
        act('ada', 'approve', open),
        act('adam', race % 2 === 0 ? 'approve' : 'reject', open),
      ]);
      const said = rivals.map((rival) => (isRefusal(rival) ? rival.reason : 'decided'));
      outcomes.push(said.toSorted().join());
      const decisions = await stored(open);
      expect(decisions.filter(({ finalized_at: at }) => at !== null)).toHaveLength(1);
    }
    expect(new Set(outcomes)).toEqual(new Set(['already_decided,decided']));
  }, 120_000);

  it('two first approvals both stand', async () => {
    const open = await review({ level: 'CRITICAL' });
    await Promise.all([act('ada', 'approve', open), act('sue', 'approve', open)]);
    expect(await count('decision.approval', open)).toBe(2);
    expect(await act('bob', 'approve', open)).toMatchObject({ state: 'approved' });
  });

  it('the same act sent twice at once is one act', async () => {
    const open = await review({ level: 'MEDIUM' });
    const [one, two] = await Promise.all([
      act('ada', 'approve', open),
      act('ada', 'approve', open),
    ]);
    expect(new Set([one, two].map((answer) => (answer as DecisionAnswer).isRepeat))).toEqual(
      new Set([true, false]),
    );
    expect(await count('decision.approval', open)).toBe(1);
  });

  it('an escalation and an approval: whichever comes second is shown something else', async () => {
    const open = await review({ level: 'LOW' });
    const answers = await Promise.all([act('ada', 'escalate', open), act('adam', 'approve', open)]);
    const reasons = answers.map((answer) => (isRefusal(answer) ? answer.reason : answer.state));
    expect([
      ['escalated', 'not_authorised'],
      ['already_decided', 'approved'],
    ]).toContainEqual(reasons);
  });
});

describe('when the rest of the house fails', () => {
  it('a queue store that refuses or hangs does not take the decision back', async () => {
    for (const send of [
      () => Promise.reject(new Error('ECONNREFUSED')),
      () => new Promise<void>(() => {}),
    ]) {
      const open = await review();
      const deciding = createDecide({ database: decision, send, log: silentLog });
      const answer = await deciding({
        ...saying('approve', open),
        reviewId: open.reviewId,
        personId: people['ada']!,
      });
      expect(answer).toMatchObject({ state: 'approved' });
      expect(await stored(open)).toMatchObject([{ decision_type: 'approved' }]);
    }
  });

  it('a database that does not answer is said to be unavailable', async () => {
    const unreachable = openDatabase({
      url: 'postgres://nobody@127.0.0.1:1/nowhere',
      domain: 'decision',
      assumeRole: false,
      connectionsMax: 1,
      onConnectionError: () => {},
    });
    const deciding = createDecide({ database: unreachable, send: async () => {}, log: silentLog });
    const open = await review();
    const answer = await deciding({
      ...saying('approve', open),
      reviewId: open.reviewId,
      personId: people['ada']!,
    });
    await unreachable.close();
    expect(answer).toMatchObject({ kind: 'refusal', reason: 'unavailable' });
  });

  it('a commit whose reply is lost is run again, and decides once', async () => {
    const open = await review();
    let losses = 0;
    const lossy: Database = {
      ...decision,
      async transact(work) {
        const result = await decision.transact(work);
        if (losses++ === 0) throw Object.assign(new Error('lost'), { code: 'ECONNRESET' });
        return result;
      },
    };
    const deciding = createDecide({
      database: lossy,
      send: async (messages) => void sent.push(...messages),
      log: silentLog,
    });
    const answer = await deciding({
      ...saying('approve', open),
      reviewId: open.reviewId,
      personId: people['ada']!,
    });
    expect(answer).toMatchObject({ state: 'approved', isRepeat: true });
    expect(await count('decision.approval', open)).toBe(1);
  });

  it('a role that is taken away between the reading and the act is refused with its reason', async () => {
    const late = await facts.person('late', 'Administrator');
    people['late'] = late;
    const open = await review();
    const holder = await database.superuser();
    await holder.query('begin');
    await holder.query('select from decision.decision where review_id = $1 for update', [
      open.reviewId,
    ]);
    const acting = act('late', 'approve', open);
    await waitsForLock();
    await facts.revoke(late, 'Administrator');
    await holder.query('commit');
    expect(await acting).toMatchObject({ kind: 'refusal', reason: 'not_authorised' });
    expect(await count('decision.approval', open)).toBe(0);
  });
});

/** Resolves once a session of the decision domain waits for a row that somebody else holds. */
async function waitsForLock(): Promise<void> {
  await vi.waitFor(async () => {
    const { rows } = await client.query(
      `select from pg_stat_activity
       where datname = current_database() and application_name = 'sentinelops decision' and wait_event_type = 'Lock'`,
    );
    if (rows.length === 0) throw new Error('no act waits for the lock of its decision');
  });
}
