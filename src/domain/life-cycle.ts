/**
 * The life of a policy version: draft, approved, active, deprecated, each step by its own person. A version that was
 * replaced can be activated again: that is how one goes back, at once and under the number that the ledger knows.
 *
 * The author approves nothing of their own and activates nothing of their own. Whoever approved may activate, unless the
 * policy says `activation: third person`. Postgres holds the same (sql/policy/0220_life_cycle.sql).
 */
import {
  APPROVING_ROLE,
  labelOf,
  outdated,
  refuseOtherContent,
  refuseRival,
  type StandingVersion,
  type WantedVersion,
} from './activation.ts';
import type { PersonId } from './ids.ts';
import { type Refusal, refuse } from './problem.ts';

export const policyStatuses = ['draft', 'approved', 'active', 'deprecated'] as const;
export type PolicyStatus = (typeof policyStatuses)[number];

/** What people do with a version that is stored. */
export const moves = ['approve', 'activate', 'deprecate'] as const;
export type Move = (typeof moves)[number];

export interface LivingVersion extends StandingVersion {
  readonly status: PolicyStatus;
  readonly approvers: readonly PersonId[];
  /** The policy asks for an activator who has not approved it. */
  readonly needsThirdPerson: boolean;
  /** How often it has come into force, and left it. */
  readonly activations: number;
  readonly deprecations: number;
}

export interface Step {
  readonly version: LivingVersion;
  readonly to: PolicyStatus;
}

/** Where each move may start. */
const starts: Readonly<Record<Move, readonly PolicyStatus[]>> = {
  approve: ['draft'],
  activate: ['approved', 'deprecated'],
  deprecate: ['active'],
};
const ends: Readonly<Record<Move, PolicyStatus>> = {
  approve: 'approved',
  activate: 'active',
  deprecate: 'deprecated',
};

/**
 * The steps that a move takes, in their order; none when the version is there already. Activating a version replaces the
 * one in force. Refusals: `not_compliance_officer`, `version_unknown`, `author_approves`, `approver_activates`,
 * `wrong_status`.
 */
export function planMove(
  move: Move,
  wanted: { readonly name: string; readonly version: number },
  standing: readonly LivingVersion[],
  by: { readonly person: PersonId; readonly roles: readonly string[] },
): readonly Step[] | Refusal {
  const label = labelOf(wanted);
  const version = standing.find((one) => labelOf(one) === label);
  if (!by.roles.includes(APPROVING_ROLE)) {
    return refuse('not_compliance_officer', `${by.person} does not hold that role`);
  }
  if (version === undefined) return refuse('version_unknown', `${label} is not stored`);
  const { status } = version;
  if (status === ends[move]) return [];
  if (!starts[move].includes(status)) {
    return refuse(
      'wrong_status',
      `${label} is ${status}; ${move} starts from ${starts[move].join(' or ')}`,
    );
  }
  const refusal = refusePerson(move, version, by.person);
  if (refusal !== undefined) return refusal;
  const replaced =
    move === 'activate'
      ? standing.filter((one) => one.name === wanted.name && one.status === 'active')
      : [];
  return [
    ...replaced.map((one): Step => ({ version: one, to: 'deprecated' })),
    { version, to: ends[move] },
  ];
}

function refusePerson(move: Move, version: LivingVersion, by: PersonId): Refusal | undefined {
  if (move === 'deprecate') return undefined;
  if (version.author === by) {
    return refuse('author_approves', `${by} wrote ${labelOf(version)}`);
  }
  return move === 'activate' && version.needsThirdPerson && version.approvers.includes(by)
    ? refuse('approver_activates', `${by} approved ${labelOf(version)}`)
    : undefined;
}

/**
 * What keeping documents as drafts takes: those that are new. All or nothing. Refusals: `not_compliance_officer`,
 * `named_twice`, `version_taken`, `version_outdated`.
 */
export function planDrafts<Wanted extends WantedVersion>(
  wanted: readonly Wanted[],
  standing: readonly StandingVersion[],
  by: { readonly person: PersonId; readonly roles: readonly string[] },
): readonly Wanted[] | { readonly refusals: readonly Refusal[] } {
  const stored = new Map(standing.map((version) => [labelOf(version), version]));
  const refusals = [
    ...(by.roles.includes(APPROVING_ROLE)
      ? []
      : [refuse('not_compliance_officer', `${by.person} does not hold that role`)]),
    ...wanted.flatMap((one) => refuseDraft(one, wanted, standing) ?? []),
  ];
  return refusals.length > 0 ? { refusals } : wanted.filter((one) => !stored.has(labelOf(one)));
}

function refuseDraft(
  wanted: WantedVersion,
  all: readonly WantedVersion[],
  standing: readonly StandingVersion[],
): Refusal | undefined {
  const rival = refuseRival(wanted, all, 'name');
  if (rival !== undefined) return rival;
  const stored = standing.find((other) => labelOf(other) === labelOf(wanted));
  if (stored !== undefined) return refuseOtherContent(wanted, stored);
  const newest = standing
    .filter(({ name }) => name === wanted.name)
    .reduce((highest, { version }) => Math.max(highest, version), 0);
  return newest > wanted.version ? outdated(wanted, newest) : undefined;
}
