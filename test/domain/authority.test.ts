import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allOf,
  alternativesOf,
  anyOf,
  authorityTable,
  type DecidingRole,
  decidingRoles,
  parsePolicyAuthority,
  parseRequirement,
  type Requirement,
  requirementFor,
  SEATS_MAX,
} from '../../src/domain/authority.ts';
import { type Approval, acts, type Excluded, judge } from '../../src/domain/judgement.ts';
import { personIdOf } from '../../src/domain/ids.ts';
import { type RiskLevel, riskLevels } from '../../src/domain/risk-level.ts';

const [admin, senior, officer, board] = decidingRoles;
const nobody: Excluded = new Map();

function approval(name: string, role: DecidingRole, more: Partial<Approval> = {}): Approval {
  return {
    personId: personIdOf(name),
    role,
    act: 'approve',
    optionId: 'restore',
    onBehalfOf: null,
    inOffice: true,
    ...more,
  };
}

/** People p0, p1, … who approve in these roles. */
const team = (...held: readonly DecidingRole[]) =>
  held.map((role, index) => approval(`p${index}`, role));

const isEnough = (level: RiskLevel, approvals: readonly Approval[], raisedBy = 0) =>
  judge(requirementFor(level, { raisedBy }), level, approvals, nobody).sufficient;

describe('the authority table', () => {
  const override = (approvals: readonly Approval[]) =>
    approvals.map((one) => (one.role === board ? { ...one, act: 'override' as const } : one));

  it.each<[RiskLevel, boolean, readonly DecidingRole[]]>([
    ['LOW', true, [admin]],
    ['LOW', true, [senior]],
    ['LOW', true, [officer]],
    ['LOW', true, [board]],
    ['LOW', false, []],
    ['MEDIUM', true, [admin, senior]],
    ['MEDIUM', false, [admin]],
    ['MEDIUM', false, [senior]],
    ['MEDIUM', false, [admin, admin]],
    ['MEDIUM', false, [senior, senior]],
    ['MEDIUM', false, [admin, officer]],
    ['MEDIUM', false, [senior, board]],
    ['MEDIUM', false, [officer, board]],
    ['HIGH', true, [officer, admin]],
    ['HIGH', true, [officer, senior]],
    ['HIGH', true, [officer, officer]],
    ['HIGH', true, [officer, board]],
    ['HIGH', false, [officer]],
    ['HIGH', false, [board, board]],
    ['HIGH', false, [board, senior]],
    ['HIGH', false, [admin, senior]],
    ['CRITICAL', true, [board, admin, senior]],
    ['CRITICAL', true, [board, board, admin]],
    ['CRITICAL', true, [board, officer, officer]],
    ['CRITICAL', false, [board, board, board]],
    ['CRITICAL', false, [board, officer]],
    ['CRITICAL', false, [admin, senior, officer]],
    ['CRITICAL', false, [officer, officer, officer]],
  ])('%s: %s for %j', (level, enough, held) => {
    expect(isEnough(level, team(...held))).toBe(enough);
  });

  it('treats an unknown risk as CRITICAL, and acts on it only when somebody overrides', () => {
    const approvals = team(board, admin, senior);
    expect(requirementFor('UNKNOWN')).toEqual(authorityTable.CRITICAL);
    expect(isEnough('UNKNOWN', approvals)).toBe(false);
    expect(isEnough('UNKNOWN', override(approvals))).toBe(true);
    expect(isEnough('UNKNOWN', override(team(board, admin)))).toBe(false);
  });
});

describe('escalation and conflict', () => {
  it.each<[RiskLevel, readonly Requirement['seats'][]]>([
    [
      'LOW',
      [[decidingRoles], [[senior, officer, board]], [[officer, board]], [[board]], [[board]]],
    ],
    [
      'MEDIUM',
      [
        [[admin], [senior]],
        [[admin], [officer, board]],
        [[admin], [board]],
      ],
    ],
    [
      'HIGH',
      [
        [[officer], decidingRoles],
        [[board], decidingRoles],
        [[board], decidingRoles],
      ],
    ],
    ['CRITICAL', [authorityTable.CRITICAL.seats, authorityTable.CRITICAL.seats]],
  ])('%s: each raises the highest seat by one role, up to the Board', (level, steps) => {
    expect(steps.map((_, raisedBy) => requirementFor(level, { raisedBy }).seats)).toEqual(steps);
  });
});

