import { describe, expect, it } from 'vitest';
import {
  admitAct,
  type Attempt,
  concludeRound,
  type OpenRound,
  permissionsOf,
} from '../../src/domain/approval.ts';
import { type DecidingRole, type Role, requirementFor, roles } from '../../src/domain/authority.ts';
import { type Act, type Approval, acts } from '../../src/domain/judgement.ts';
import { sha256 } from '../../src/domain/digest.ts';
import { delegationIdOf, personIdOf } from '../../src/domain/ids.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import { type KnownRiskLevel, type RiskLevel, riskLevels } from '../../src/domain/risk-level.ts';

const viewDigest = sha256('what was shown');
const author = personIdOf('author');

function round(riskLevel: RiskLevel, more: Partial<OpenRound> = {}): OpenRound {
  return {
    state: 'pending',
    riskLevel,
    conflict: false,
    requirement: requirementFor(riskLevel),
    viewDigest,
    options: ['restore', 'ignore'],
    approvals: [],
    excluded: new Map([[author, 'policy_author']]),
    ledgerHealthy: true,
    ...more,
  };
}

const ada = personIdOf('ada');
const person = (...held: Role[]) => ({ personId: ada, roles: held, delegated: [] });
const attempt = (act: Act, more: Partial<Attempt> = {}): Attempt => ({
  act,
  option: act === 'approve' || act === 'override' ? 'restore' : undefined,
  justification: 'because',
  viewDigest,
  ...more,
});
const given = (name: string, role: DecidingRole, more: Partial<Approval> = {}): Approval => ({
  personId: personIdOf(name),
  role,
  act: 'approve',
  optionId: 'restore',
  onBehalfOf: null,
  inOffice: true,
  ...more,
});

/** The role in which the act is admitted, or the code of the refusal. */
function verdict(at: OpenRound, held: readonly Role[], asked: Attempt): string {
  const admitted = admitAct(at, person(...held), asked);
  return isRefusal(admitted) ? admitted.reason : 'yes';
}

/**
 * What one person may do alone on a fresh round. Columns: approve, reject, override, escalate.
 * y yes, - not within the role's authority, o only as an override.
 */
const matrix: Readonly<Record<RiskLevel, Readonly<Record<Role, string>>>> = {
  LOW: {
    Administrator: 'yy-y',
    'Senior Authority': 'yy-y',
    'Compliance Officer': 'yyyy',
    'Governance Board': 'yyyy',
    Auditor: '----',
    Operator: '----',
  },
  MEDIUM: {
    Administrator: 'yy-y',
    'Senior Authority': 'yy-y',
    'Compliance Officer': '---y',
    'Governance Board': '---y',
    Auditor: '----',
    Operator: '----',
  },
  HIGH: {
    Administrator: 'yy-y',
    'Senior Authority': 'yy-y',
    'Compliance Officer': 'yyyy',
    'Governance Board': 'yyyy',
    Auditor: '----',
    Operator: '----',
  },
  CRITICAL: {
    Administrator: 'yy-y',
    'Senior Authority': 'yy-y',
    'Compliance Officer': 'yyyy',
    'Governance Board': 'yyyy',
    Auditor: '----',
    Operator: '----',
  },
  UNKNOWN: {
    Administrator: 'yy-y',
    'Senior Authority': 'yy-y',
    'Compliance Officer': 'oyyy',
    'Governance Board': 'oyyy',
    Auditor: '----',
    Operator: '----',
  },
};
const CODES: Readonly<Record<string, string>> = {
  y: 'yes',
  '-': 'not_authorised',
  o: 'override_required',
};
const cells = riskLevels.flatMap((level) =>
  roles.flatMap((role) =>
    acts.map((act) => {
      const column = ['approve', 'reject', 'override', 'escalate'].indexOf(act);
      return { level, role, act, expected: CODES[matrix[level][role][column]!]! };
    }),
  ),
);

describe('who may do what', () => {
  it.each(cells)('$level: $role, $act: $expected', ({ level, role, act, expected }) => {
    expect(verdict(round(level), [role], attempt(act))).toBe(expected);
  });

  it.each(cells)('$level: $act by the author of the policy, a $role: never', (cell) => {
    const admitted = admitAct(
      round(cell.level),
      { personId: author, roles: [cell.role], delegated: [] },
      attempt(cell.act),
    );
    expect(admitted).toMatchObject({ reason: 'author_excluded' });
  });

  it('nobody without a role', () => {
    expect(verdict(round('LOW'), [], attempt('approve'))).toBe('not_authorised');
  });
});

