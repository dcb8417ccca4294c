/**
 * A witness: cosigns the checkpoints of logs, each only when it continues the one before. Run by somebody else than who
 * runs the log: it is what makes a second history of the same log impossible to show to anybody who asks for its
 * cosignature. Its state is one file for each log; a witness whose state is lost must not go on under its key.
 */
import { openCheckpoint, unverifiedCheckpoint } from '../domain/ledger/checkpoint.ts';
import {
  isNoteFault,
  type SignerKey,
  signatureLine,
  type VerifierKey,
} from '../domain/ledger/note.ts';
import { judge, parseAddCheckpoint, SIZE_TYPE } from '../domain/ledger/witness-protocol.ts';
import type { SignedState } from '../stores/signed-state.ts';

export interface WitnessOptions {
  /** Its type is that of a cosigner. */
  readonly key: SignerKey;
  readonly logs: readonly VerifierKey[];
  /** The state of a log, by its origin. */
  readonly stateOf: (origin: string) => Promise<SignedState>;
  /** Seconds since 1970. */
  readonly now: () => bigint;
  /** Waited for at the steps at which a test may end the process. */
  readonly failpoint?: (step: 'checked' | 'state_kept') => Promise<void>;
}

export interface Answer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly type: string;
  readonly body: string;
}

export interface Witness {
  /** Answers the body of one add-checkpoint. What it signs is on the disk before it answers. */
  add(body: Buffer): Promise<Answer>;
}

const PLAIN = 'text/plain; charset=utf-8';

export function createWitness(options: WitnessOptions): Witness {
  const { key, logs, stateOf, now, failpoint = async () => undefined } = options;
  /** The last request of each log: comparing and keeping must not interleave with another's. */
  const turns = new Map<string, Promise<unknown>>();

  async function inTurn<T>(origin: string, act: () => Promise<T>): Promise<T> {
    const before = turns.get(origin) ?? Promise.resolve();
    const turn = before.then(act, act);
    turns.set(
      origin,
      turn.catch(() => undefined),
    );
    return turn;
  }

  async function answer(origin: string, body: Buffer): Promise<Answer> {
    const request = parseAddCheckpoint(body);
    const state = await stateOf(origin);
    const kept = await state.read();
    const latest = kept && openCheckpoint(kept, logs);
    if (latest !== undefined && isNoteFault(latest)) {
      throw new Error(`${state.path} is not what this witness wrote: ${latest.detail}`);
    }
    const judged = judge(request, logs, latest);
    if (judged.status === 409) return { status: 409, type: SIZE_TYPE, body: `${judged.size}\n` };
    if (judged.status !== 200) {
      return { status: judged.status, type: PLAIN, body: `${judged.detail}\n` };
    }
    await failpoint('checked');
    if (kept === undefined || latest?.size !== judged.checkpoint.size) {
      await state.replace(kept, request!.checkpoint);
    }
    await failpoint('state_kept');
    return { status: 200, type: PLAIN, body: signatureLine(judged.checkpoint.text, key, now()) };
  }

  return {
    async add(body) {
      const request = parseAddCheckpoint(body);
      const origin = request && unverifiedCheckpoint(request.checkpoint)?.origin;
      const isKnown = logs.some((log) => log.name === origin);
      if (origin === undefined || !isKnown) {
        const judged = judge(request, logs, undefined) as { status: 400 | 404; detail: string };
        return { status: judged.status, type: PLAIN, body: `${judged.detail}\n` };
      }
      return inTurn(origin, () => answer(origin, body));
    },
  };
}