describe('a policy', () => {
  it('can ask for a higher level, and never for a lower one', () => {
    expect(requirementFor('LOW', { raisedBy: 0, policy: 'HIGH' })).toEqual(authorityTable.HIGH);
    expect(requirementFor('HIGH', { raisedBy: 0, policy: 'LOW' })).toEqual(authorityTable.HIGH);
    expect(requirementFor('UNKNOWN', { raisedBy: 0, policy: 'LOW' }).seats).toHaveLength(3);
    // MEDIUM takes two roles, which HIGH alone does not.
    expect(requirementFor('MEDIUM', { raisedBy: 0, policy: 'HIGH' })).toEqual({
      seats: authorityTable.HIGH.seats,
      roles: 2,
    });
  });

  it('can ask for seats of its own, beside what the level takes', () => {
    const policy = { seats: [[officer]], roles: 1 };
    expect(requirementFor('LOW', { raisedBy: 0, policy }).seats).toEqual([[officer]]);
    expect(requirementFor('MEDIUM', { raisedBy: 0, policy }).seats).toEqual([
      [admin],
      [senior],
      [officer],
    ]);
  });

  it('that leaves no room for the roles that the level takes gets one more seat', () => {
    const policy = { seats: [[board], [board], [board]], roles: 1 };
    const { seats, roles } = requirementFor('CRITICAL', { raisedBy: 0, policy });
    expect(seats).toEqual([[board], [board], [board], decidingRoles]);
    expect(roles).toBe(2);
  });

  it('is read from JSON as a level or as seats that people can fill', () => {
    const seats = [[admin], [board, officer]];
    expect(parsePolicyAuthority('HIGH')).toBe('HIGH');
    expect(parsePolicyAuthority({ seats, roles: 2 })).toEqual({ seats, roles: 2 });
    for (const wrong of [
      'UNKNOWN',
      'high',
      7,
      null,
      [],
      {},
      { seats: [], roles: 1 },
      { seats: [[]], roles: 1 },
      { seats: [['Auditor']], roles: 1 },
      { seats: [[admin]], roles: 0 },
      { seats: [[admin]], roles: 1.5 },
      { seats: [[admin], [admin]], roles: 2 },
      { seats: Array.from({ length: SEATS_MAX + 1 }, () => [admin]), roles: 1 },
    ]) {
      expect(parsePolicyAuthority(wrong), JSON.stringify(wrong)).toBeUndefined();
    }
  });
});

describe('judging a round', () => {
  const high = requirementFor('HIGH');
  const judged = (approvals: readonly Approval[], excluded = nobody) =>
    judge(high, 'HIGH', approvals, excluded);

  it('names the seats that are still open', () => {
    expect(judged([]).remaining).toEqual(high.seats);
    expect(judged(team(officer)).remaining).toEqual([decidingRoles]);
    expect(judged(team(admin)).remaining).toEqual([[officer]]);
    expect(judged(team(officer, admin))).toMatchObject({ remaining: [], reasons: [] });
  });

  it('asks for new roles only where every open seat must bring one', () => {
    const critical = requirementFor('CRITICAL');
    const remaining = (...held: DecidingRole[]) =>
      judge(critical, 'CRITICAL', team(...held), nobody).remaining;
    expect(remaining(board, board, board)).toEqual([[admin, senior, officer]]);
    expect(remaining(board)).toEqual([decidingRoles, decidingRoles]);
  });

  it('counts a person once, whatever roles they act in', () => {
    const twice = [approval('p0', officer), approval('p0', admin)];
    expect(judged(twice).sufficient).toBe(false);
    expect(judged([...twice, approval('p1', admin)]).sufficient).toBe(true);
  });

  it('does not count the author of the policy', () => {
    const approvals = team(officer, admin);
    expect(judged(approvals, new Map([[personIdOf('p0'), 'policy_author']])).reasons).toEqual([
      'seats_open',
    ]);
  });

  it('does not count who has left office', () => {
    const approvals = [approval('p0', officer, { inOffice: false }), approval('p1', admin)];
    expect(judged(approvals).remaining).toEqual([[officer]]);
  });

  it('is stopped by one rejection, whatever the others said', () => {
    const rejection = approval('p2', admin, { act: 'reject', optionId: null });
    const { sufficient, reasons } = judged([...team(officer, admin, board), rejection]);
    expect(sufficient).toBe(false);
    expect(reasons).toEqual(['rejected']);
  });

  it('does not add up approvals of different options', () => {
    const approvals = [approval('p0', officer), approval('p1', admin, { optionId: 'ignore' })];
    expect(judged(approvals).reasons).toEqual(['options_differ']);
  });
});

