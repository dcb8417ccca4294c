/** What the files of a bundle are called, and what an entry in it refers to. The format is docs/evidence-format.md. */
import { canonicalJson } from '../canonical.ts';
import { isJsonObject } from '../json.ts';
import { COSIGNS, type VerifierKey } from '../ledger/note.ts';
import type { TrustPolicy } from '../ledger/trust.ts';

/** The files that stand alone; `before`, `newest` and what leads to them may be missing. */
export const fileNames = {
  readme: 'README',
  aside: 'aside.json',
  checkpoint: 'checkpoint',
  before: 'checkpoint.before',
  newest: 'checkpoint.newest',
  fromBefore: 'consistency',
  toNewest: 'consistency.newest',
  policy: 'policy',
  report: 'report.html',
} as const;

/** The files of one entry: what was hashed, what it says, the row that it is about, and the proof. */
export function entryFiles(seq: number | bigint): {
  readonly leaf: string;
  readonly data: string;
  readonly record: string;
  readonly proof: string;
} {
  return {
    leaf: `${seq}.leaf`,
    data: `${seq}.data`,
    record: `${seq}.record`,
    proof: `${seq}.tlog-proof`,
  };
}

/** Bytes that are referred to by their SHA-256. */
export function contentFile(sha256: string): string {
  return `content/${sha256}`;
}

/** What the ledger does not hold: names of people, and what went on between request and acknowledgement. */
export interface Aside {
  /** By the person's id. */
  readonly names: Readonly<Record<string, string>>;
  readonly attempts: readonly AsideAttempt[];
}

/** Of one call of a target, all text; null where there is none. */
export interface AsideAttempt {
  readonly executionId: string;
  readonly attempt: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly outcome: string | null;
  readonly httpStatus: string | null;
  readonly bodySha256: string;
  readonly responseSha256: string | null;
}

export function asideText(aside: Aside): string {
  return canonicalJson(aside);
}

/** Undefined for anything but what `asideText` gives. */
export function parseAside(text: string): Aside | undefined {
  try {
    const aside: unknown = JSON.parse(text);
    return isAside(aside) && asideText(aside) === text ? aside : undefined;
  } catch {
    // No JSON, or a text that has no canonical form.
    return undefined;
  }
}

function isAside(value: unknown): value is Aside {
  const isText = (one: unknown) => one === null || typeof one === 'string';
  const isFlat = (one: unknown) => isJsonObject(one) && Object.values(one).every(isText);
  if (!isJsonObject(value)) return false;
  const { names, attempts } = value;
  return isFlat(names) && Array.isArray(attempts) && attempts.every(isFlat);
}

/** The trust policy that a bundle brings along: its keys, and as quorum those who have cosigned its checkpoint. */
export function policyText(keys: readonly VerifierKey[], cosigners: readonly string[]): string {
  const lines = keys.map((key) =>
    key.type === COSIGNS ? `witness ${key.name} ${key.text}` : `log ${key.text}`,
  );
  const quorum =
    cosigners.length === 0
      ? ['quorum none']
      : [`group cosigners all ${cosigners.join(' ')}`, 'quorum cosigners'];
  return [...lines, ...quorum, ''].join('\n');
}

/** The same of a policy that was read: equal to what was read, unless it was written by somebody else. */
export function linesOfPolicy({ logs, witnesses, quorum }: TrustPolicy): string {
  const cosigners = quorum.members.flatMap(({ witness }) => witness?.name ?? []);
  return policyText([...logs, ...witnesses.map(({ key }) => key)], cosigners);
}

/** Members of an entry's data or of its row: text, null, booleans, and arrays and objects of these. */
export type Members = Readonly<Record<string, unknown>>;

/** An entry with the row that it is about; the row is null where there is none to show. */
export interface ShownEntry {
  readonly seq: bigint;
  readonly type: string;
  /** The id of the fact. */
  readonly id: string;
  readonly hash: string;
  readonly timestamp: string;
  readonly sealedAt: string;
  readonly data: Members;
  readonly row: Members | null;
}

/** The SHA-256 of everything that an entry and its row refer to and that a bundle has to show. */
export function contentsOf({
  type,
  data,
  row,
}: Pick<ShownEntry, 'type' | 'data' | 'row'>): string[] {
  const named = (from: Members | null, names: readonly string[]) =>
    names.map((name) => from?.[name]).filter((value) => typeof value === 'string');
  switch (type) {
    case 'EVENT':
      return named(data, ['payload_sha256']);
    case 'RISK_ASSESSMENT':
      return named(row, ['contributions_sha256']);
    case 'EVALUATION':
      return named(row, ['policies_sha256']);
    case 'ADVISORY':
      return named(row, [
        'conditions_sha256',
        'justification_sha256',
        'recommendation_options_sha256',
      ]);
    case 'DECISION': {
      const shown = ['justification_sha256', 'proof_sha256', 'view_digest'];
      return [...named(row, shown), ...approvalsOf(row).flatMap((one) => named(one, shown))];
    }
    case 'EXECUTION':
      return named(row, ['request_body_sha256']);
    case 'POLICY':
    case 'RISK_MODEL':
      return named(data, ['definition_sha256']);
    default:
      return [];
  }
}

/** The acts of a decision's round. */
export function approvalsOf(row: Members | null): readonly Members[] {
  const approvals = row?.['approvals'];
  return Array.isArray(approvals) ? approvals.filter(isJsonObject) : [];
}

/** An entry of a type, about a fact, without which another entry says nothing. */
export interface Link {
  readonly type: string;
  readonly describes: string;
  /** True where the ledger must have taken it before; the entries of other facts may come in any order. */
  readonly comesFirst: boolean;
  readonly holds: (entry: ShownEntry) => boolean;
}

/** The entries that an entry rests on. */
export function linksOf({ type, data, row }: ShownEntry): readonly Link[] {
  const about = (of: string, id: unknown): Link => ({
    type: of,
    describes: `${of} ${String(id)}`,
    comesFirst: of === 'DECISION',
    holds: (entry) => entry.id === id,
  });
  const inForce = (of: 'POLICY' | 'RISK_MODEL', idName: string, id: unknown, version: unknown) => ({
    type: of,
    describes: `the activation of ${of} ${String(id)} version ${String(version)}`,
    comesFirst: false,
    holds: (entry: ShownEntry) =>
      entry.data[idName] === id &&
      entry.data['version'] === version &&
      entry.data['to_status'] === 'active',
  });
  switch (type) {
    case 'RISK_ASSESSMENT': {
      const { risk_model_id: id, risk_model_version: version } = data;
      return id === null ? [] : [inForce('RISK_MODEL', 'model_id', id, version)];
    }
    case 'EVALUATION':
      return [about('RISK_ASSESSMENT', row?.['assessment_id'])];
    case 'ADVISORY':
      return [
        about('RISK_ASSESSMENT', data['assessment_id']),
        inForce('POLICY', 'policy_id', data['policy_id'], data['policy_version']),
      ];
    case 'DECISION':
      return [about('ADVISORY', data['advisory_id'])];
    case 'EXECUTION':
      return [about('DECISION', data['decision_id'])];
    default:
      return [];
  }
}
