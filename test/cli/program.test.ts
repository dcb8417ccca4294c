/** How the command line explains itself, and what it says to what it does not understand. */
import { type Command, CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { exitCodes } from '../../src/cli/terminal.ts';
import { sentinelops } from './command.ts';

interface Said {
  readonly out: string;
  readonly err: string;
  /** Commander's own: 0 when help was asked for. */
  readonly code: number | undefined;
}

/** Parses in this process; for command lines that go no further than their own parse. */
async function say(...args: readonly string[]): Promise<Said> {
  const program = createProgram();
  const said = { out: '', err: '' };
  const listen = (command: Command) => {
    command.configureOutput({
      writeOut: (text) => (said.out += text),
      writeErr: (text) => (said.err += text),
    });
    command.commands.forEach(listen);
  };
  listen(program);
  const ended = await program.parseAsync(args, { from: 'user' }).catch((error: unknown) => error);
  return { ...said, code: ended instanceof CommanderError ? ended.exitCode : undefined };
}

/** The path to every command below this one. */
function pathsBelow(
  command: Command,
  path: readonly string[] = [],
): readonly (readonly string[])[] {
  return command.commands.flatMap((child) => {
    const own = [...path, child.name()];
    return [own, ...pathsBelow(child, own)];
  });
}

const paths = pathsBelow(createProgram()).map((path) => path.join(' '));

it('has the commands that README names', () => {
  expect(paths).toEqual(
    expect.arrayContaining([
      ...['demo', 'up', 'work', 'admin', 'migrate', 'send', 'status', 'trace'],
      ...['source add', 'source list', 'source retire', 'source key add', 'source key retire'],
      ...['reviewer add', 'reviewer list', 'reviewer revoke', 'policy load'],
      ...['deadletter list', 'deadletter show', 'ledger export', 'ledger verify'],
    ]),
  );
});

it.each(paths)('%s --help says what it does and how it is used, as data', async (path) => {
  const { out, err, code } = await say(...path.split(' '), '--help');
  expect({ err, code }).toEqual({ err: '', code: 0 });
  expect(out).toMatch(new RegExp(`^Usage: sentinelops ${path} .*\n\n[a-z].+\n`));
  expect(out).toContain('--json');
});

it.each([
  [['statu'], /unknown command 'statu'\n\(Did you mean status\?\)/],
  [['ledger', 'veriffy'], /unknown command 'veriffy'\n\(Did you mean verify\?\)/],
  [['status', '--jsn'], /unknown option '--jsn'\n\(Did you mean --json\?\)/],
  [['trace'], /missing required argument 'event id'/],
  [
    ['work', 'risks'],
    /It is one of ingest, risk, advisory, awaiting-decision, ledger, execution, reconciler, notifier\./,
  ],
  [['deadletter', 'list', '--queue', 'risks'], /Allowed choices are ingest, risk, /],
])('%s is not understood: says what is wrong, then how it is used', async (args, said) => {
  const { out, err, code } = await say(...args);
  expect(out).toBe('');
  expect(code).not.toBe(exitCodes.ok);
  expect(err).toMatch(said);
  expect(err).toMatch(/\nUsage: sentinelops /);
});

describe('as a process', () => {
  it('ends with 0 and help on standard output, or with 2 and the fault on standard error', async () => {
    const [help, usage, value] = await Promise.all([
      sentinelops(['ledger', 'verify', '--help']),
      sentinelops(['frobnicate']),
      sentinelops(['ledger', 'verify', 'file', '--pin', '1:abc']),
    ]);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(
      /^Usage: sentinelops ledger verify [^]*Exit codes: 0 OK, 1 failed, /,
    );
    expect(usage).toMatchObject({ code: 2, stdout: '' });
    expect(usage.stderr).toMatch(/^error: unknown command 'frobnicate'\n/);
    expect(value).toMatchObject({ code: 2, stdout: '' });
    expect(value.stderr).toMatch(/^--pin takes SIZE:HASH, .*\n$/);
  });

  it('ends with 78 on faults in the configuration, naming all of them and no value', async () => {
    const { code, stdout, stderr } = await sentinelops(['status'], {
      ADMIN_PORT: 'secret-port',
      REDIS_URL: 'http://secret-host',
      SENTINELOPS_DATADIR: './secret',
    });
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toContain('ADMIN_PORT must be integer');
    expect(stderr).toContain('REDIS_URL must look like redis://');
    expect(stderr).toContain(
      'SENTINELOPS_DATADIR is no setting; the nearest one is SENTINELOPS_DATA_DIR',
    );
    expect(stderr).not.toContain('secret');
  });

  it('ends with 69 when PostgreSQL does not answer, and says which setting to check', async () => {
    const settings = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' };
    for (const ended of await Promise.all([
      sentinelops(['status'], settings),
      sentinelops(['up'], settings),
    ])) {
      expect(ended).toMatchObject({ code: 69, stdout: '' });
      expect(ended.stderr).toMatch(
        /^PostgreSQL does not answer: connect ECONNREFUSED 127\.0\.0\.1:1\. Check DATABASE_URL\.\n$/,
      );
    }
  });
});
