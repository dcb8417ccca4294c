/**
 * Sources: who may send events, what a kind of source must know, and how a message from one becomes an accepted event.
 * The same for every transport; a transport only says how old a signature may be.
 */
import { type AcceptedEvent, acceptEvent, type Claim, originOf } from './event.ts';
import { isRefusal, type Refusal, refuse } from './problem.ts';
import type { Timestamp } from './time.ts';

export type KeyAlgorithm = 'hmac-sha256' | 'ed25519';

export interface SigningKey {
  readonly algorithm: KeyAlgorithm;
  /** The HMAC secret, or the 32 raw bytes of the Ed25519 public key. */
  readonly material: Buffer;
}

/** A source of the registry with its valid keys: while one replaces the other there are two of an algorithm. */
export interface RegisteredSource {
  readonly name: string;
  /** Name of the kind that reads and verifies its messages. */
  readonly kind: string;
  readonly signatureRequired: boolean;
  /** How old a signature may be when its message came through a queue, which may have been down. */
  readonly queueAgeMaxS: number;
  readonly retired: boolean;
  readonly keys: readonly SigningKey[];
}

/** One message as its source sent it. */
export interface Inbound {
  /** Name of a source kind; `cloudevents` when absent. */
  readonly kind?: string | undefined;
  /** The source that the transport has addressed; for kinds whose messages do not name theirs it must be there. */
  readonly source?: string | undefined;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The exact text that was sent, and signed. */
  readonly body: string;
}

/** Which instants a signature may state. */
export interface SigningWindow {
  readonly now: Timestamp;
  readonly pastMsMax: number;
  readonly futureMsMax: number;
}

/** One event of a message, as its kind reads it: in the right form, or refused. */
export interface Reading {
  /** The text that it was read from: the body, or its part of a batch. */
  readonly text: string;
  readonly claim: Claim | Refusal;
}

/** What a message gives that is a batch, one for each of its events; any other message gives one and no list. */
export interface Batch<T> {
  readonly batch: readonly T[];
}

/** A kind of source: how its messages read and how they prove where they come from. Pure. */
export interface SourceKind {
  readonly name: string;
  /** The headers that it reads, in lower case; a name that ends in `-` is a prefix. Transports carry no others. */
  readonly headers: readonly string[];
  /** Where the id of the event may stand in a header, so that it is known even when the body cannot be read. */
  readonly idHeaders: readonly string[];
  /** What a message states: one event, or those of a batch; a refusal where it cannot be read. Proves nothing. */
  read(inbound: Inbound): Reading | Batch<Reading>;
  /**
   * The signature under a message that holds for one of `keys`; null when the message bears none. A signature that does
   * not hold is refused, whether or not the source needs one.
   */
  verify(
    inbound: Inbound,
    keys: readonly SigningKey[],
    window: SigningWindow,
  ): string | null | Refusal;
}

export const DEFAULT_SOURCE_KIND = 'cloudevents';
/** Tolerance for clocks and networks, as Standard Webhooks has it. */
export const SIGNATURE_AGE_MS_MAX = 5 * 60_000;

export type Transport = 'http' | 'queue';

/** One event that a message states, with the message around it. `kind` is missing where none of that name exists. */
export interface Statement extends Reading {
  readonly inbound: Inbound;
  readonly kind: SourceKind | undefined;
}

/** Reads a message by its kind. */
export function readInbound(
  kinds: readonly SourceKind[],
  inbound: Inbound,
): Statement | Batch<Statement> {
  const name = inbound.kind ?? DEFAULT_SOURCE_KIND;
  const kind = kinds.find((candidate) => candidate.name === name);
  if (kind === undefined) {
    const known = kinds.map((candidate) => candidate.name).join(', ');
    const claim = refuse('unknown_source_kind', `the kinds of source are ${known}`);
    return { inbound, kind, text: inbound.body, claim };
  }
  const read = kind.read(inbound);
  return 'batch' in read
    ? { batch: read.batch.map((reading) => ({ ...reading, inbound, kind })) }
    : { ...read, inbound, kind };
}

/** The names of the sources that some statements claim to come from, each once. */
export function sourcesClaimed(statements: readonly Statement[]): readonly string[] {
  const names = statements.flatMap(({ claim }) => (isRefusal(claim) ? [] : [claim.source]));
  return [...new Set(names)];
}

/**
 * Judges statements by the registry, in their order. Refusals beside those of the reading: `unknown_source`,
 * `source_retired`, `source_mismatch`, `signature_missing`, and those of the kind's `verify`.
 */
export function admit(
  statements: readonly Statement[],
  sources: ReadonlyMap<string, RegisteredSource>,
  transport: Transport,
  now: Timestamp,
): readonly (AcceptedEvent | Refusal)[] {
  // A signature covers the whole message: it is checked once for each source, not for each event of a batch.
  const proofs = new Map<Inbound, Map<string, Proof>>();
  return statements.map((statement) => {
    const { claim, inbound } = statement;
    if (isRefusal(claim)) return claim;
    const known = proofs.get(inbound) ?? new Map<string, Proof>();
    const proof =
      known.get(claim.source) ??
      prove(statement, claim.source, sources.get(claim.source), transport, now);
    proofs.set(inbound, known.set(claim.source, proof));
    if (isRefusal(proof)) return { ...proof, ...originOf(claim.source, claim.id) };
    return acceptEvent(claim, now, proof.signature);
  });
}

type Proof = { readonly signature: string | null } | Refusal;

/** Whether this message may speak for the source that it claims, and by which signature. */
function prove(
  { inbound, kind }: Statement,
  claimed: string,
  source: RegisteredSource | undefined,
  transport: Transport,
  now: Timestamp,
): Proof {
  if (source === undefined) return refuse('unknown_source', `no source ${claimed} is registered`);
  if (source.retired) return refuse('source_retired', `the source ${claimed} is retired`);
  if (inbound.source !== undefined && inbound.source !== claimed) {
    return refuse('source_mismatch', 'the event names another source than the one addressed');
  }
  // Otherwise a source could be impersonated through a kind that proves less than its own.
  if (source.kind !== kind?.name) {
    return refuse('source_mismatch', `the source ${claimed} sends as ${source.kind}`);
  }
  const pastMsMax = transport === 'http' ? SIGNATURE_AGE_MS_MAX : source.queueAgeMaxS * 1_000;
  const window = { now, pastMsMax, futureMsMax: SIGNATURE_AGE_MS_MAX };
  const signature = kind.verify(inbound, source.keys, window);
  if (signature === null && source.signatureRequired) {
    return refuse('signature_missing', `the source ${claimed} must sign what it sends`);
  }
  return typeof signature === 'object' && signature !== null ? signature : { signature };
}
