/** The signer as a part of a process: of `up` where a key is configured, of `ledger sign` alone. */
import { mkdir, readFile } from 'node:fs/promises';
import { armFailpoints } from '../actors/failpoint.ts';
import { createWitnessing } from '../actors/ledger-witnesses.ts';
import { LedgerHalted, openSigner, type Signer } from '../actors/ledger-signer.ts';
import { createWatch, type Watch } from '../actors/watch.ts';
import type { Sessions } from '../foundation.ts';
import { type Config, readSecret } from '../config.ts';
import { STREAM } from '../domain/ledger.ts';
import { parseSignerKey, type SignerKey } from '../domain/ledger/note.ts';
import { isPolicyFault, parseTrustPolicy, type TrustPolicy } from '../domain/ledger/trust.ts';
import type { Log } from '../domain/log.ts';
import { claimDirectory } from '../embedded/owner.ts';
import { openCheckpointReader } from '../stores/ledger-checkpoint.ts';
import { openSignedState, type SignedState } from '../stores/signed-state.ts';
import type { Part } from './run.ts';
import { CommandError, exitCodes } from './terminal.ts';

/** At most one signature a second; there is none while nothing is appended. */
const SEAL_INTERVAL_MS = 1_000;
const ROUND_INTERVAL_MS = 1_000;

export interface SigningOptions {
  readonly config: Config;
  readonly sessions: Sessions;
  readonly log: Log;
  /** Takes a ledger that has entries and was never signed. */
  readonly adopts?: boolean;
}

/**
 * Starts the signer; running once it resolves. A ledger that is not the one that was signed ends the command with the
 * code of what is wrong. When that is found later, `onHalt` is told and nothing more is signed.
 */
export async function startSigning(
  options: SigningOptions,
  onHalt: (error: LedgerHalted) => void,
): Promise<Part> {
  const { config, sessions, log } = options;
  const policy = await configuredPolicy(config);
  const { signer, release } = await openConfiguredSigner(options);
  const watches = [
    sealing(signer, log, onHalt),
    ...(policy === undefined ? [] : [witnessing(sessions, policy, log)]),
  ];
  for (const watch of watches) watch.start();
  log.info({ origin: signer.origin }, 'signing');
  return {
    async stop() {
      await Promise.all(watches.map((watch) => watch.stop()));
      await release();
    },
  };
}

/** A signer whose state directory belongs to this process until `release`. */
export async function openConfiguredSigner({
  config,
  sessions,
  log,
  adopts = false,
}: SigningOptions): Promise<{ readonly signer: Signer; readonly release: () => Promise<void> }> {
  const policy = await configuredPolicy(config);
  const { from: key, state, release } = await claimState(config);
  try {
    const signer = await openSigner({
      database: sessions.of('signer'),
      stream: STREAM,
      key,
      state,
      witnessKeys: policy?.witnesses.map((witness) => witness.key) ?? [],
      adopts,
      onProgress: (hashed) => log.debug({ hashed }, 'hashing the ledger before it is signed'),
      failpoint: armFailpoints(config.failpoints).at('signer'),
    });
    return { signer, release };
  } catch (error) {
    await release();
    if (error instanceof LedgerHalted) throw new CommandError(error.message, error.exitCode);
    throw error;
  }
}

/** The configured key and its state, whose directory belongs to this process until `release`. */
export async function claimState(config: Config): Promise<{
  readonly from: SignerKey;
  readonly state: SignedState;
  readonly release: () => Promise<void>;
}> {
  const from = await configuredKey(config);
  const directory = config.ledgerStateDirectory;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const claim = await claimDirectory(directory, 'LEDGER_STATE_DIR');
  const state = await openSignedState(directory, from.verifier.name);
  return { from, state, release: () => claim.release() };
}

async function configuredKey(config: Config): Promise<SignerKey> {
  const reference = config.ledgerSigningKey;
  if (reference === undefined) {
    throw new CommandError(
      'LEDGER_SIGNING_KEY is not set. Make a key with "ledger key new" and point to it with file:/path.',
      exitCodes.configuration,
    );
  }
  return keyFrom(reference);
}

/** The key behind a reference, `env:NAME` or `file:/path`. */
export async function keyFrom(reference: string): Promise<SignerKey> {
  const key = parseSignerKey(await readSecret(reference));
  if (key !== undefined) return key;
  throw new CommandError(`${reference} holds no signing key.`, exitCodes.configuration);
}

async function configuredPolicy({
  ledgerTrustPolicy: file,
}: Config): Promise<TrustPolicy | undefined> {
  return file === undefined ? undefined : policyFrom(file);
}

/** @throws CommandError with the line of what is wrong in the file. */
export async function policyFrom(file: string): Promise<TrustPolicy> {
  const policy = parseTrustPolicy(await readFile(file, 'latin1'));
  if (!isPolicyFault(policy)) return policy;
  throw new CommandError(`${file}:${policy.line}: ${policy.detail}`, exitCodes.configuration);
}

function sealing(signer: Signer, log: Log, onHalt: (error: LedgerHalted) => void): Watch {
  let halted = false;
  return createWatch(SEAL_INTERVAL_MS, async () => {
    if (halted) return;
    try {
      const sealed = await signer.seal();
      if (sealed !== undefined) log.debug({ size: sealed.size }, 'sealed');
    } catch (error) {
      if (!(error instanceof LedgerHalted)) {
        log.warn({ error }, 'nothing could be sealed; tried again');
        return;
      }
      halted = true;
      log.error({ error: error.message }, 'the ledger is halted');
      onHalt(error);
    }
  });
}

function witnessing(sessions: Sessions, policy: TrustPolicy, log: Log): Watch {
  const asking = createWitnessing({
    database: sessions.of('signer'),
    stream: STREAM,
    policy,
    onRefused: (witness, why) => log.warn({ witness, why }, 'a witness did not cosign'),
    onNoQuorum: (size, waitedMs) =>
      log.error({ size, waitedMs }, 'no quorum of witnesses has cosigned'),
  });
  return createWatch(ROUND_INTERVAL_MS, async () => {
    await asking
      .round()
      .catch((error: unknown) => log.warn({ error }, 'witnesses could not be asked'));
  });
}

/** The origin of the configured database's ledger. */
export function originOf(sessions: Sessions): Promise<string> {
  return sessions.of('audit').transact((tx) => openCheckpointReader(tx, STREAM, 'audit').origin());
}
