/**
 * The checkpoints of a bundle: whose word they are, and that they are of one growing log.
 */
import { openCheckpoint, type SignedCheckpoint } from '../ledger/checkpoint.ts';
import { isNoteFault } from '../ledger/note.ts';
import { parseHashes } from '../ledger/proof-text.ts';
import { isConsistent } from '../ledger/proof.ts';
import {
  type Distrust,
  isPolicyFault,
  parseTrustPolicy,
  trustedCheckpoint,
  type TrustPolicy,
} from '../ledger/trust.ts';
import type { Files } from './archive.ts';
import { fileNames, linesOfPolicy } from './bundle.ts';
import { BundleFault, need } from './verdict.ts';

export interface EvidenceTrust {
  /** The verifier's own, from somewhere else than the bundle. */
  readonly policy?: TrustPolicy | undefined;
  /** A checkpoint that the verifier kept, and the proof between it and the one of the bundle. */
  readonly kept?: Buffer | undefined;
  readonly keptConsistency?: Buffer | undefined;
}

export function policyOf(files: Files): TrustPolicy {
  const text = need(files, fileNames.policy).toString('latin1');
  const policy = parseTrustPolicy(text);
  if (isPolicyFault(policy)) {
    throw new BundleFault('MALFORMED', `Line ${policy.line}: ${policy.detail}`, fileNames.policy);
  }
  if (linesOfPolicy(policy) !== text) {
    throw new BundleFault('MALFORMED', 'The policy is not in its own form.', fileNames.policy);
  }
  return policy;
}

export interface TrustedCheckpoint {
  /** With every signature, by the bundle's own keys: what its report shows. */
  readonly shown: SignedCheckpoint;
  /** With the signatures whose keys the verifier trusts; the same where the verifier brought none. */
  readonly trusted: SignedCheckpoint;
}

/** Both the bundle's own keys and the verifier's have to fit: a bundle that is at odds with itself was tampered with. */
export function trustedIn(files: Files, policies: readonly TrustPolicy[]): TrustedCheckpoint {
  const note = need(files, fileNames.checkpoint);
  return openUnder(note, policies, fileNames.checkpoint);
}

/** Opened by the keys of each policy. The first policy is the bundle's own, which knows every signature. */
function openUnder(
  bytes: Buffer,
  policies: readonly TrustPolicy[],
  file: string | null,
): TrustedCheckpoint {
  const needsQuorum = file === fileNames.checkpoint;
  const opened = policies.map((policy) => {
    const found = needsQuorum ? trustedCheckpoint(bytes, policy) : openBy(bytes, policy);
    if ('status' in found) throw new BundleFault(found.status, found.detail, file);
    return found;
  });
  const [shown, trusted] = [opened[0]!, opened.at(-1)!];
  const lines = shown.signatures.map(({ line }) => line).join('');
  if (file === null || bytes.equals(Buffer.from(`${shown.text}\n${lines}`)))
    return { shown, trusted };
  throw new BundleFault('SIG_INVALID', 'It has a signature by an unknown key.', file);
}

/** Signed by the log, whoever has cosigned it. */
function openBy(bytes: Buffer, { logs, witnesses }: TrustPolicy): SignedCheckpoint | Distrust {
  const opened = openCheckpoint(bytes, [...logs, ...witnesses.map(({ key }) => key)]);
  return isNoteFault(opened) ? { status: 'SIG_INVALID', detail: opened.detail } : opened;
}

/** The checkpoint before, which is returned, and the newest, as far as they are here. */
export function verifyNeighbours(
  files: Files,
  checkpoint: SignedCheckpoint,
  policies: readonly TrustPolicy[],
): SignedCheckpoint | undefined {
  const neighbour = (name: string, proofName: string) => {
    const note = files.get(name);
    if (note === undefined && files.has(proofName)) need(files, name);
    if (note === undefined) return undefined;
    const { trusted: opened } = openUnder(note, policies, name);
    return { opened, proof: need(files, proofName), proofName };
  };
  const before = neighbour(fileNames.before, fileNames.fromBefore);
  if (before !== undefined) {
    verifyConsistent(before.opened, checkpoint, before.proof, before.proofName);
  }
  const newest = neighbour(fileNames.newest, fileNames.toNewest);
  if (newest !== undefined) {
    verifyConsistent(checkpoint, newest.opened, newest.proof, newest.proofName);
  }
  return before?.opened;
}

function verifyConsistent(
  old: SignedCheckpoint,
  later: SignedCheckpoint,
  proofBytes: Buffer,
  file: string | null,
): void {
  if (old.origin !== later.origin) {
    throw new BundleFault('ORIGIN', `One checkpoint is of ${old.origin}.`, file);
  }
  if (old.size === later.size && !old.root.equals(later.root)) {
    const detail = `The log has signed two trees of ${old.size} entries.`;
    throw new BundleFault('FORK', detail, file);
  }
  const lines = proofBytes.toString('latin1').split('\n');
  const proof = lines.pop() === '' ? parseHashes(lines) : undefined;
  const claim = { oldSize: old.size, oldRoot: old.root, size: later.size, root: later.root };
  if (proof === undefined || !isConsistent({ ...claim, proof })) {
    const detail = `The proof does not lead from ${old.size} entries to ${later.size}.`;
    throw new BundleFault('PROOF_INVALID', detail, file);
  }
}

/** What the verifier kept decides: where the two do not continue each other, the log has signed two histories. */
export function verifyKept(
  checkpoint: SignedCheckpoint,
  trust: EvidenceTrust,
  own: TrustPolicy,
): void {
  const { kept, keptConsistency } = trust;
  if (kept === undefined) return;
  const { trusted: opened } = openUnder(kept, [trust.policy ?? own], null);
  const [old, later] = opened.size <= checkpoint.size ? [opened, checkpoint] : [checkpoint, opened];
  try {
    verifyConsistent(old, later, keptConsistency ?? Buffer.alloc(0), null);
  } catch (error) {
    if (!(error instanceof BundleFault) || error.status !== 'PROOF_INVALID') throw error;
    if (keptConsistency === undefined) {
      const detail = `It takes the proof of "ledger consistency ${old.size} ${later.size}" to compare them.`;
      throw new BundleFault('PROOF_INVALID', detail);
    }
    const detail = `The checkpoints of ${old.size} and ${later.size} entries are not of one ledger.`;
    throw new BundleFault('FORK', detail);
  }
}
