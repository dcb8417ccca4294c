import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FactType } from '../../src/domain/fact.ts';
import {
  chain,
  entryIdOf,
  hashOfLeaf,
  type Head,
  leafOf,
  originOf,
  type UnplacedEntry,
  ZERO_HASH,
} from '../../src/domain/ledger.ts';
import type { Timestamp } from '../../src/domain/time.ts';
import {
  leaf,
  VECTOR_ORIGIN,
  VECTOR_ORIGIN_BASE,
  vectorHashes,
  vectorRows,
} from './ledger/chain.ts';

/** As the format document prints it. */
const LEAF_0 =
  '{"entry_data_sha256":"d5a00e661e8b623937273bc4ca0332a7aeef5da689171204f6a389b4dd70f86b",' +
  '"entry_id":"00000000-0000-4000-8000-000000000000","entry_type":"DECISION",' +
  '"linked_entity_id":"10000000-0000-4000-8000-000000000000",' +
  '"origin":"sentinelops.example/ledger/decisions-0",' +
  '"previous_hash":"0000000000000000000000000000000000000000000000000000000000000000",' +
  '"schema":"sentinelops-ledger-entry/v1","sealed_at":"2025-11-24T16:00:00.000000Z","seq":"0",' +
  '"timestamp":"2025-11-24T15:59:59.000000Z"}';

const emptyHead: Head = { originBase: VECTOR_ORIGIN_BASE, stream: 0, size: 0, hash: ZERO_HASH };

describe('leafOf', () => {
  it('writes the published leaf, byte for byte', () => {
    expect(leafOf(VECTOR_ORIGIN, entryOfVector(0))).toBe(LEAF_0);
    expect(Buffer.byteLength(LEAF_0)).toBe(486);
  });

  it('writes every published hash', () => {
    for (const [index, published] of Object.entries(vectorHashes)) {
      expect(hashOfLeaf(leafOf(VECTOR_ORIGIN, entryOfVector(Number(index))))).toBe(published);
    }
  });
});

const vectors = vectorRows(1000);

function entryOfVector(index: number): Parameters<typeof leafOf>[1] {
  const row = vectors[index]!;
  return { ...row, seq: Number(row.seq) } as unknown as Parameters<typeof leafOf>[1];
}

it('names an entry by its fact', () => {
  expect(entryIdOf('DECISION', '10000000-0000-4000-8000-000000000000')).toBe(
    '811ac79d-6e19-8a10-93b4-3e8953a26164',
  );
});

it('names a chain by the ledger and the stream', () => {
  expect(originOf('acme.example/ledger', 12)).toBe('acme.example/ledger-12');
});

describe('chain', () => {
  const facts = fc.array(
    fc.record({
      entryType: fc.constantFrom<FactType>('EVENT', 'DECISION', 'POLICY'),
      linkedEntityId: fc.uuid(),
      entryData: fc.json(),
      timestamp: fc.constant('2026-01-02T03:04:05.678901Z' as Timestamp),
    }),
    { maxLength: 20 },
  );
  const sealedAt = '2026-01-02T03:04:06.000000Z' as Timestamp;

  it('ties each entry to the one before, whatever the batches', () => {
    fc.assert(
      fc.property(facts, fc.nat(20), (unplaced, cut) => {
        const whole = chain(emptyHead, sealedAt, unplaced);
        const first = chain(emptyHead, sealedAt, unplaced.slice(0, cut));
        const head = {
          ...emptyHead,
          size: first.length,
          hash: first.at(-1)?.currentHash ?? ZERO_HASH,
        };
        expect([...first, ...chain(head, sealedAt, unplaced.slice(cut))]).toEqual(whole);
      }),
    );
  });

  it('hashes the leaf of the format document', () => {
    fc.assert(
      fc.property(facts, (unplaced: readonly UnplacedEntry[]) => {
        for (const entry of chain(emptyHead, sealedAt, unplaced)) {
          expect(leafOf(VECTOR_ORIGIN, entry)).toBe(leaf({ ...entry, seq: String(entry.seq) }));
        }
      }),
    );
  });
});