// Laws

const role = fc.constantFrom(...decidingRoles);
const level = fc.constantFrom(...riskLevels);
const anyApproval: fc.Arbitrary<Approval> = fc.record({
  personId: fc.constantFrom(...['a', 'b', 'c', 'd', 'e'].map(personIdOf)),
  role,
  act: fc.constantFrom(...acts),
  optionId: fc.constantFrom('restore', 'ignore'),
  onBehalfOf: fc.constantFrom(null, null, null, null, null, null, personIdOf('a'), personIdOf('f')),
  inOffice: fc.boolean(),
});
const policy = fc.option(
  fc.oneof(
    fc.constantFrom('LOW' as const, 'MEDIUM' as const, 'HIGH' as const, 'CRITICAL' as const),
    fc
      .record({
        seats: fc.array(fc.uniqueArray(role, { minLength: 1 }), { minLength: 1, maxLength: 3 }),
        roles: fc.integer({ min: 1, max: 3 }),
      })
      .filter((requirement) => parseRequirement(requirement) !== undefined),
  ),
  { nil: undefined },
);
const raisedBy = fc.integer({ min: 0, max: 4 });

describe('for all circumstances', () => {
  it('what is asked for can be fulfilled, and read back from JSON', () => {
    fc.assert(
      fc.property(level, raisedBy, policy, (at, raised, asked) => {
        const requirement = requirementFor(at, { raisedBy: raised, policy: asked });
        expect(parseRequirement(JSON.parse(JSON.stringify(requirement)))).toEqual(requirement);
      }),
    );
  });

  it('whatever is enough for a policy, a conflict or an escalation keeps to what the level takes', () => {
    // The row of the level with every seat as high as it may be raised: what the database holds as its floor.
    const floors: Readonly<Record<RiskLevel, Requirement>> = {
      LOW: { seats: [decidingRoles], roles: 1 },
      MEDIUM: { seats: [decidingRoles, [senior, officer, board]], roles: 2 },
      HIGH: { seats: [[officer, board], decidingRoles], roles: 1 },
      CRITICAL: authorityTable.CRITICAL,
      UNKNOWN: authorityTable.CRITICAL,
    };
    fc.assert(
      fc.property(
        level,
        raisedBy,
        policy,
        fc.array(anyApproval, { maxLength: 7 }),
        (at, raised, asked, approvals) => {
          const requirement = requirementFor(at, { raisedBy: raised, policy: asked });
          fc.pre(judge(requirement, at, approvals, nobody).sufficient);
          expect(judge(floors[at], at, approvals, nobody).sufficient).toBe(true);
        },
      ),
      { numRuns: 150, maxSkipsPerRun: 1_000 },
    );
  });

  it('the remaining seats are as few as can be: that many people more are enough, fewer are not', () => {
    fc.assert(
      fc.property(level, raisedBy, fc.array(role, { maxLength: 5 }), (at, raised, held) => {
        const requirement = requirementFor(at, { raisedBy: raised });
        const present = team(...held);
        const { remaining } = judge(requirement, at, present, nobody);
        const reachable = (count: number) =>
          teamsOf(count).some(
            (more) =>
              judge(
                requirement,
                'LOW',
                [...present, ...more.map((one, index) => approval(`more${index}`, one))],
                nobody,
              ).sufficient,
          );
        expect(reachable(remaining.length)).toBe(true);
        if (remaining.length > 0) expect(reachable(remaining.length - 1)).toBe(false);
      }),
    );
  });
});

