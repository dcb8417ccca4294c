import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AnswerOf } from '../../src/client/client.ts';
import { openConsole, type TestConsole } from '../support/console.ts';
import { openReview, type ReviewToDecide } from '../support/reviews.ts';
import { sentinelops } from './command.ts';

// Each step starts a process, and that loads the whole program.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let desk: TestConsole;
let review: ReviewToDecide;
let url: string;
const tokens: Record<string, string> = {};

beforeAll(async () => {
  desk = await openConsole();
  url = await desk.server.listen({ host: '127.0.0.1', port: 0 });
  tokens['ada'] = await desk.addPerson('ada', 'Administrator');
  tokens['ole'] = await desk.addPerson('ole', 'Operator');
  review = await openReview(desk.decision, desk.facts, {
    level: 'LOW',
    subject: 'octo \u001b[31mred',
  });
});
afterAll(() => desk.close());

const as =
  (name: string) =>
  (...args: string[]) =>
    sentinelops(['reviews', ...args], {
      SENTINELOPS_URL: url,
      SENTINELOPS_TOKEN: tokens[name] ?? name,
    });
const ada = as('ada');

async function shown(): Promise<AnswerOf<'showReview'>> {
  const { stdout } = await ada('show', review.reviewId, '--json');
  return JSON.parse(stdout) as AnswerOf<'showReview'>;
}

describe('reviews', () => {
  it('lists what waits, and shows one without letting it steer the terminal', async () => {
    const listed = await ada('list', '--level', 'LOW');
    expect(listed.code).toBe(0);
    expect(listed.stdout).toContain(review.reviewId);
    const { code, stdout } = await ada('show', review.reviewId);
    expect(code).toBe(0);
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toContain('octo \\u001b[31mred');
    expect(stdout).toContain((await shown()).view_digest);
  });

  it('decides on what was shown, and on nothing else', async () => {
    const { view_digest: digest, advisory } = await shown();
    const option = advisory.options[0]!.option;
    const other = digest.replaceAll(/./g, '0');
    const stale = await ada(
      'decide',
      review.reviewId,
      'approve',
      '--option',
      option,
      '--view-digest',
      other,
    );
    expect(stale.code).toBe(1);
    expect(stale.stderr).toContain('Not what you were shown');

    const decided = await ada(
      'decide',
      review.reviewId,
      'approve',
      '--option',
      option,
      '--view-digest',
      digest,
      '--json',
    );
    expect(JSON.parse(decided.stdout)).toMatchObject({ state: 'approved', option });
    const resolved = await ada('list', '--state', 'resolved', '--json');
    expect(resolved.stdout).toContain(review.reviewId);
  });

  it('says what is wrong, with an exit code for each kind', async () => {
    const unknown = '00000000-0000-8000-8000-000000000000';
    const digest = '0'.repeat(64);
    expect((await ada('show', unknown)).code).toBe(4);
    expect((await ada('list', '--limit', '0')).code).toBe(2);
    expect((await ada('decide', unknown, 'dance', '--view-digest', digest)).code).toBe(2);
    expect((await as('ole')('show', review.reviewId)).stderr).toContain('Auditors');
    expect((await as('so_wrong')('list')).code).toBe(1);
    const unset = await sentinelops(['reviews', 'list'], { SENTINELOPS_URL: url });
    expect(unset).toMatchObject({ code: 78, stderr: expect.stringContaining('SENTINELOPS_TOKEN') });
    const nowhere = await sentinelops(['reviews', 'list'], {
      SENTINELOPS_URL: 'http://127.0.0.1:1',
      SENTINELOPS_TOKEN: tokens['ada']!,
    });
    expect(nowhere).toMatchObject({ code: 69, stderr: expect.stringContaining('SENTINELOPS_URL') });
  });
});
