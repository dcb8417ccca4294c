import { expect, it } from 'vitest';
import {
  completenessText,
  type DayRecord,
  digestOfLines,
  isDay,
  stateCompleteness,
} from '../../src/domain/completeness.ts';
import { sha256 } from '../../src/domain/digest.ts';
import { vectorHashes } from './ledger/chain.ts';

const counts = {
  received: 5,
  assessed: 5,
  evaluated: 5,
  cleared: 2,
  advised: 3,
  advisories: 4,
  decided: 3,
  open: 1,
  rejected: 1,
  executed: 1,
  refused: 1,
  failed: 0,
  facts: 20,
  ledgered: 20,
};
const record: DayRecord = {
  origin: 'sentinelops.example/ledger/decisions-0',
  source: 'scada-7',
  day: '2025-11-24',
  counts,
  ids: digestOfLines(['A-1', 'A-2', 'A-3'].map((id) => sha256(id)).toSorted()),
  entries: digestOfLines([
    vectorHashes[0]!,
    vectorHashes[1]!,
    '6c41958ba286715347c90599768322898e8ba618d5a7cb1b2d3c52ed4ff6d396',
  ]),
  entryCount: 5,
  size: 1_000,
  missing: [],
  deadLetters: [],
  repairs: [],
};

it('a day is complete when every equation holds', () => {
  expect(stateCompleteness(record)).toMatchObject({ complete: true, missing: [] });
});

it.each(Object.keys(counts) as (keyof typeof counts)[])(
  'one %s too few or too many breaks an equation',
  (name) => {
    for (const by of [-1, 1]) {
      const other = stateCompleteness({
        ...record,
        counts: { ...counts, [name]: counts[name] + by },
      });
      expect(other.complete).toBe(false);
      expect(other.equations.filter(({ holds }) => !holds).length).toBeGreaterThan(0);
    }
  },
);

it('an event without its entry is missed', () => {
  expect(stateCompleteness({ ...record, entryCount: 4 }).complete).toBe(false);
});

it('has the published text of the published chain', () => {
  expect(completenessText(record)).toBe(
    'sentinelops-completeness/v1\norigin sentinelops.example/ledger/decisions-0\nsource scada-7\nday 2025-11-24\ncount 5\n' +
      'ids ecb497e7d288461c6efe3fb745ee718b7f754a48e257dd64892092894906e8ad\n' +
      'entries c0361d2aaaa5cce267e3a999f82f6f4b30fa350a33c03ecedfda331675b27251\nsize 1000\n',
  );
  expect(completenessText({ ...record, size: null })).toBeUndefined();
});

it('takes days that there are', () => {
  expect(['2024-02-29', '2025-12-31'].every(isDay)).toBe(true);
  expect(
    ['2025-02-29', '2025-13-01', '2025-1-1', 'today', '2025-01-01T00:00:00Z'].some(isDay),
  ).toBe(false);
});
