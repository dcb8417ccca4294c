/**
 * A trust policy (C2SP tlog-policy): which logs are known, which witnesses, and how many of these must have cosigned. A
 * verifier has it from somewhere else than the checkpoint that it judges.
 */
import { openCheckpoint, type SignedCheckpoint } from './checkpoint.ts';
import { COSIGNS, isNoteFault, parseVerifierKey, SIGNS_TEXT, type VerifierKey } from './note.ts';

export interface TrustPolicy {
  readonly logs: readonly VerifierKey[];
  readonly witnesses: readonly TrustedWitness[];
  readonly quorum: Rule;
}

export interface TrustedWitness {
  /** What this file calls it. */
  readonly name: string;
  readonly key: VerifierKey;
  /** The prefix of its add-checkpoint; only a log needs it. */
  readonly url: string | undefined;
}

/** At least `threshold` of the members. A witness is a rule without members; a quorum of none is a threshold of 0. */
export interface Rule {
  readonly threshold: number;
  readonly witness?: VerifierKey;
  readonly members: readonly Rule[];
}

/** What is wrong with a policy file, and on which line. */
export interface PolicyFault {
  readonly line: number;
  readonly detail: string;
}

const NO_WITNESS: Rule = { threshold: 0, members: [] };
const NONE = 'none';
const LINES_MAX = 1_000;

export function isPolicyFault(read: TrustPolicy | PolicyFault): read is PolicyFault {
  return 'line' in read;
}

export function parseTrustPolicy(text: string): TrustPolicy | PolicyFault {
  const reader = createReader();
  const lines = text.split('\n');
  if (lines.length > LINES_MAX) return { line: LINES_MAX, detail: 'The policy is too long.' };
  for (const [index, line] of lines.entries()) {
    // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
    const isPlain = !/[\u0000-\u0008\u000b-\u001f\u007f]/.test(line);
    const words = line.split(/[ \t]+/).filter((word) => word !== '');
    const detail = isPlain ? reader.read(words) : 'There is a control character.';
    if (detail !== undefined) return { line: index + 1, detail };
  }
  return reader.policy() ?? { line: lines.length, detail: 'There is no quorum line.' };
}

/** Takes lines; answers with what is wrong with one. */
function createReader() {
  const logs: VerifierKey[] = [];
  const witnesses: TrustedWitness[] = [];
  const rules = new Map<string, Rule>();
  const publicKeys = new Set<string>();
  const grouped = new Set<string>();
  let quorum: Rule | undefined;

  function define(name: string, rule: Rule): string | undefined {
    if (name === NONE || rules.has(name)) return `The name ${name} is taken.`;
    rules.set(name, rule);
    return undefined;
  }

  function known(text: string | undefined, type: VerifierKey['type']): VerifierKey | string {
    const key = parseVerifierKey(text ?? '');
    if (key?.type !== type) return 'A key of this kind stands here as NAME+ID+BASE64.';
    if (publicKeys.has(key.publicKeyHex)) return 'The same key stands in another line.';
    publicKeys.add(key.publicKeyHex);
    return key;
  }

  const readers: Readonly<Record<string, (words: readonly string[]) => string | undefined>> = {
    log(words) {
      if (words.length > 2) return 'A log has a key and at most a URL.';
      const key = known(words[0], SIGNS_TEXT);
      if (typeof key === 'string') return key;
      logs.push(key);
      return undefined;
    },
    witness(words) {
      const [name, keyText, url] = words;
      if (name === undefined || words.length > 3) {
        return 'A witness has a name, a key and at most a URL.';
      }
      const key = known(keyText, COSIGNS);
      if (typeof key === 'string') return key;
      witnesses.push({ name, key, url });
      return define(name, { threshold: 1, witness: key, members: [] });
    },
    group([name, count = '', ...names]) {
      if (name === undefined || names.length === 0) {
        return 'A group has a name, how many of its members must agree, and members.';
      }
      const threshold = thresholdOf(count, names.length);
      if (threshold === undefined) return `A group of ${names.length} cannot need ${count}.`;
      const members: Rule[] = [];
      for (const member of names) {
        const rule = rules.get(member);
        if (rule === undefined) return `${member} is not defined above.`;
        // A witness could otherwise count more than once.
        if (grouped.has(member)) return `${member} is a member already.`;
        grouped.add(member);
        members.push(rule);
      }
      return define(name, { threshold, members });
    },
    quorum([name = '', ...more]) {
      if (quorum !== undefined) return 'There is a second quorum line.';
      quorum = name === NONE ? NO_WITNESS : rules.get(name);
      return quorum === undefined || more.length > 0
        ? 'A quorum is one name that is defined above, or none.'
        : undefined;
    },
  };

  return {
    read([keyword, ...words]: readonly string[]): string | undefined {
      if (keyword === undefined || keyword.startsWith('#')) return undefined;
      const reader = Object.hasOwn(readers, keyword) ? readers[keyword] : undefined;
      return reader === undefined ? `${keyword} begins no line of a policy.` : reader(words);
    },
    policy(): TrustPolicy | undefined {
      return quorum && { logs, witnesses, quorum };
    },
  };
}

