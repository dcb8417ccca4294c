/**
 * What a target is: an outbound system, by name, that is handed one request and says how that ended. A new kind is one
 * file beside this one and a line in kinds.ts.
 */
import type { Finding } from '../domain/conditions.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { ExecutionId } from '../domain/ids.ts';
import type { Log } from '../domain/log.ts';

/** One attempt of one execution. On every retry the id and the body are the same, byte for byte. */
export interface DeliveryRequest {
  /** Also the idempotency key. */
  readonly executionId: ExecutionId;
  readonly body: string;
  readonly attemptNo: number;
  /** Milliseconds since 1970 at which this attempt is made; goes under its signature. */
  readonly attemptedAtMs: number;
  /** Called when the last byte has left, by targets that can tell; a test may end the process there. */
  readonly onSent?: (() => void) | undefined;
}

export interface Target {
  readonly name: string;
  readonly kind: string;
  /**
   * Whether it acts once per idempotency key, however often it is asked. Where it does not, a call whose outcome is
   * unknown is never repeated.
   */
  readonly idempotent: boolean;
  /**
   * Makes one call and says how it ended; never rejects. When `signal` aborts (the call's time is up) it settles at
   * once, as a retry. It may be called again for an execution that the system behind it has already acted upon.
   */
  deliver(request: DeliveryRequest, signal: AbortSignal): Promise<Delivery>;
}

/** What targets are opened with. They read no environment, own no queue and choose no log. */
export interface TargetTools {
  /**
   * The secret behind a reference such as `env:NAME` or `file:/path`. Rejects with a message for the operator that
   * names the reference and never the secret.
   */
  readonly readSecret: (reference: string) => Promise<string>;
  /** Puts one job on a queue that is not ours; a repeated `jobId` is ignored while the first job exists. */
  readonly publish: (queue: string, jobId: string, content: object) => Promise<void>;
  readonly log: Log;
}

/** A kind of target. `Settings` is what the targets file says under the kind's name. */
export interface TargetKind<Settings> {
  readonly name: string;
  /** JSON Schema of the settings, closed: a misspelt member is an error, not a default. */
  readonly shape: object;
  /** What a schema cannot say of settings that satisfy it. */
  check(settings: Settings): readonly Finding[];
  /** Rejects, with a message for the operator, when what the settings refer to cannot be used. */
  open(name: string, settings: Settings, tools: TargetTools): Promise<Target>;
}

/**
 * Settles as `work` does, or rejects with the signal's reason once it aborts: for libraries that cannot be told to stop.
 * The work goes on, left to itself.
 */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

const DETAIL_CHARACTERS_MAX = 300;

/** Text from outside as one bounded line: it must neither forge log lines nor overflow its column. */
export function oneLine(text: string): string {
  const printable = text.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
  // Well-formed once more: the cut may have gone through a surrogate pair.
  return printable.trim().slice(0, DETAIL_CHARACTERS_MAX).toWellFormed();
}
