/**
 * Contestants that are written here run in a process of their own, beside the benchmark's: what it costs to watch them
 * is then not theirs. Each is a module whose `open` makes the chain; calls go over the channel of `fork`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Chain } from '../contestants/contestant.ts';
import type { Ending } from '../ending.ts';

/** What a module of this folder exports. Options arrive as JSON. */
export interface HostedModule<Options> {
  open(options: Options): Promise<HostedChain>;
}
export type HostedChain = Omit<Chain, 'processes'>;

export type Call =
  | { readonly call: 'open'; readonly module: string; readonly options: unknown }
  | { readonly call: 'submit'; readonly first: number; readonly count: number }
  | { readonly call: 'finish' | 'close' };

export interface Answer {
  readonly fault?: string;
}

const HOST = join(import.meta.dirname, 'host.ts');

/** Starts the module `<name>.ts` of this folder in a process of its own. */
export async function openHosted(name: string, options: unknown, ending: Ending): Promise<Chain> {
  const child = fork(HOST, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = once(child, 'exit');
  const kill = ending.add(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const ask = async (call: Call): Promise<void> => {
    child.send(call);
    const [answer] = (await Promise.race([once(child, 'message'), exited.then(died)])) as [Answer];
    if (answer.fault !== undefined) throw new Error(`${name}: ${answer.fault}`);
  };
  const died = (): never => {
    throw new Error(`the process of ${name} ended by itself`);
  };
  await ask({ call: 'open', module: name, options });
  return {
    processes: [{ role: name, pid: child.pid! }],
    submit: (first, count) => ask({ call: 'submit', first, count }),
    finish: () => ask({ call: 'finish' }),
    async close() {
      await ask({ call: 'close' });
      await kill();
    },
  };
}
