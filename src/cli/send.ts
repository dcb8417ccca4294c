/** `send`: CloudEvents from a file or a pipe onto the ingest queue. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { jsonLimits, readJsonArray } from '../domain/json-text.ts';
import { isRefusal } from '../domain/problem.ts';
import { BATCH_MESSAGES_MAX, type Message } from '../queues/messages.ts';
import { withFoundation } from './run.ts';
import { CommandError, exitCodes, json, progress, talk } from './terminal.ts';

const JOB_BYTES_MAX = 256 * 1024;

export function addSendCommand(program: Command): void {
  program
    .command('send')
    .argument('<file>', 'JSON, a JSON array, or NDJSON of CloudEvents; - reads standard input')
    .description('put events on the ingest queue, without a signature')
    .addHelpText(
      'after',
      '\nThe queue keeps them until an ingest worker takes them; what it refuses is under "deadletter list".',
    )
    .action(async (file: string, _options, command: Command) => {
      const events = eventsOf(file === '-' ? await text(process.stdin) : await read(file));
      const sent = await withFoundation('send', async ({ broker }) => {
        const send = broker.sender('ingest');
        const line = progress();
        let count = 0;
        for (const job of jobsOf(events)) {
          await send(job);
          count += job.length;
          line.show(`${count} of ${events.length} sent`);
        }
        line.end();
        return count;
      });
      if (command.optsWithGlobals<{ json?: true }>().json) json({ sent });
      else talk(`${sent} ${sent === 1 ? 'event' : 'events'} on the ingest queue.`);
    });
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CommandError(
      `${file} cannot be read: ${(error as Error).message}`,
      exitCodes.notFound,
    );
  }
}

/**
 * The texts of the events, as they were written: written anew, a number too large or a key given twice would pass the
 * ingest actor, which refuses them. Whether each is a CloudEvent is for that actor to say; here it only must be JSON.
 */
function eventsOf(content: string): readonly string[] {
  const elements = readJsonArray(content, Infinity, { ...jsonLimits, bytesMax: Infinity });
  if (elements !== undefined && !isRefusal(elements)) return elements.map(({ text }) => text);
  return parse(content) === undefined ? linesOf(content) : [content];
}

function linesOf(content: string): readonly string[] {
  return content.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    if (isJsonObject(parse(line))) return [line];
    throw new CommandError(
      `Line ${index + 1} is no JSON object. Nothing was sent. Give one JSON value, a JSON array, or one object a line.`,
      exitCodes.usage,
    );
  });
}

function parse(content: string): JsonValue | undefined {
  try {
    return JSON.parse(content) as JsonValue;
  } catch {
    return undefined;
  }
}

/** Jobs within the limits of the job format: by messages and by bytes, at least one message in each. */
function* jobsOf(events: readonly string[]): Generator<Message<'ingest'>[]> {
  let job: Message<'ingest'>[] = [];
  let bytes = 0;
  for (const body of events) {
    const size = Buffer.byteLength(body);
    if (job.length > 0 && (job.length === BATCH_MESSAGES_MAX || bytes + size > JOB_BYTES_MAX)) {
      yield job;
      job = [];
      bytes = 0;
    }
    job.push({ body });
    bytes += size;
  }
  if (job.length > 0) yield job;
}
