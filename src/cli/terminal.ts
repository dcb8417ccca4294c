/** What a command prints: data on standard output, talk on standard error; nothing that moves unless a person watches. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import Table from 'cli-table3';

/** Exit codes besides those of `ledger verify`, which has one for each kind of damage. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  /** For commands that compare: something differs. */
  changes: 3,
  notFound: 4,
  /** A store does not answer, or is not fit to be used. */
  unavailable: 69,
  configuration: 78,
} as const;

/** Ends a command with a message for the person at the terminal and an exit code; no stack is printed. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;
  constructor(message: string, exitCode: number = exitCodes.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function data(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

export function talk(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function json(value: unknown): void {
  data(JSON.stringify(value, undefined, 2));
}

/** Rows as a plain table that a person reads and `awk` can still cut. */
export function table(head: readonly string[], rows: readonly (readonly unknown[])[]): void {
  const plain = new Table({
    head: [...head],
    chars: Object.fromEntries(BORDERS.map((border) => [border, ''])),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  for (const row of rows) plain.push(row.map((cell) => printable(cell)));
  data(plain.toString());
}

const BORDERS = [
  ...['top', 'top-mid', 'top-left', 'top-right'],
  ...['bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
  ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
];

/** C0 and C1 controls, DEL, and the marks that turn the direction of writing. */
const STEERING = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** Text from outside must not steer the terminal: control characters are shown, not sent. */
export function printable(cell: unknown): string {
  if (cell === null || cell === undefined) return '-';
  const text = typeof cell === 'object' ? JSON.stringify(cell) : String(cell as string | number);
  return text.replaceAll(
    STEERING,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export interface Progress {
  show(text: string): void;
  end(): void;
}

/** One line that is written over, for work that takes long; silent where nobody watches. */
export function progress(): Progress {
  if (!process.stderr.isTTY) return { show: () => undefined, end: () => undefined };
  return {
    show: (text) => process.stderr.write(`\r\u001b[2K${text}`),
    end: () => process.stderr.write('\r\u001b[2K'),
  };
}

/**
 * One line of standard input; at a terminal it is asked for and not shown while it is typed. Empty when there is none.
 * Ctrl-C ends the process as it always does.
 */
export async function readSecretLine(question: string): Promise<string> {
  const isTerminal = process.stdin.isTTY === true;
  if (isTerminal) process.stderr.write(question);
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silence, terminal: isTerminal });
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    for await (const line of lines) return line;
    return '';
  } finally {
    lines.close();
    if (isTerminal) process.stderr.write('\n');
  }
}
