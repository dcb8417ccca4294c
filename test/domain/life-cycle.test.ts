import { describe, expect, it } from 'vitest';
import { type PersonId, uuidOf } from '../../src/domain/ids.ts';
import {
  type LivingVersion,
  type Move,
  moves,
  type PolicyStatus,
  planDrafts,
  planMove,
  policyStatuses,
} from '../../src/domain/life-cycle.ts';
import { draftOf } from '../../src/domain/policy.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import { policyOf } from '../support/documents.ts';

const person = (name: string) => uuidOf<PersonId>('person of a test', name);
const [author, approver, third] = ['author', 'approver', 'third'].map(person) as [
  PersonId,
  PersonId,
  PersonId,
];
const officer = (by: PersonId) => ({ person: by, roles: ['Compliance Officer'] });

function living(
  version: number,
  status: PolicyStatus,
  more: Partial<LivingVersion> = {},
): LivingVersion {
  const { definitionSha256 } = draftOf(policyOf('p', { version }));
  return {
    name: 'p',
    version,
    place: 'p',
    phase: status === 'active' ? 'in force' : status === 'deprecated' ? 'retired' : 'waiting',
    definitionSha256,
    author,
    status,
    approvers: status === 'draft' ? [] : [approver],
    needsThirdPerson: false,
    activations: 0,
    deprecations: 0,
    ...more,
  };
}

/** `p@1 active`, or the reason of the refusal. */
function planned(move: Move, standing: readonly LivingVersion[], by = approver, version = 1) {
  const plan = planMove(move, { name: 'p', version }, standing, officer(by));
  if (isRefusal(plan)) return plan.reason;
  return plan.map(({ version: of, to }) => `${of.name}@${of.version} ${to}`);
}

describe('a move', () => {
  it('goes where the life of a version allows, says nothing where it is already, and refuses the rest', () => {
    const table = moves.map((move) => [
      move,
      policyStatuses.map((status) => planned(move, [living(1, status)])),
    ]);
    expect(Object.fromEntries(table)).toEqual({
      approve: [['p@1 approved'], [], 'wrong_status', 'wrong_status'],
      activate: ['wrong_status', ['p@1 active'], [], ['p@1 active']],
      deprecate: ['wrong_status', 'wrong_status', ['p@1 deprecated'], []],
    });
  });

  it('into force replaces the version that is, also by an older one', () => {
    expect(planned('activate', [living(1, 'active'), living(2, 'approved')], approver, 2)).toEqual([
      'p@1 deprecated',
      'p@2 active',
    ]);
    expect(planned('activate', [living(1, 'deprecated'), living(2, 'active')])).toEqual([
      'p@2 deprecated',
      'p@1 active',
    ]);
  });

  it('is no matter of the author, but out of force', () => {
    expect(planned('approve', [living(1, 'draft')], author)).toBe('author_approves');
    expect(planned('activate', [living(1, 'approved')], author)).toBe('author_approves');
    expect(planned('deprecate', [living(1, 'active')], author)).toEqual(['p@1 deprecated']);
  });

  it('into force takes a third person where the policy says so', () => {
    const standing = [living(1, 'approved', { needsThirdPerson: true })];
    expect(planned('activate', standing)).toBe('approver_activates');
    expect(planned('activate', standing, third)).toEqual(['p@1 active']);
  });

  it('is for Compliance Officers, and for versions that are stored', () => {
    const by = { person: approver, roles: ['Auditor'] };
    const plan = planMove('approve', { name: 'p', version: 1 }, [living(1, 'draft')], by);
    expect(plan).toMatchObject({ reason: 'not_compliance_officer' });
    expect(planned('approve', [living(1, 'draft')], approver, 2)).toBe('version_unknown');
  });
});

describe('drafts', () => {
  const one = draftOf(policyOf('p'));
  const two = draftOf(policyOf('p', { version: 2 }));
  const reasons = (...args: Parameters<typeof planDrafts>) => {
    const plan = planDrafts(...args);
    return 'refusals' in plan ? plan.refusals.map(({ reason }) => reason) : plan;
  };

  it('are those that are not stored', () => {
    expect(reasons([two], [living(1, 'active')], officer(author))).toEqual([two]);
    expect(reasons([one], [living(1, 'deprecated')], officer(author))).toEqual([]);
  });

  it('are refused as a whole', () => {
    const changed = draftOf(policyOf('p', { title: 'Another' }));
    expect(reasons([changed], [living(1, 'draft')], officer(author))).toEqual(['version_taken']);
    expect(reasons([one], [living(2, 'draft')], officer(author))).toEqual(['version_outdated']);
    expect(reasons([one, two], [], officer(author))).toEqual(['named_twice', 'named_twice']);
    expect(reasons([one], [], { person: author, roles: [] })).toEqual(['not_compliance_officer']);
  });
});
