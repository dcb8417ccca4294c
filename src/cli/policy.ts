/** `policy load`: policies and risk models from files, in one step; its other commands stand in files of their own. */
import type { Command } from 'commander';
import { loadDocuments } from './documents.ts';
import { personNamed } from './people.ts';
import { addPolicyBacktestCommand } from './policy-backtest.ts';
import { addPolicyCheckCommands } from './policy-check.ts';
import { addPolicyLifeCycleCommands } from './policy-life-cycle.ts';
import { addPolicyWhatIfCommand } from './policy-what-if.ts';
import { withFoundation } from './run.ts';
import { json, talk } from './terminal.ts';

interface LoadOptions {
  readonly author: string;
  readonly approver: string;
  readonly json?: true;
}

export function addPolicyCommands(program: Command): void {
  const policy = program.command('policy').description('what is watched, and how risk is weighed');
  addPolicyCheckCommands(policy);
  addPolicyLifeCycleCommands(policy);
  addPolicyWhatIfCommand(policy);
  addPolicyBacktestCommand(policy);
  policy
    .command('load')
    .argument('<folder>', 'with policies/*.yaml and risk-models/*.yaml, as in examples/')
    .description(
      'bring the documents of a folder into force: all of them or none; safe to run again',
    )
    .requiredOption('--author <name>', 'who wrote them, a Compliance Officer')
    .requiredOption('--approver <name>', 'who stands for them, another Compliance Officer')
    .action((folder: string, _options, command: Command) =>
      load(folder, command.optsWithGlobals<LoadOptions>()),
    );
}

async function load(folder: string, options: LoadOptions): Promise<void> {
  const loaded = await withFoundation('policy', async (foundation) => {
    const identity = foundation.sessions.of('identity');
    return loadDocuments(foundation, folder, {
      author: await personNamed(identity, options.author),
      approver: await personNamed(identity, options.approver),
    });
  });
  if (options.json) {
    json(loaded);
    return;
  }
  const activated = [...loaded.riskModels, ...loaded.policies];
  if (activated.length === 0) talk('Nothing to do: all of them are in force.');
  for (const version of activated) talk(`in force: ${version}`);
}
