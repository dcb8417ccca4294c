import { describe, expect, it } from 'vitest';
import {
  changeDigest,
  changeOf,
  planActivation,
  type StandingVersion,
  type WantedVersion,
} from '../../src/domain/activation.ts';
import type { Digest } from '../../src/domain/digest.ts';
import { type PersonId, policyIdOf } from '../../src/domain/ids.ts';
import type { Timestamp } from '../../src/domain/time.ts';

const [author, approver] = ['author', 'approver'] as PersonId[] as [PersonId, PersonId];
const people = { author, approver };
const roles = new Map([
  [author, ['Compliance Officer']],
  [approver, ['Auditor', 'Compliance Officer']],
]);
const wanted = (name: string, version: number, digest = 'd', place = name): WantedVersion => ({
  name,
  version,
  place,
  definitionSha256: digest as Digest,
});
const standing = (
  name: string,
  version: number,
  phase: StandingVersion['phase'],
  digest = 'd',
  place = name,
): StandingVersion => ({ name, version, place, phase, definitionSha256: digest, author });

function labels(plan: ReturnType<typeof planActivation>) {
  if ('refusals' in plan) return plan.refusals.map(({ reason }) => reason);
  const names = (list: readonly { name: string; version: number }[]) =>
    list.map(({ name, version }) => `${name}@${version}`).join(' ');
  return { add: names(plan.add), activate: names(plan.activate), retire: names(plan.retire) };
}
const plan = (want: readonly WantedVersion[], have: readonly StandingVersion[], who = people) =>
  labels(planActivation(want, have, who, roles));

describe('bringing versions into force', () => {
  it('adds what is new and retires what it takes the place of', () => {
    expect(plan([wanted('a', 2), wanted('b', 1)], [standing('a', 1, 'in force', 'old')])).toEqual({
      add: 'a@2 b@1',
      activate: 'a@2 b@1',
      retire: 'a@1',
    });
  });

  it('has nothing to do for what is in force already', () => {
    const have = [standing('a', 1, 'in force'), standing('b', 3, 'in force')];
    expect(plan([wanted('a', 1)], have)).toEqual({ add: '', activate: '', retire: '' });
  });

  it('goes on with a version that was only written', () => {
    const have = [
      { ...standing('a', 2, 'waiting'), author: 'x' as PersonId },
      standing('a', 1, 'in force'),
    ];
    expect(plan([wanted('a', 2)], have)).toEqual({ add: '', activate: 'a@2', retire: 'a@1' });
  });

  it('retires another model of the same context', () => {
    const have = [standing('old-model', 7, 'in force', 'x', 'default')];
    expect(plan([wanted('new-model', 1, 'd', 'default')], have)).toMatchObject({
      retire: 'old-model@7',
    });
  });

  it.each<[string, readonly WantedVersion[], readonly StandingVersion[]]>([
    ['version_taken', [wanted('a', 1, 'other')], [standing('a', 1, 'in force')]],
    ['version_taken', [wanted('a', 1, 'other')], [standing('a', 1, 'retired')]],
    [
      'version_retired',
      [wanted('a', 1)],
      [standing('a', 1, 'retired'), standing('a', 2, 'in force')],
    ],
    ['version_outdated', [wanted('a', 1)], [standing('a', 2, 'in force')]],
    ['version_outdated', [wanted('a', 1)], [standing('a', 2, 'waiting')]],
    [
      'version_outdated',
      [wanted('a', 1)],
      [{ ...standing('a', 1, 'waiting'), author: 'x' as PersonId }, standing('a', 2, 'in force')],
    ],
    ['author_approves', [wanted('a', 1)], [{ ...standing('a', 1, 'waiting'), author: approver }]],
  ])('refuses: %s', (reason, want, have) => {
    expect(plan(want, have)).toEqual([reason]);
  });

  it('refuses two documents for one place', () => {
    expect(plan([wanted('a', 1), wanted('a', 2)], [])).toEqual(['named_twice', 'named_twice']);
  });

  it('refuses one person in both parts, and people without the role', () => {
    expect(plan([], [], { author, approver: author })).toEqual(['author_approves']);
    expect(plan([], [], { author: 'nobody' as PersonId, approver })).toEqual([
      'not_compliance_officer',
    ]);
  });

  it('refuses the whole set for one of them', () => {
    const have = [standing('a', 1, 'in force')];
    expect(plan([wanted('a', 1, 'other'), wanted('b', 1)], have)).toEqual(['version_taken']);
  });
});

it('the digest of a change covers every column, and the table', () => {
  const at = '2026-01-02T03:04:05.000000Z' as Timestamp;
  const of = { id: policyIdOf('p'), version: 1, definitionSha256: 'd' };
  const change = changeOf(of, ['draft', 'approved'], approver, at);
  const digests = [
    changeDigest('policy.policy_change', change),
    changeDigest('risk.risk_model_change', change),
    ...[
      changeOf(of, ['draft', 'active'], approver, at),
      changeOf(of, [null, 'approved'], approver, at),
      changeOf({ ...of, version: 2 }, ['draft', 'approved'], approver, at),
      changeOf({ ...of, id: policyIdOf('q') }, ['draft', 'approved'], approver, at),
      changeOf({ ...of, definitionSha256: 'e' }, ['draft', 'approved'], approver, at),
      changeOf(of, ['draft', 'approved'], author, at),
      changeOf(of, ['draft', 'approved'], approver, '2026-01-02T03:04:05.000001Z' as Timestamp),
    ].map((other) => changeDigest('policy.policy_change', other)),
  ];
  expect(new Set(digests).size).toBe(9);
});