describe('the role of an act', () => {
  it('is the only one that serves, when it is not named', () => {
    const held = ['Auditor', 'Administrator', 'Compliance Officer'] as const;
    expect(admitAct(round('MEDIUM'), person(...held), attempt('approve'))).toMatchObject({
      role: 'Administrator',
    });
  });

  it('has to be named when several serve', () => {
    const held = ['Administrator', 'Senior Authority'] as const;
    expect(verdict(round('MEDIUM'), held, attempt('approve'))).toBe('role_required');
    const named = attempt('approve', { role: 'Senior Authority' });
    expect(admitAct(round('MEDIUM'), person(...held), named)).toMatchObject({
      role: 'Senior Authority',
    });
  });

  it('must be held, and must serve', () => {
    const asBoard = attempt('approve', { role: 'Governance Board' });
    expect(verdict(round('LOW'), ['Administrator'], asBoard)).toBe('role_not_held');
    const held = ['Administrator', 'Governance Board'] as const;
    expect(verdict(round('MEDIUM'), held, asBoard)).toBe('not_authorised');
    const asAuditor = attempt('approve', { role: 'Auditor' });
    expect(verdict(round('LOW'), ['Auditor', 'Administrator'], asAuditor)).toBe('not_authorised');
  });

  it('that was enough before an escalation may have no seat after it', () => {
    const escalated = round('LOW', { requirement: requirementFor('LOW', { raisedBy: 1 }) });
    expect(verdict(escalated, ['Administrator'], attempt('reject'))).toBe('not_authorised');
    expect(verdict(escalated, ['Senior Authority'], attempt('approve'))).toBe('yes');
  });
});

describe('an act is refused', () => {
  const held = ['Administrator'] as const;

  it.each(['approved', 'rejected', 'override'] as const)('when the review is %s', (state) => {
    expect(verdict(round('LOW', { state }), held, attempt('approve'))).toBe('already_decided');
  });

  it('when the person has acted in the round', () => {
    const approvals = [given('ada', 'Administrator')];
    expect(verdict(round('HIGH', { approvals }), held, attempt('reject'))).toBe('already_acted');
  });

  it('when the person was shown something else', () => {
    const stale = attempt('approve', { viewDigest: sha256('something else') });
    expect(verdict(round('LOW'), held, stale)).toBe('view_changed');
  });

  it.each(acts)('while the ledger does not answer: %s', (act) => {
    const quiet = round('LOW', { ledgerHealthy: false });
    expect(verdict(quiet, ['Governance Board'], attempt(act))).toBe('ledger_unavailable');
  });

  it.each(['reject', 'override', 'escalate'] as const)('without a justification: %s', (act) => {
    for (const justification of ['', '  \n\t']) {
      const asked = attempt(act, { justification });
      expect(verdict(round('LOW'), ['Governance Board'], asked)).toBe('justification_required');
    }
  });

  it('but for approving, which may go without', () => {
    const asked = attempt('approve', { justification: ' ' });
    expect(admitAct(round('LOW'), person(...held), asked)).toMatchObject({ justification: '' });
  });

  it.each(['\u0000', '\ud800'])('when its justification cannot be stored: %j', (character) => {
    const asked = attempt('approve', { justification: `a${character}b` });
    expect(verdict(round('LOW'), held, asked)).toBe('bad_string');
  });

  it('when it names no option of the advisory, or another than the approvals of the round', () => {
    const asked = (option?: string) => attempt('approve', { option });
    expect(verdict(round('LOW'), held, asked())).toBe('option_required');
    expect(verdict(round('LOW'), held, asked('delete'))).toBe('unknown_option');
    expect(verdict(round('LOW', { options: [] }), held, asked('restore'))).toBe('unknown_option');
    const approvals = [given('bob', 'Compliance Officer')];
    expect(verdict(round('HIGH', { approvals }), held, asked('ignore'))).toBe('other_option');
    expect(verdict(round('HIGH', { approvals }), held, asked('restore'))).toBe('yes');
  });
});

describe('a round', () => {
  const high = (...approvals: Approval[]) => concludeRound(round('HIGH', { approvals }));

  it('stays pending until the seats are filled, and says what it lacks', () => {
    expect(high(given('ada', 'Administrator'))).toEqual({
      state: 'pending',
      remaining: [['Compliance Officer']],
      missing: ['seats_open'],
      proof: null,
    });
  });

  it('ends approved, or overridden when somebody overrode', () => {
    const first = given('ada', 'Administrator');
    expect(high(first, given('bob', 'Compliance Officer')).state).toBe('approved');
    const overriding = given('bob', 'Compliance Officer', { act: 'override' });
    expect(high(first, overriding).state).toBe('override');
  });

  it('ends with the first rejection or escalation', () => {
    const rejecting = given('eve', 'Administrator', { act: 'reject', optionId: null });
    const escalating = given('eve', 'Administrator', { act: 'escalate', optionId: null });
    const first = given('bob', 'Compliance Officer');
    expect(high(first, rejecting).state).toBe('rejected');
    expect(high(first, escalating).state).toBe('escalated');
  });

  it('that is over stays as it is when its people leave office', () => {
    const approvals = [given('ada', 'Administrator', { inOffice: false })];
    expect(concludeRound(round('LOW', { state: 'approved', approvals }))).toEqual({
      state: 'approved',
      remaining: [],
      missing: [],
      proof: null,
    });
  });
});

