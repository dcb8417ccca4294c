/** `policy what-if`: one event on record against a document that is not in force. */
import type { Command } from 'commander';
import { isUuid } from '../domain/ids.ts';
import { whatIf } from '../domain/what-if.ts';
import { recordedRuns } from '../stores/audit-replay.ts';
import { compileDocument, documentsOrExit, evidenceLine } from './policy-check.ts';
import { withSessions } from './run.ts';
import { CommandError, data, exitCodes, json, printable } from './terminal.ts';

export function addPolicyWhatIfCommand(policy: Command): void {
  policy
    .command('what-if')
    .argument('<file>', 'a policy document')
    .argument('<event id>', 'an event that has been weighed')
    .description('what a document would say of an event, with the value that every condition sees')
    .action((file: string, eventId: string, _options, command: Command) =>
      show(file, eventId, command.optsWithGlobals<{ json?: true }>()),
    );
}

async function show(file: string, eventId: string, options: { json?: true }): Promise<void> {
  const { policies } = await documentsOrExit([file]);
  const [document] = policies;
  if (document === undefined || policies.length > 1) {
    throw new CommandError('Name the file of one policy.', exitCodes.usage);
  }
  const [run] = isUuid(eventId)
    ? await withSessions('policy', (sessions) =>
        sessions.of('audit').transact((tx) => recordedRuns(tx, { eventId }, { limit: 1 })),
      )
    : [];
  if (run === undefined) {
    throw new CommandError(`No event ${printable(eventId)} has been weighed.`, exitCodes.notFound);
  }
  const said = await whatIf(compileDocument(document.definition), run);
  if (options.json) return json(said);
  data(`${said.policy}: ${said.outcome}`);
  for (const evidence of said.conditions) data(`  ${evidenceLine(evidence)}`);
  for (const { option, target, command } of said.options) {
    data(`  option ${printable(option)} at ${printable(target)}: ${printable(command)}`);
  }
  const { level, score } = run.assessment;
  data(`risk on record: ${level}, ${score ?? 'no score'}`);
  for (const { policy, result } of said.recorded) data(`said then: ${printable(policy)} ${result}`);
}
