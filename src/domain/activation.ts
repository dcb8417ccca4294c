/**
 * Bringing versions into force. Policies and risk models follow one rule: a version is written once, approved by somebody
 * other than its author, in force until a newer one takes its place. A place is what can be held by one version at a time:
 * the name of a policy, the context of a risk model.
 *
 * This is the short way, one command for documents that are to be in force at once. It brings nothing back that was
 * replaced: what a folder says today is not to undo what somebody did since (life-cycle.ts does that, when told to).
 */
import { type CanonicalRecord } from './canonical.ts';
import { type Digest, rowRecord, sha256 } from './digest.ts';
import { type ChangeId, changeIdOf, type ModelId, type PersonId, type PolicyId } from './ids.ts';
import { type Refusal, refuse } from './problem.ts';
import type { Timestamp } from './time.ts';

/**
 * Names of the advisory locks under which versions change. Whoever changes what is in force takes the lock alone; whoever
 * evaluates shares it, so that "in force at that instant" is exact and not a race.
 */
export const activationLocks = {
  policy: 'sentinelops policies in force',
  risk_model: 'sentinelops risk models in force',
} as const;

/** Who may write and approve policies and risk models. */
export const APPROVING_ROLE = 'Compliance Officer';

export interface Responsible {
  readonly author: PersonId;
  readonly approver: PersonId;
}

/** A version as a document brings it. */
export interface WantedVersion {
  readonly name: string;
  readonly version: number;
  readonly place: string;
  readonly definitionSha256: Digest;
}

/** A version as it is stored. */
export interface StandingVersion {
  readonly name: string;
  readonly version: number;
  readonly place: string;
  readonly phase: 'waiting' | 'in force' | 'retired';
  readonly definitionSha256: string;
  readonly author: PersonId;
}

export interface ActivationPlan<
  Wanted extends WantedVersion,
  Standing extends StandingVersion = StandingVersion,
> {
  /** Not stored yet. */
  readonly add: readonly Wanted[];
  /** To come into force; those to be added among them. */
  readonly activate: readonly Wanted[];
  /** In force now, and replaced by one of `activate`. */
  readonly retire: readonly Standing[];
}

/**
 * What loading these documents takes; nothing when all of them are in force already. All or nothing: one refusal refuses
 * the set. Refusals: `not_compliance_officer`, `author_approves`, `named_twice`, `version_taken`, `version_retired`,
 * `version_outdated`.
 */
export function planActivation<Wanted extends WantedVersion, Standing extends StandingVersion>(
  wanted: readonly Wanted[],
  standing: readonly Standing[],
  people: Responsible,
  rolesOf: ReadonlyMap<PersonId, readonly string[]>,
): ActivationPlan<Wanted, Standing> | { readonly refusals: readonly Refusal[] } {
  const stored = new Map(standing.map((version) => [labelOf(version), version]));
  const refusals = [
    ...refusePeople(people, rolesOf),
    ...wanted.flatMap((one) => refuseVersion(one, wanted, standing, people) ?? []),
  ];
  if (refusals.length > 0) return { refusals };
  const activate = wanted.filter((one) => stored.get(labelOf(one))?.phase !== 'in force');
  const places = new Set(activate.map(({ place }) => place));
  return {
    add: activate.filter((one) => !stored.has(labelOf(one))),
    activate,
    retire: standing.filter(({ phase, place }) => phase === 'in force' && places.has(place)),
  };
}

export const labelOf = ({ name, version }: { name: string; version: number }): string =>
  `${name}@${version}`;

function refusePeople(
  { author, approver }: Responsible,
  rolesOf: ReadonlyMap<PersonId, readonly string[]>,
): Refusal[] {
  const refusals = [author, approver]
    .filter((person) => !rolesOf.get(person)?.includes(APPROVING_ROLE))
    .map((person) => refuse('not_compliance_officer', `${person} does not hold that role`));
  if (author === approver) {
    refusals.push(refuse('author_approves', `${author} is named as both`));
  }
  return refusals;
}