describe('acting for somebody else', () => {
  const bob = personIdOf('bob');
  const officerFor = (upToLevel: KnownRiskLevel) => ({
    personId: ada,
    roles: ['Administrator'] as const,
    delegated: [
      {
        delegationId: delegationIdOf(bob, ada, 'Compliance Officer', 'now'),
        delegator: bob,
        delegatorName: 'bob',
        role: 'Compliance Officer',
        upToLevel,
      } as const,
    ],
  });
  const forBob = (level: RiskLevel, upToLevel: KnownRiskLevel, more: Partial<OpenRound> = {}) =>
    admitAct(round(level, more), officerFor(upToLevel), attempt('approve', { onBehalfOf: bob }));

  it('is admitted in the role that was delegated, under the delegation', () => {
    expect(forBob('HIGH', 'HIGH')).toMatchObject({
      role: 'Compliance Officer',
      onBehalfOf: bob,
      delegationId: officerFor('HIGH').delegated[0]!.delegationId,
    });
  });

  it.each<[string, RiskLevel, KnownRiskLevel, Partial<OpenRound>, string]>([
    ['above its level', 'CRITICAL', 'HIGH', {}, 'not_delegated'],
    ['of unknown risk below CRITICAL', 'UNKNOWN', 'HIGH', {}, 'not_delegated'],
    [
      'for an author',
      'LOW',
      'LOW',
      { excluded: new Map([[bob, 'policy_author']]) },
      'author_excluded',
    ],
    [
      'for a subject',
      'LOW',
      'LOW',
      { excluded: new Map([[bob, 'event_subject']]) },
      'subject_excluded',
    ],
    [
      'for who escalated',
      'LOW',
      'LOW',
      { excluded: new Map([[bob, 'escalated']]) },
      'escalator_excluded',
    ],
    [
      'beside the person',
      'HIGH',
      'HIGH',
      { approvals: [given('bob', 'Compliance Officer')] },
      'already_acted',
    ],
  ])('is refused %s', (_, level, upToLevel, more, reason) => {
    expect(forBob(level, upToLevel, more)).toMatchObject({ reason });
  });

  it('takes the act of whoever is acted for', () => {
    const approvals = [given('eve', 'Compliance Officer', { onBehalfOf: bob })];
    const own = { personId: bob, roles: ['Compliance Officer'] as const, delegated: [] };
    const tried = admitAct(round('HIGH', { approvals }), own, attempt('approve'));
    expect(tried).toMatchObject({ reason: 'already_acted' });
  });

  it('is among what a person may do', () => {
    const [approve] = permissionsOf(
      round('MEDIUM', { requirement: requirementFor('HIGH') }),
      officerFor('HIGH'),
    );
    expect(approve).toMatchObject({
      roles: ['Administrator'],
      delegated: [{ delegator: bob, role: 'Compliance Officer' }],
      refusal: null,
    });
  });
});

describe('what a person may do', () => {
  const allowed = (at: OpenRound, ...held: Role[]) =>
    permissionsOf(at, person(...held)).map(({ act, roles: as, refusal }) => [
      act,
      refusal?.reason ?? as,
    ]);

  it('is told with the roles in which they may, and else with the reason', () => {
    expect(allowed(round('LOW'), 'Administrator', 'Compliance Officer')).toEqual([
      ['approve', ['Administrator', 'Compliance Officer']],
      ['reject', ['Administrator', 'Compliance Officer']],
      ['override', ['Compliance Officer']],
      ['escalate', ['Administrator', 'Compliance Officer']],
    ]);
    expect(allowed(round('MEDIUM'), 'Compliance Officer')).toEqual([
      ['approve', 'not_authorised'],
      ['reject', 'not_authorised'],
      ['override', 'not_authorised'],
      ['escalate', ['Compliance Officer']],
    ]);
  });

  it('is nothing on a review that is decided, or while the ledger does not answer', () => {
    const reasons = (at: OpenRound) =>
      new Set(allowed(at, 'Governance Board').map(([, why]) => why));
    expect(reasons(round('LOW', { state: 'rejected' }))).toEqual(new Set(['already_decided']));
    expect(reasons(round('LOW', { ledgerHealthy: false }))).toEqual(
      new Set(['ledger_unavailable']),
    );
  });

  it('follows the option that others approved', () => {
    const approvals = [given('bob', 'Compliance Officer', { optionId: 'ignore' })];
    expect(allowed(round('HIGH', { approvals }), 'Administrator')[0]).toEqual([
      'approve',
      ['Administrator'],
    ]);
  });

  it('is only to reject or escalate where the advisory offers no option', () => {
    expect(allowed(round('LOW', { options: [] }), 'Governance Board')).toEqual([
      ['approve', 'option_required'],
      ['reject', ['Governance Board']],
      ['override', 'option_required'],
      ['escalate', ['Governance Board']],
    ]);
  });
});
