/** The console in a browser: a server that listens, Chromium in front of it, and reviews with something to read. */
import type { Evidence } from '../../src/domain/rules.ts';
import type { Contribution } from '../../src/domain/risk.ts';
import { type ConsoleOptions, openConsole, type TestConsole } from '../support/console.ts';
import { startBrowser, type TestBrowser } from '../support/browser.ts';
import type { EvaluationFacts } from '../support/facts.ts';

export interface BrowserDesk extends TestConsole, Pick<TestBrowser, 'open'> {
  readonly origin: string;
}

export async function openBrowserDesk(options: ConsoleOptions = {}): Promise<BrowserDesk> {
  const desk = await openConsole(options);
  const origin = await desk.server.listen({ host: '127.0.0.1', port: 0 });
  const browser = await startBrowser(origin);
  return {
    ...desk,
    origin,
    open: browser.open,
    async close() {
      await browser.close();
      await desk.close();
    },
  };
}

const evidence = (
  position: string,
  path: string,
  actual: string | number,
  result: Evidence['result'],
): Evidence => ({
  position,
  fact: 'event',
  path,
  operator: 'equal',
  expected: 'public',
  actual,
  result,
});

const factor = (title: string, points: number, held: Contribution['held']): Contribution => ({
  factor: title.toLowerCase().replaceAll(' ', '-'),
  title,
  points,
  held,
});

/** A review with all that a page can show of one. */
export const richReview: EvaluationFacts = {
  level: 'MEDIUM',
  subject: 'octo-org/octo-repo',
  contributions: [
    factor('A repository became public', 30, true),
    factor('Somebody trusted did it', -5, true),
    factor('It happened at night', 10, false),
  ],
  conditions: [
    evidence('any.0.all.0', '$.data.visibility', 'public', 'held'),
    evidence('any.0.all.1', '$.data.before', 'private', 'not held'),
    {
      ...evidence('any.1.all.0', '$.data.owner', 1, 'unknown'),
      reason: 'is a number, not a string',
    },
  ],
  data: { visibility: 'public', note: 'turned \u202e round', tags: ['<b>bold</b>'] },
};
