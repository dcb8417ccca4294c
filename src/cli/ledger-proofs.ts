/** `ledger key|sign|adopt|cure|checkpoint|prove|consistency|tiles`: what makes the ledger checkable by strangers. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { cureLedger, NotCured } from '../actors/ledger-cure.ts';
import { changeKey } from '../actors/ledger-key-change.ts';
import type { Sessions } from '../foundation.ts';
import type { Config } from '../config.ts';
import { isUuid } from '../domain/ids.ts';
import { type Entry, leafOf, STREAM } from '../domain/ledger.ts';
import { openCheckpoint, parseSize } from '../domain/ledger/checkpoint.ts';
import { createSignerKey, isKeyName, isNoteFault, SIGNS_TEXT } from '../domain/ledger/note.ts';
import { hashLines, inclusionProofText } from '../domain/ledger/proof-text.ts';
import { type CheckpointReader, openCheckpointReader } from '../stores/ledger-checkpoint.ts';
import { openLedgerExport } from '../stores/ledger-export.ts';
import { proveConsistency, proveInclusion, seqOf } from '../stores/ledger-proofs.ts';
import { writeTiles } from '../stores/ledger-tiles.ts';
import { createLog } from '../telemetry/log.ts';
import { deny, untilSignal, withSessions } from './run.ts';
import { claimState, keyFrom, openConfiguredSigner, originOf, startSigning } from './signing.ts';
import { CommandError, data, exitCodes, talk } from './terminal.ts';

/** Adds to the commands of `ledger`. */
export function addLedgerProofCommands(ledger: Command): void {
  const key = ledger.command('key').description('keys by which checkpoints are signed');
  key
    .command('change')
    .requiredOption('--to <reference>', 'env:NAME or file:/path of the new key')
    .description(
      'let another key go on; the signer must be stopped. The old one is LEDGER_SIGNING_KEY',
    )
    .action(({ to }: { to: string }) =>
      withSessions('ledger key change', (sessions, config) => keyChange(sessions, config, to)),
    );
  key
    .command('new')
    .description(
      'make a signing key: the secret goes to a file, what verifiers need to standard output',
    )
    .requiredOption('--out <file>', 'where the secret goes; never over a file that is there')
    .option('--name <origin>', 'the origin of the ledger; asked of the database by default')
    .action(newKey);
  ledger
    .command('sign')
    .description('run the signer: a checkpoint within a second of each append')
    .action(() => withSessions('ledger sign', sign));
  ledger
    .command('adopt')
    .description('begin to sign a ledger that has entries and was never signed')
    .action(() => withSessions('ledger adopt', adopt));
  ledger
    .command('cure')
    .argument(
      '<export>',
      'what "ledger export" wrote before the loss; it has to hold all that was signed',
    )
    .description('put back the entries that a restored backup has lost; the signer must be stopped')
    .action((file: string) =>
      withSessions('ledger cure', (sessions, config) => cure(sessions, config, file)),
    );
  ledger
    .command('checkpoint')
    .argument('[size]', 'the one of this size instead of the newest')
    .description('print a checkpoint: keep it where whoever runs the ledger cannot change it')
    .action((size: string | undefined) =>
      withSessions('ledger', (sessions) => checkpoint(sessions, size)),
    );
  ledger
    .command('prove')
    .argument('<what>', 'seq, entry id, or the id of a fact: an event, a decision …')
    .option('--out <directory>', 'write leaf, data, proof and checkpoint as files instead')
    .description('print the proof that an entry is under a signed checkpoint (C2SP tlog-proof)')
    .action((what: string, { out }: { out?: string }) =>
      withSessions('ledger', (sessions) => prove(sessions, what, out)),
    );
  ledger
    .command('consistency')
    .argument('<old>', 'a number of entries')
    .argument('<new>', 'a larger one')
    .description(
      'print the proof that the ledger of <old> entries is the beginning of that of <new>',
    )
    .action((old: string, size: string) =>
      withSessions('ledger', (sessions) => consistency(sessions, old, size)),
    );
  ledger
    .command('tiles')
    .requiredOption('--out <directory>', 'goes on where an earlier run ended')
    .description('write the ledger as static files for any web server (C2SP tlog-tiles)')
    .action(({ out }: { out: string }) =>
      withSessions('ledger', (sessions) => tiles(sessions, out)),
    );
}

async function newKey({ out, name }: { out: string; name?: string }): Promise<void> {
  const origin = name ?? (await withSessions('ledger', originOf));
  if (!isKeyName(origin)) {
    throw new CommandError(`${origin} cannot name a key.`, exitCodes.usage);
  }
  const { key, secret } = createSignerKey(origin, SIGNS_TEXT);
  await writeNewSecret(out, secret);
  data(key.verifier.text);
  talk(
    `The secret is in ${out}. Give the line above to verifiers by another way than the ledger's.`,
  );
}

async function keyChange(sessions: Sessions, config: Config, to: string): Promise<void> {
  const { from, state, release } = await claimState(config);
  try {
    const database = sessions.of('signer');
    const next = await keyFrom(to);
    data(await changeKey({ database, stream: STREAM, from, to: next, state }));
    talk(`Point LEDGER_SIGNING_KEY to ${to}, and give verifiers the line behind "to".`);
  } finally {
    await release();
  }
}

