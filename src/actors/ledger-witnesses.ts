/**
 * Asks witnesses to cosign what the signer has released, all of them beside each other, each within a second. Nothing
 * waits for them: what they answer is added to the checkpoint that they were asked about.
 */
import { openNote, isNoteFault, type VerifierKey } from '../domain/ledger/note.ts';
import { parseSize } from '../domain/ledger/checkpoint.ts';
import { isQuorum, type TrustedWitness, type TrustPolicy } from '../domain/ledger/trust.ts';
import { addCheckpointBody, SIZE_TYPE } from '../domain/ledger/witness-protocol.ts';
import { isRefusal } from '../domain/problem.ts';
import type { Database } from '../stores/database.ts';
import {
  type CosignatureLine,
  openSignerStore,
  type ReleasedCheckpoint,
  type SignerStore,
} from '../stores/ledger-checkpoint.ts';
import { proveConsistency } from '../stores/ledger-proofs.ts';

export const WITNESS_TIMEOUT_MS = 1_000;
/** Without a quorum for this long, somebody must look. */
export const QUORUM_LATE_MS = 60_000;

export interface WitnessingOptions {
  /** Works under the role of the signer. */
  readonly database: Database;
  readonly stream: number;
  /** Only its witnesses with a URL are asked. */
  readonly policy: TrustPolicy;
  readonly timeoutMs?: number;
  /** Told of each request that brought no cosignature; it is made again in the next round. */
  readonly onRefused: (witness: string, why: string) => void;
  /** Told each round in which a checkpoint has waited for its quorum for more than a minute. */
  readonly onNoQuorum: (size: number, waitedMs: number) => void;
  /** Milliseconds of a clock that only goes forward. */
  readonly nowMs?: () => number;
}

export interface Witnessing {
  /** Asks, once, whoever has not cosigned the newest checkpoint. Rejects when the database fails. */
  round(): Promise<void>;
}

export function createWitnessing(options: WitnessingOptions): Witnessing {
  const { database, stream, policy, timeoutMs = WITNESS_TIMEOUT_MS } = options;
  const { nowMs = () => performance.now() } = options;
  const work = <T>(act: (store: SignerStore) => Promise<T>) =>
    database.transact((tx) => act(openSignerStore(tx, stream)));
  /** How many entries each has cosigned last, as far as it told; 0 is a good first guess, it will be corrected. */
  const lastSizes = new Map<string, bigint>();
  let waitingSinceMs: number | undefined;
  let witnessedSize: number | undefined;

  async function ask(witness: TrustedWitness, newest: ReleasedCheckpoint): Promise<Asked> {
    const first = await submit(witness, newest, lastSizes.get(witness.name) ?? 0n);
    if (!('size' in first)) return first;
    // The witness starts from elsewhere than we believed: from there, once more.
    lastSizes.set(witness.name, first.size);
    if (first.size > BigInt(newest.size)) {
      return { refused: `it has cosigned ${first.size} entries, we have signed ${newest.size}` };
    }
    const second = await submit(witness, newest, first.size);
    return 'size' in second ? { refused: 'it changed its mind about its size' } : second;
  }

  async function submit(
    { name, key, url }: TrustedWitness,
    newest: ReleasedCheckpoint,
    old: bigint,
  ): Promise<Asked | { readonly size: bigint }> {
    const proof = await work((store) => proveConsistency(store, Number(old), newest.size));
    if (isRefusal(proof)) return { refused: proof.detail };
    const checkpoint = Buffer.from(newest.note);
    const response = await fetch(new URL('add-checkpoint', prefixOf(url!)), {
      method: 'POST',
      body: new Uint8Array(addCheckpointBody({ old, proof, checkpoint })),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = await response.text();
    if (response.status === 409 && response.headers.get('content-type')?.startsWith(SIZE_TYPE)) {
      const size = parseSize(body.slice(0, -1));
      return size === undefined ? { refused: 'its size is no number' } : { size };
    }
    if (response.status !== 200) {
      return { refused: `${response.status} ${body.slice(0, 200).trimEnd()}` };
    }
    lastSizes.set(name, BigInt(newest.size));
    const line = cosignatureIn(newest.note, body, key);
    return line === undefined ? { refused: 'its cosignature does not fit' } : { line };
  }

  async function collect(newest: ReleasedCheckpoint): Promise<readonly CosignatureLine[]> {
    const missing = policy.witnesses.filter(
      ({ key, url }) => url !== undefined && !newest.witnesses.includes(key.name),
    );
    const lines = await Promise.all(
      missing.map(async (witness) => {
        const asked = await ask(witness, newest).catch(
          (error: unknown): Asked => ({
            refused: error instanceof Error ? error.message : String(error),
          }),
        );
        if ('line' in asked) return [asked.line];
        options.onRefused(witness.name, asked.refused);
        return [];
      }),
    );
    return lines.flat();
  }

  async function watchQuorum(
    { size, witnesses }: ReleasedCheckpoint,
    fresh: readonly CosignatureLine[],
  ): Promise<void> {
    const names = new Set([...witnesses, ...fresh.map(({ witness }) => witness)]);
    const cosigners = policy.witnesses.map(({ key }) => key).filter((key) => names.has(key.name));
    if (isQuorum(policy, cosigners)) {
      waitingSinceMs = undefined;
      if (size === witnessedSize) return;
      await work((store) => store.keepWitnessed(size));
      witnessedSize = size;
      return;
    }
    waitingSinceMs ??= nowMs();
    const waitedMs = nowMs() - waitingSinceMs;
    if (waitedMs >= QUORUM_LATE_MS) options.onNoQuorum(size, waitedMs);
  }

  return {
    async round() {
      const newest = await work((store) => store.newest());
      if (newest === undefined) return;
      const lines = await collect(newest);
      if (lines.length > 0) await work((store) => store.keepCosignatures(newest.size, lines));
      await watchQuorum(newest, lines);
    },
  };
}

type Asked = { readonly line: CosignatureLine } | { readonly refused: string };

/** URLs of witnesses are prefixes, with or without a slash at the end. */
function prefixOf(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}

/** The witness's own line out of its answer; the lines of others are passed over. */
export function cosignatureIn(
  note: string,
  answer: string,
  key: VerifierKey,
): CosignatureLine | undefined {
  const text = note.slice(0, note.lastIndexOf('\n\n') + 2);
  const opened = openNote(Buffer.from(text + answer), [key]);
  if (isNoteFault(opened)) return undefined;
  return { witness: key.name, line: opened.signatures[0]!.line };
}
