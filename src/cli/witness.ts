/** `witness`: what a second party runs, on a machine of its own, without any database of ours. */
import { mkdir } from 'node:fs/promises';
import type { Command } from 'commander';
import { createWatch } from '../actors/watch.ts';
import { COSIGNS, createSignerKey, isKeyName } from '../domain/ledger/note.ts';
import type { Log } from '../domain/log.ts';
import { claimDirectory } from '../embedded/owner.ts';
import { openSignedState } from '../stores/signed-state.ts';
import { createLog } from '../telemetry/log.ts';
import { answerDropped } from '../witness/drop-directory.ts';
import { createWitnessServer } from '../witness/server.ts';
import { createWitness, type Witness } from '../witness/witness.ts';
import { writeNewSecret } from './ledger-proofs.ts';
import { untilSignal } from './run.ts';
import { keyFrom, policyFrom } from './signing.ts';
import { CommandError, data, exitCodes, talk } from './terminal.ts';

const DROP_INTERVAL_MS = 1_000;

interface WitnessOptions {
  readonly key: string;
  readonly policy: string;
  readonly state: string;
  readonly listen?: string;
  readonly drop?: string;
}

export function addWitnessCommands(program: Command): void {
  const witness = program
    .command('witness')
    .description('cosign the checkpoints of a ledger that somebody else runs');
  witness
    .command('key')
    .description('keys by which a witness cosigns')
    .command('new')
    .description('make a key: the secret goes to a file, what others need to standard output')
    .requiredOption('--out <file>', 'where the secret goes; never over a file that is there')
    .requiredOption(
      '--name <name>',
      'who cosigns: a URL without scheme, such as regulator.example/w1',
    )
    .action(newKey);
  witness
    .command('run')
    .description('answer add-checkpoint (C2SP tlog-witness) over HTTP, in a directory, or both')
    .requiredOption('--key <reference>', 'env:NAME or file:/path of the secret')
    .requiredOption('--policy <file>', 'names the logs that are cosigned (C2SP tlog-policy)')
    .requiredOption(
      '--state <directory>',
      'what was cosigned last; never put it back from a backup',
    )
    .option('--listen <host:port>', 'such as 127.0.0.1:8485')
    .option('--drop <directory>', 'answers each NAME.request with a NAME.answer')
    .action(run);
}

async function newKey({ out, name }: { out: string; name: string }): Promise<void> {
  if (!isKeyName(name)) throw new CommandError(`${name} cannot name a key.`, exitCodes.usage);
  const { key, secret } = createSignerKey(name, COSIGNS);
  await writeNewSecret(out, secret);
  data(key.verifier.text);
}

async function run({ key, policy, state, listen, drop }: WitnessOptions): Promise<void> {
  if (listen === undefined && drop === undefined) {
    throw new CommandError('Give --listen, --drop, or both.', exitCodes.usage);
  }
  const log = createLog({ level: 'info', role: 'witness' });
  const { logs } = await policyFrom(policy);
  const signer = await keyFrom(key);
  if (signer.verifier.type !== COSIGNS) {
    throw new CommandError(
      'This key signs logs. Make one with "witness key new".',
      exitCodes.configuration,
    );
  }
  await mkdir(state, { recursive: true, mode: 0o700 });
  const claim = await claimDirectory(state, '--state');
  const witness = createWitness({
    key: signer,
    logs,
    stateOf: (origin) => openSignedState(state, origin),
    now: () => BigInt(Math.floor(Date.now() / 1_000)),
  });
  const parts = [
    ...(listen === undefined ? [] : [await serve(witness, listen, log)]),
    ...(drop === undefined ? [] : [watchDrop(witness, drop, log)]),
  ];
  talk(`Witness ${signer.verifier.text} for ${logs.map((each) => each.name).join(', ')}.`);
  await untilSignal();
  for (const part of parts) await part.stop();
  await claim.release();
}

async function serve(witness: Witness, listen: string, log: Log) {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(listen) ?? [];
  if (host === undefined) throw new CommandError('--listen takes HOST:PORT.', exitCodes.usage);
  const server = createWitnessServer(witness, log);
  const url = await server.listen({ host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) });
  log.info({ url }, 'listening');
  return { stop: () => server.close() };
}

function watchDrop(witness: Witness, directory: string, log: Log) {
  const watch = createWatch(DROP_INTERVAL_MS, async () => {
    try {
      const answered = await answerDropped(directory, witness);
      for (const { name, status } of answered) log.info({ name, status }, 'answered');
    } catch (error) {
      log.error({ error }, 'the directory could not be read');
    }
  });
  watch.start();
  return watch;
}