// The algebra of requirements

const requirement = fc
  .record({
    seats: fc.array(fc.uniqueArray(role, { minLength: 1 }), { minLength: 1, maxLength: 3 }),
    roles: fc.integer({ min: 1, max: 3 }),
  })
  .filter((one) => parseRequirement(one) !== undefined);
/** People who approve the same: what is compared is the counting. */
const votes = fc.array(
  anyApproval
    .filter(({ personId, onBehalfOf }) => personId !== onBehalfOf)
    .map((one) => ({ ...one, act: 'approve' as const, optionId: 'restore' })),
  { maxLength: 6 },
);
const isMet = (asked: Requirement, given: readonly Approval[], excluded = nobody) =>
  judge(asked, 'LOW', given, excluded).sufficient;

describe('for all requirements and approvals', () => {
  it('OR is enough exactly when one of its parts is', () => {
    fc.assert(
      fc.property(requirement, requirement, votes, (one, other, given) => {
        expect(isMet(anyOf(one, other), given)).toBe(isMet(one, given) || isMet(other, given));
      }),
    );
  });

  it('AND is never enough where one of its parts is not, and takes people of its own for each', () => {
    fc.assert(
      fc.property(requirement, requirement, votes, (one, other, given) => {
        const both = allOf(one, { ...other, roles: 1 });
        if (!isMet(both, given)) return;
        expect(isMet({ ...one, roles: 1 }, given)).toBe(true);
        expect(isMet({ ...other, roles: 1 }, given)).toBe(true);
        expect(new Set(given.map(({ personId }) => personId)).size).toBeGreaterThanOrEqual(
          one.seats.length + other.seats.length,
        );
      }),
    );
  });

  it('AND and OR do not depend on the order of their parts', () => {
    fc.assert(
      fc.property(requirement, requirement, votes, (one, other, given) => {
        expect(isMet(allOf(one, other), given)).toBe(isMet(allOf(other, one), given));
        expect(isMet(anyOf(one, other), given)).toBe(isMet(anyOf(other, one), given));
      }),
    );
  });

  it('AND distributes over OR', () => {
    fc.assert(
      fc.property(requirement, requirement, requirement, votes, (one, two, three, given) => {
        const joined = allOf(one, anyOf(two, three));
        const spread = anyOf(allOf(one, two), allOf(one, three));
        expect(alternativesOf(joined)).toEqual(alternativesOf(spread));
        expect(isMet(joined, given)).toBe(isMet(spread, given));
      }),
    );
  });

  it('one more approval never makes insufficient what was sufficient', () => {
    fc.assert(
      fc.property(requirement, requirement, votes, votes, (one, other, given, more) => {
        fc.pre(isMet(anyOf(one, other), given));
        expect(isMet(anyOf(one, other), [...given, ...more])).toBe(true);
      }),
      { maxSkipsPerRun: 1_000 },
    );
  });

  it('one more exclusion never makes sufficient what was insufficient', () => {
    fc.assert(
      fc.property(requirement, votes, (asked, given) => {
        const excluded: Excluded = new Map([[personIdOf('a'), 'event_subject']]);
        if (isMet(asked, given, excluded)) expect(isMet(asked, given)).toBe(true);
      }),
    );
  });

  it('a stricter policy never accepts what the level refuses', () => {
    fc.assert(
      fc.property(level, requirement, requirement, votes, (at, one, other, given) => {
        const stricter = requirementFor(at, { raisedBy: 0, policy: anyOf(one, other) });
        fc.pre(isMet(stricter, given));
        expect(isMet(requirementFor(at), given)).toBe(true);
      }),
      { numRuns: 100, maxSkipsPerRun: 2_000 },
    );
  });

  it('a proof seats different people who count, each in a role of the seat, in all seats of an alternative', () => {
    fc.assert(
      fc.property(requirement, requirement, votes, (one, other, given) => {
        const excluded: Excluded = new Map([[personIdOf('b'), 'escalated']]);
        const { proof } = judge(anyOf(one, other), 'LOW', given, excluded);
        if (proof === null) return;
        const places = proof.seats.flatMap(({ personId, onBehalfOf }) =>
          onBehalfOf === null ? [personId] : [personId, onBehalfOf],
        );
        expect(new Set(places).size).toBe(places.length);
        expect(places).not.toContain(personIdOf('b'));
        for (const { seat, ...person } of proof.seats) {
          expect(seat).toContain(person.role);
          expect(given).toContainEqual(expect.objectContaining({ ...person, inOffice: true }));
        }
        const seats = proof.seats.map(({ seat }) => seat);
        const filled = alternativesOf(anyOf(one, other)).filter(
          (alternative) => JSON.stringify(alternative.seats) === JSON.stringify(seats),
        );
        expect(filled).not.toEqual([]);
        expect(new Set(proof.seats.map((seated) => seated.role)).size).toBeGreaterThanOrEqual(
          Math.min(...filled.map(({ roles }) => roles)),
        );
      }),
    );
  });
});

