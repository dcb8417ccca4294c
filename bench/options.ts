/** The command line of the benchmark. */
import { parseArgs } from 'node:util';

export interface Options {
  /** Names of sections; empty: all but those that run only when they are asked for. */
  readonly sections: readonly string[];
  /** File that receives the rows. */
  readonly json: string | undefined;
  readonly quick: boolean;
  readonly rounds: number;
  /** How long one measured run is meant to last; the number of events follows from it. */
  readonly runS: number;
  /** Duration of the section `memory`. */
  readonly minutes: number;
  /** Events of the history in section `history`. */
  readonly historyEvents: number;
  /** Directory that receives CPU profiles of our processes and the statistics of both stores. */
  readonly profile: string | undefined;
}

export const USAGE = `npm run bench [-- [section…] [options]]

  --json FILE      write the rows as JSON
  --quick          small counts and few rounds: shows that the benchmark works, proves nothing about speed
  --rounds N       rounds of each comparison (5, with --quick 1)
  --seconds N      meant length of one measured run (5, with --quick 0.5)
  --minutes N      length of the section "memory" (30)
  --history N      events of history in the section "history" (5000000, with --quick 50000)
  --profile DIR    write CPU profiles of our processes, pg_stat_statements and Redis' command statistics`;

const FULL = { rounds: 5, runS: 5, historyEvents: 5_000_000 };
const QUICK = { rounds: 1, runS: 0.5, historyEvents: 50_000 };
const MINUTES = 30;

/** @throws TypeError for what is no option, or no number where one is needed. */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      minutes: { type: 'string' },
      history: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const defaults = values.quick ? QUICK : FULL;
  return {
    sections: positionals,
    json: values.json,
    quick: values.quick,
    rounds: positive('rounds', values.rounds, defaults.rounds),
    runS: positive('seconds', values.seconds, defaults.runS),
    minutes: positive('minutes', values.minutes, MINUTES),
    historyEvents: positive('history', values.history, defaults.historyEvents),
    profile: values.profile,
  };
}

function positive(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!(value > 0)) throw new TypeError(`--${name} takes a number above 0, not "${text}"`);
  return value;
}