function refuseVersion(
  wanted: WantedVersion,
  all: readonly WantedVersion[],
  standing: readonly StandingVersion[],
  { approver }: Responsible,
): Refusal | undefined {
  const label = labelOf(wanted);
  const rival = refuseRival(wanted, all, 'place');
  if (rival !== undefined) return rival;
  const stored = standing.find((other) => labelOf(other) === label);
  const newest = standing
    .filter(({ name, phase }) => name === wanted.name && (phase !== 'waiting' || !stored))
    .reduce((highest, { version }) => Math.max(highest, version), 0);
  if (stored?.phase !== 'retired' && newest > wanted.version) return outdated(wanted, newest);
  if (stored === undefined) return undefined;
  const other = refuseOtherContent(wanted, stored);
  if (other !== undefined) return other;
  if (stored.phase === 'retired') return refuse('version_retired', `${label} was in force before`);
  return stored.phase === 'waiting' && stored.author === approver
    ? refuse('author_approves', `${approver} wrote ${label} and cannot approve it`)
    : undefined;
}

/** Two documents of one set cannot both be for one name, or one place. */
export function refuseRival(
  wanted: WantedVersion,
  all: readonly WantedVersion[],
  of: 'name' | 'place',
): Refusal | undefined {
  const rival = all.find((other) => other !== wanted && other[of] === wanted[of]);
  if (rival === undefined) return undefined;
  return refuse(
    'named_twice',
    `${labelOf(wanted)} and ${labelOf(rival)} are both for ${wanted[of]}`,
  );
}

export function outdated(wanted: WantedVersion, newest: number): Refusal {
  return refuse(
    'version_outdated',
    `${labelOf(wanted)} is older than version ${newest}, which is stored`,
  );
}

/** A version is written once. */
export function refuseOtherContent(
  wanted: WantedVersion,
  stored: StandingVersion,
): Refusal | undefined {
  if (stored.definitionSha256 === wanted.definitionSha256) return undefined;
  return refuse(
    'version_taken',
    `${labelOf(wanted)} is stored with digest ${stored.definitionSha256}, the document has ${wanted.definitionSha256}`,
  );
}

/** A row of policy.policy_change or risk.risk_model_change: a version has reached a status. */
export interface Change {
  readonly changeId: ChangeId;
  readonly of: PolicyId | ModelId;
  readonly version: number;
  readonly fromStatus: string | null;
  readonly toStatus: string;
  readonly definitionSha256: string;
  readonly actor: PersonId;
  readonly changedAt: Timestamp;
}

export function changeOf(
  version: { id: PolicyId | ModelId; version: number; definitionSha256: string },
  [fromStatus, toStatus]: readonly [string | null, string],
  actor: PersonId,
  changedAt: Timestamp,
  nth = 1,
): Change {
  return {
    changeId: changeIdOf(version.id, version.version, toStatus, nth),
    of: version.id,
    version: version.version,
    fromStatus,
    toStatus,
    definitionSha256: version.definitionSha256,
    actor,
    changedAt,
  };
}

/** The row as it is hashed: every column. */
export function changeRecord(
  table: 'policy.policy_change' | 'risk.risk_model_change',
  change: Change,
): string {
  const of: CanonicalRecord =
    table === 'policy.policy_change' ? { policy_id: change.of } : { model_id: change.of };
  return rowRecord(table, {
    ...of,
    actor: change.actor,
    change_id: change.changeId,
    changed_at: change.changedAt,
    definition_sha256: change.definitionSha256,
    from_status: change.fromStatus,
    to_status: change.toStatus,
    version: String(change.version),
  });
}

/** By which the ledger refers to the row. */
export function changeDigest(
  table: 'policy.policy_change' | 'risk.risk_model_change',
  change: Change,
): Digest {
  return sha256(changeRecord(table, change));
}