describe('a formula', () => {
  const seat = (...held: DecidingRole[]) => ({ seats: [held], roles: 1 });

  it('is read from all and any, as deep as one likes, into alternatives', () => {
    const read = parsePolicyAuthority({
      all: [seat(officer), { any: [seat(board), { all: [seat(senior), seat(admin)] }] }],
    });
    expect(read).toEqual({
      seats: [[officer], [board]],
      roles: 1,
      or: [{ seats: [[officer], [senior], [admin]], roles: 1 }],
    });
    expect(parsePolicyAuthority(JSON.parse(JSON.stringify(read)))).toEqual(read);
  });

  it.each([
    { all: [] },
    { any: 'all' },
    { all: [seat(officer)], roles: 2 },
    { any: [seat(officer), { all: [seat('Auditor' as never)] }] },
    { any: Array.from({ length: 9 }, () => seat(admin)) },
    { all: Array.from({ length: 7 }, () => seat(admin)) },
    { ...seat(admin), or: [{ seats: [] }] },
    { ...seat(admin), or: seat(admin) },
  ])('that has no meaning, or too much of it, is not read: %j', (wrong) => {
    expect(parsePolicyAuthority(wrong)).toBeUndefined();
  });
});

describe('acting for somebody else', () => {
  const forP0 = (name: string, as: DecidingRole) =>
    approval(name, as, { onBehalfOf: personIdOf('p0') });

  it('takes the places of both', () => {
    const high = requirementFor('HIGH');
    const both = [approval('p0', admin), forP0('p1', officer)];
    expect(judge(high, 'HIGH', both, nobody).sufficient).toBe(false);
    const others = [approval('p2', admin), forP0('p1', officer)];
    expect(judge(high, 'HIGH', others, nobody).sufficient).toBe(true);
  });

  it('does not count when either is excluded', () => {
    for (const name of ['p0', 'p1']) {
      const excluded: Excluded = new Map([[personIdOf(name), 'policy_author']]);
      const { reasons } = judge(requirementFor('LOW'), 'LOW', [forP0('p1', admin)], excluded);
      expect(reasons).toEqual(['seats_open']);
    }
  });
});

/** Every choice of `count` roles. */
function teamsOf(count: number): readonly (readonly DecidingRole[])[] {
  if (count === 0) return [[]];
  return teamsOf(count - 1).flatMap((rest) => decidingRoles.map((one) => [one, ...rest]));
}
