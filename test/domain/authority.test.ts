import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Approval,
  acts,
  authorityTable,
  type DecidingRole,
  decidingRoles,
  judge,
  parsePolicyAuthority,
  parseRequirement,
  type Requirement,
  requirementFor,
  SEATS_MAX,
} from '../../src/domain/authority.ts';
import { type PersonId, personIdOf } from '../../src/domain/ids.ts';
import { type RiskLevel, riskLevels } from '../../src/domain/risk-level.ts';

const [admin, senior, officer, board] = decidingRoles;
const nobody: ReadonlySet<PersonId> = new Set();

function approval(name: string, role: DecidingRole, more: Partial<Approval> = {}): Approval {
  return {
    personId: personIdOf(name),
    role,
    act: 'approve',
    optionId: 'restore',
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
    expect(judged(team(officer, admin))).toEqual({ sufficient: true, remaining: [], reasons: [] });
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
    expect(judged(approvals, new Set([personIdOf('p0')])).reasons).toEqual(['seats_open']);
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
      { numRuns: 300, maxSkipsPerRun: 1_000 },
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

/** Every choice of `count` roles. */
function teamsOf(count: number): readonly (readonly DecidingRole[])[] {
  if (count === 0) return [[]];
  return teamsOf(count - 1).flatMap((rest) => decidingRoles.map((one) => [one, ...rest]));
}
