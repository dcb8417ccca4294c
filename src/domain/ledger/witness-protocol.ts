/**
 * The protocol between a log and its witnesses (C2SP tlog-witness): the body of add-checkpoint, and what a witness answers
 * to it. The same bytes go over HTTP and through a directory.
 */
import { type Checkpoint, openCheckpoint, parseSize, unverifiedCheckpoint } from './checkpoint.ts';
import { isNoteFault, NOTE_BYTES_MAX, type VerifierKey } from './note.ts';
import { isConsistent } from './proof.ts';
import { hashLines, parseHashes, PROOF_HASHES_MAX } from './proof-text.ts';

export interface AddCheckpoint {
  /** How many entries the witness has cosigned last, as the log believes. */
  readonly old: bigint;
  /** That the tree of `old` entries is the beginning of the new one. */
  readonly proof: readonly Buffer[];
  /** The note. */
  readonly checkpoint: Buffer;
}

/** A hash takes a line of 45 bytes. */
export const REQUEST_BYTES_MAX = NOTE_BYTES_MAX + 45 * PROOF_HASHES_MAX + 30;
/** The type of a 409 answer, whose body is the size that the witness has. */
export const SIZE_TYPE = 'text/x.tlog.size';

export function addCheckpointBody({ old, proof, checkpoint }: AddCheckpoint): Buffer {
  return Buffer.concat([Buffer.from(`old ${old}\n${hashLines(proof)}\n`), checkpoint]);
}

export function parseAddCheckpoint(body: Buffer): AddCheckpoint | undefined {
  const end = body.indexOf('\n\n');
  if (end === -1 || body.length > REQUEST_BYTES_MAX) return undefined;
  const [oldLine = '', ...lines] = body.toString('latin1', 0, end).split('\n');
  const old = oldLine.startsWith('old ') ? parseSize(oldLine.slice(4)) : undefined;
  const proof = parseHashes(lines);
  if (old === undefined || proof === undefined) return undefined;
  return { old, proof, checkpoint: body.subarray(end + 2) };
}

/** What a witness makes of a request, before it has written anything down. */
export type Judgement =
  | { readonly status: 200; readonly checkpoint: Checkpoint & { readonly text: string } }
  | { readonly status: 400 | 403 | 404 | 422; readonly detail: string }
  | { readonly status: 409; readonly size: bigint };

/**
 * `latest` is what the witness has cosigned last of an origin. Refused are: what is no request or goes backwards (400),
 * what the log has not signed (403), other logs (404), a request that starts from another size than the latest (409),
 * and a tree that does not continue the latest (422).
 */
export function judge(
  request: AddCheckpoint | undefined,
  logs: readonly VerifierKey[],
  latest: Checkpoint | undefined,
): Judgement {
  const claimed = request && unverifiedCheckpoint(request.checkpoint);
  if (request === undefined || claimed === undefined) {
    return { status: 400, detail: 'This is no request for add-checkpoint.' };
  }
  const keys = logs.filter((key) => key.name === claimed.origin);
  if (keys.length === 0) return { status: 404, detail: `The log ${claimed.origin} is not known.` };
  const checkpoint = openCheckpoint(request.checkpoint, keys);
  if (isNoteFault(checkpoint)) return { status: 403, detail: checkpoint.detail };
  const { old, proof } = request;
  if (old > checkpoint.size) {
    return { status: 400, detail: `${old} entries are more than the checkpoint has.` };
  }
  const size = latest?.size ?? 0n;
  if (old !== size) return { status: 409, size };
  const oldRoot = latest?.root;
  const continues =
    oldRoot === undefined
      ? proof.length === 0
      : isConsistent({ oldSize: old, oldRoot, proof, ...checkpoint });
  if (continues) return { status: 200, checkpoint };
  return { status: 422, detail: 'The checkpoint does not continue what was cosigned.' };
}
