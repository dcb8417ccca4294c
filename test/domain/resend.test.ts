import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Gap } from '../../src/domain/gap.ts';
import {
  afterSend,
  type Page,
  planResends,
  RESEND_WAIT_MS_MAX,
  type Resends,
} from '../../src/domain/resend.ts';
import { timestampOfMs } from '../../src/domain/time.ts';

const RULES = { graceMs: 30_000, pageMax: 3 };
const old = (id: string, ageMs = 60_000): Gap => ({
  id,
  type: null,
  since: timestampOfMs(0),
  ageMs,
});
const idsOf = (pages: Resends) => pages.map(({ gaps }) => gaps.map(({ id }) => id));
const due = (pages: Resends, nowMs: number) => pages.filter(({ dueMs }) => dueMs <= nowMs);
const sendDue = (pages: Resends, nowMs: number): Resends =>
  pages.map((page) => (page.dueMs <= nowMs ? afterSend(page, nowMs) : page));

describe('gaps to be sent again', () => {
  it('go in pages, in order of age, and none that is younger than the grace period', () => {
    const found = [old('a'), old('b'), old('c'), old('d'), old('young', 29_999)];
    expect(idsOf(planResends([], found, 0, RULES))).toEqual([['a', 'b', 'c'], ['d']]);
  });

  it('wait twice as long after each time, a quarter of an hour at most', () => {
    let pages = planResends([], [old('a')], 0, RULES);
    const waits: number[] = [];
    for (let nowMs = 0; waits.length < 8; nowMs = pages[0]!.dueMs) {
      expect(due(pages, nowMs)).toHaveLength(1);
      pages = planResends(sendDue(pages, nowMs), [old('a')], nowMs, RULES);
      waits.push((pages[0]!.dueMs - nowMs) / 1_000);
      expect(due(pages, pages[0]!.dueMs - 1)).toEqual([]);
    }
    expect(waits).toEqual([60, 120, 240, 480, 900, 900, 900, 900]);
    expect(RESEND_WAIT_MS_MAX).toBe(900_000);
  });

  it('stay together, whatever is found beside them later', () => {
    const first = sendDue(planResends([], [old('a'), old('b')], 0, RULES), 0);
    const found = [old('0'), old('a'), old('b'), old('c')];
    const then = planResends(first, found, 60_000, RULES);
    expect(idsOf(due(then, 60_000))).toEqual([
      ['a', 'b'],
      ['0', 'c'],
    ]);
  });

  it('are forgotten once they are no gaps any more, and new when they are again', () => {
    const sent = sendDue(planResends([], [old('a'), old('b')], 0, RULES), 0);
    const without = planResends(sent, [old('b')], 1_000, RULES);
    expect(idsOf(without)).toEqual([['b']]);
    expect(idsOf(due(planResends(without, [old('a'), old('b')], 2_000, RULES), 2_000))).toEqual([
      ['a'],
    ]);
  });

  it('are told apart by the kind of fact', () => {
    const sent = sendDue(planResends([], [{ ...old('a'), type: 'EVENT' }], 0, RULES), 0);
    const found: Gap[] = [
      { ...old('a'), type: 'EVENT' },
      { ...old('a'), type: 'ADVISORY' },
    ];
    expect(due(planResends(sent, found, 0, RULES), 0)).toMatchObject([
      { gaps: [{ type: 'ADVISORY' }] },
    ]);
  });

  it('are planned exactly once, whenever they appear and disappear', () => {
    const looks = fc.array(
      fc.uniqueArray(fc.constantFrom(...'abcdefghij'.split('')), { maxLength: 10 }),
      {
        minLength: 1,
        maxLength: 20,
      },
    );
    fc.assert(
      fc.property(looks, (seen) => {
        let pages: readonly Page[] = [];
        seen.forEach((ids, index) => {
          const nowMs = index * 30_000;
          pages = sendDue(
            planResends(
              pages,
              ids.map((id) => old(id)),
              nowMs,
              RULES,
            ),
            nowMs,
          );
          expect(idsOf(pages).flat().toSorted()).toEqual(ids.toSorted());
          expect(pages.every(({ gaps }) => gaps.length > 0 && gaps.length <= 3)).toBe(true);
        });
      }),
    );
  });
});