async function cure(sessions: Sessions, config: Config, file: string): Promise<void> {
  const { from: key, state, release } = await claimState(config);
  try {
    const kept = await state.read();
    const signed = kept === undefined ? undefined : openCheckpoint(kept, [key.verifier]);
    if (signed === undefined || isNoteFault(signed)) {
      throw new CommandError(`${state.path} does not say what was signed.`, exitCodes.usage);
    }
    const database = sessions.of('signer');
    const { origin, from, size } = await cureLedger({ database, stream: STREAM, file, signed });
    talk(`${origin} had ${from} entries and has ${size}. Start the signer: it lifts the halt.`);
  } catch (error) {
    if (error instanceof NotCured) throw new CommandError(error.message);
    throw error;
  } finally {
    await release();
  }
}

/** Mode 0600, and never over a key that may still be needed. */
export async function writeNewSecret(file: string, secret: string): Promise<void> {
  try {
    await writeFile(file, `${secret}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new CommandError(`${file} is there already.`, exitCodes.usage);
  }
}

async function sign(sessions: Sessions, config: Config): Promise<void> {
  // It stays, so it says what it does, as other daemons do.
  const log = createLog({ level: config.logLevel, role: 'ledger sign' });
  if (config.ledgerSigningKey === undefined) {
    // A line of the Procfile, which is started with all others: ending would take them along.
    log.warn(
      {},
      'LEDGER_SIGNING_KEY is not set: nothing is signed. Make a key with "ledger key new".',
    );
    return untilSignal();
  }
  const halted = Promise.withResolvers<void>();
  const part = await startSigning({ config, sessions, log }, (error) => {
    process.exitCode = error.exitCode;
    halted.resolve();
  });
  await Promise.race([untilSignal(), halted.promise]);
  await part.stop();
}

async function adopt(...[sessions, config, log]: Parameters<Parameters<typeof withSessions>[1]>) {
  const { signer, release } = await openConfiguredSigner({ config, sessions, log, adopts: true });
  const sealed = await signer.seal();
  await release();
  talk(
    sealed === undefined
      ? `${signer.origin} was signed already; it is the one that was signed.`
      : `${signer.origin} is signed from its first entry on: ${sealed.size} entries.`,
  );
}

function read<T>(sessions: Sessions, work: (reader: CheckpointReader) => Promise<T>): Promise<T> {
  return sessions.of('audit').transact((tx) => work(openCheckpointReader(tx, STREAM, 'audit')));
}

async function checkpoint(sessions: Sessions, size: string | undefined): Promise<void> {
  const at = size === undefined ? undefined : sizeFrom(size);
  const found = await read(sessions, (reader) =>
    at === undefined ? reader.newest() : reader.at(at),
  );
  if (found === undefined)
    throw new CommandError('There is no such checkpoint.', exitCodes.notFound);
  data(found.note);
}

async function prove(sessions: Sessions, what: string, out: string | undefined): Promise<void> {
  const seq = await placeOf(sessions, what);
  const { hashes, checkpoint: under } = deny(
    await read(sessions, (reader) => proveInclusion(reader, seq)),
  );
  const proof = inclusionProofText(seq, hashes, under.note);
  if (out === undefined) {
    data(proof);
    return;
  }
  const { origin, entry } = await entryAt(sessions, seq);
  await mkdir(out, { recursive: true });
  await writeFile(join(out, `${seq}.leaf`), leafOf(origin, entry));
  await writeFile(join(out, `${seq}.data`), entry.entryData);
  await writeFile(join(out, `${seq}.tlog-proof`), proof);
  await writeFile(join(out, 'checkpoint'), under.note);
  talk(`Entry ${seq} of ${origin}, under the checkpoint of ${under.size} entries: ${out}`);
}

async function placeOf(sessions: Sessions, what: string): Promise<number> {
  if (!isUuid(what)) return sizeFrom(what);
  const seq = await sessions.of('audit').transact((tx) => seqOf(tx, STREAM, what));
  if (seq === undefined) throw new CommandError(`No entry is about ${what}.`, exitCodes.notFound);
  return seq;
}

async function entryAt(sessions: Sessions, seq: number): Promise<{ origin: string; entry: Entry }> {
  const ledger = await openLedgerExport(sessions.of('audit'), STREAM);
  for await (const [entry] of ledger.pages(seq)) {
    if (entry?.seq === seq) return { origin: ledger.origin, entry };
    break;
  }
  throw new CommandError(`There is no entry ${seq}.`, exitCodes.notFound);
}

async function consistency(sessions: Sessions, old: string, size: string): Promise<void> {
  const proof = deny(
    await read(sessions, (reader) => proveConsistency(reader, sizeFrom(old), sizeFrom(size))),
  );
  if (proof.length > 0) data(hashLines(proof));
}

async function tiles(sessions: Sessions, out: string): Promise<void> {
  await mkdir(out, { recursive: true });
  const written = await writeTiles(sessions.of('audit'), STREAM, out);
  if (written === undefined)
    throw new CommandError('Nothing has been signed yet.', exitCodes.notFound);
  talk(`${out} has the tree of ${written.size} entries; ${written.files} files were written.`);
}

function sizeFrom(text: string): number {
  const size = parseSize(text);
  if (size !== undefined && size <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(size);
  throw new CommandError(`${text} is neither a place in the ledger nor an id.`, exitCodes.usage);
}