function thresholdOf(count: string, members: number): number | undefined {
  if (count === 'any') return 1;
  if (count === 'all') return members;
  const threshold = /^[1-9][0-9]{0,3}$/.test(count) ? Number(count) : 0;
  return threshold >= 1 && threshold <= members ? threshold : undefined;
}

/** Whether cosignatures by these keys are enough. */
export function isQuorum({ quorum }: TrustPolicy, cosigners: readonly VerifierKey[]): boolean {
  return holds(quorum, new Set(cosigners.map((key) => key.publicKeyHex)));
}

function holds({ threshold, witness, members }: Rule, cosigners: ReadonlySet<string>): boolean {
  if (witness !== undefined) return cosigners.has(witness.publicKeyHex);
  return members.filter((member) => holds(member, cosigners)).length >= threshold;
}

/** Why a policy does not let checkpoints stand. */
export interface Distrust {
  readonly status: 'SIG_INVALID' | 'QUORUM' | 'FORK';
  readonly detail: string;
}

/** A checkpoint that its log has signed and enough witnesses have cosigned; else what it lacks. */
export function trustedCheckpoint(
  bytes: Uint8Array,
  policy: TrustPolicy,
): SignedCheckpoint | Distrust {
  const keys = [...policy.logs, ...policy.witnesses.map((witness) => witness.key)];
  const opened = openCheckpoint(bytes, keys);
  if (isNoteFault(opened)) return { status: 'SIG_INVALID', detail: opened.detail };
  if (isQuorum(policy, cosignersOf(opened))) return opened;
  const by = cosignersOf(opened).map((key) => key.name);
  const detail = `The checkpoint is cosigned by ${by.join(', ') || 'nobody'}, which is no quorum.`;
  return { status: 'QUORUM', detail };
}

/** Checkpoints that all stand under a policy, one for each size; two of one size with two roots prove a fork. */
export function trustedCheckpoints(
  notes: readonly Uint8Array[],
  policy: TrustPolicy,
): readonly SignedCheckpoint[] | Distrust {
  const bySize = new Map<bigint, SignedCheckpoint>();
  for (const note of notes) {
    const checkpoint = trustedCheckpoint(note, policy);
    if ('status' in checkpoint) return checkpoint;
    const same = bySize.get(checkpoint.size);
    if (same !== undefined && same.text !== checkpoint.text) {
      const detail = `Two checkpoints of ${checkpoint.size} entries are signed, with two texts.`;
      return { status: 'FORK', detail };
    }
    bySize.set(checkpoint.size, checkpoint);
  }
  return [...bySize.values()];
}

function cosignersOf({ signatures }: SignedCheckpoint): readonly VerifierKey[] {
  return signatures.filter(({ key }) => key.type === COSIGNS).map(({ key }) => key);
}
