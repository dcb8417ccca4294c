import { describe, expect, it } from 'vitest';
import {
  type BacktestedRun,
  type BacktestState,
  beginBacktest,
  countRun,
  isOfBacktest,
  type PastDecision,
  reportDigest,
} from '../../src/domain/backtest.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import type { RuleAnswer } from '../../src/domain/rules.ts';
import { compiled, policyOf } from '../support/documents.ts';

const range = { from: '2026-01-01T00:00:00.000000Z', to: '2026-02-01T00:00:00.000000Z' };
const draft = compiled(policyOf('watched', { version: 2 }));
const receivedAt = '2026-01-02T00:00:00.000000Z';

function runOf(
  eventId: string,
  data: JsonValue,
  then: RuleAnswer['result'] | undefined,
  decision?: PastDecision,
): BacktestedRun & { receivedAt: string } {
  const event = {
    source: 's',
    id: eventId,
    type: 'com.example.thing',
    subject: 'a',
    time: receivedAt,
    data,
  };
  const asked = then === undefined ? [] : [{ policy: 'watched@1', result: then }];
  const assessment = { score: '30.0000', level: 'MEDIUM', contributions: [] };
  const run = { eventId, receivedAt, event, assessment, advisories: [], decision };
  return { ...run, evaluation: { asked } } as unknown as ReturnType<typeof runOf>;
}

async function count(...runs: readonly ReturnType<typeof runOf>[]): Promise<BacktestState> {
  let state = beginBacktest(draft, range);
  for (const run of runs) state = await countRun(state, draft, run);
  return state;
}

const bad = { bad: true };
const good = { bad: false };

describe('a backtest', () => {
  it('counts what is gained, lost, kept and silent, by level, with examples', async () => {
    const { counts, levels, examples, after } = await count(
      runOf('1', bad, 'matched'),
      runOf('2', bad, 'not matched'),
      runOf('3', good, 'matched'),
      runOf('4', good, 'not matched'),
      runOf('5', good, undefined),
      runOf('6', {}, 'not matched'),
    );
    expect(counts).toMatchObject({ events: 6, kept: 1, gained: 2, lost: 1, silent: 2, unknown: 1 });
    expect(levels.MEDIUM).toEqual({ gained: 2, lost: 1 });
    expect(examples).toMatchObject({ gained: ['2', '6'], lost: ['3'], unknown: ['6'] });
    expect(after).toEqual({ receivedAt, eventId: '6' });
  });

  it('counts the people that it takes: two at MEDIUM, three for what is unknown', async () => {
    const { counts } = await count(runOf('1', bad, 'matched'), runOf('2', {}, 'not matched'));
    expect(counts).toMatchObject({ seatsThen: 2, seatsWithDraft: 5 });
  });

  it('names the decisions of people that the draft contradicts', async () => {
    const { counts, examples } = await count(
      runOf('1', good, 'matched', 'approved'),
      runOf('2', good, 'matched', 'rejected'),
      runOf('3', bad, 'matched', 'rejected'),
      runOf('4', bad, 'matched', 'approved'),
      runOf('5', good, 'unknown', 'override'),
    );
    expect(counts).toMatchObject({ lostButApproved: 2, keptButRejected: 1 });
    expect(examples).toMatchObject({ lostButApproved: ['1', '5'], keptButRejected: ['3'] });
  });

  it('goes on from what an interrupted run left, to the same end', async () => {
    const runs = Array.from({ length: 30 }, (_, n) =>
      runOf(String(n), n % 3 ? bad : good, 'matched'),
    );
    let state = await count(...runs.slice(0, 7));
    state = JSON.parse(JSON.stringify(state)) as BacktestState;
    expect(isOfBacktest(state, beginBacktest(draft, range))).toBe(true);
    for (const run of runs.slice(7)) state = await countRun(state, draft, run);
    const whole = await count(...runs);
    expect(state).toEqual(whole);
    expect(reportDigest(state)).toBe(reportDigest(whole));
    expect(state.examples.lost).toHaveLength(10);
  });

  it('is not continued with another draft or range', () => {
    const begun = beginBacktest(draft, range);
    const changed = compiled(policyOf('watched', { version: 2, title: 'Another' }));
    expect(isOfBacktest(begun, beginBacktest(changed, range))).toBe(false);
    expect(isOfBacktest(begun, beginBacktest(draft, { ...range, to: range.from }))).toBe(false);
  });
});
