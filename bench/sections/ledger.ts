/** Row (f): appending to the ledger with everything that guards it, and verifying all of it. */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Bench, Section } from '../bench.ts';
import { chain, STREAM, type UnplacedEntry } from '../../src/domain/ledger.ts';
import { entryDataOf, type RecordedFact } from '../../src/domain/ledger/entry-data.ts';
import type { Verdict } from '../../src/domain/ledger/verdict.ts';
import { BATCH_MESSAGES_MAX } from '../../src/queues/messages.ts';
import type { Database } from '../../src/stores/database.ts';
import { openLedgerStore } from '../../src/stores/ledger.ts';
import { exportedBytes, openLedgerExport } from '../../src/stores/ledger-export.ts';
import { verifyLedgerDatabase, verifyLedgerFile } from '../../src/stores/ledger-verify.ts';
import { historyEventIds, loadHistory } from '../load/history.ts';
import { openDomain } from '../load/house.ts';
import { summarise } from '../measure/statistics.ts';
import type { Row } from '../report/row.ts';
import { openBenchSigner, proveRounds, sealRounds } from './sealing.ts';

const NAME = 'ledger';
const DATABASE = 'bench_ledger';
const POLICIES = 1;
/** Little work on the events: they are here to be referred to. */
const PAYLOAD_BYTES = 16;
const ENTRIES_PER_ROUND = 40_000;
const QUICK_ENTRIES_PER_ROUND = 24_000;
const PAGE = 2_000;
/** Each is sealed by itself. */
const SEALED_BATCHES = 100;

export const ledger: Section = {
  name: NAME,
  about: 'append in batches of 256 through ledger.append; full verification; seals and proofs',
  async run(bench) {
    const { quick, rounds } = bench.options;
    const perRound = quick ? QUICK_ENTRIES_PER_ROUND : ENTRIES_PER_ROUND;
    const warmUp = perRound / 4;
    const url = await bench.houses.build(DATABASE, POLICIES);
    await loadHistory(url, {
      events: warmUp + perRound * rounds + SEALED_BATCHES * BATCH_MESSAGES_MAX,
      policies: POLICIES,
      payloadBytes: PAYLOAD_BYTES,
      recorded: false,
      directory: bench.site.directory,
      onProgress: () => undefined,
    });
    const database = openDomain(url, 'ledger', 1);
    const audit = openDomain(url, 'audit', 2);
    const signing = openDomain(url, 'signer', 1);
    try {
      const appended = await appendRounds(database, warmUp, perRound, rounds, bench.say);
      const signer = await openBenchSigner(signing, bench.site.directory);
      const waiting = await eventFacts(
        database,
        SEALED_BATCHES * BATCH_MESSAGES_MAX,
        warmUp + perRound * rounds,
      );
      const sealed = await sealRounds(signer, SEALED_BATCHES, async (batch) => {
        const start = batch * BATCH_MESSAGES_MAX;
        await appendAll(database, waiting.slice(start, start + BATCH_MESSAGES_MAX));
      });
      const proven = await proveRounds(audit);
      return [...appended, ...(await verifyRounds(bench, audit)), sealed, proven];
    } finally {
      await Promise.all([database.close(), audit.close(), signing.close()]);
      await bench.houses.drop(DATABASE);
    }
  },
};

async function appendRounds(
  database: Database,
  warmUp: number,
  perRound: number,
  rounds: number,
  say: (text: string) => void,
): Promise<readonly Row[]> {
  const facts = await eventFacts(database, warmUp + perRound * rounds);
  await appendAll(database, facts.slice(0, warmUp));
  const rates: number[] = [];
  const latenciesMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = warmUp + round * perRound;
    const startedMs = performance.now();
    latenciesMs.push(...(await appendAll(database, facts.slice(start, start + perRound))));
    rates.push((perRound / (performance.now() - startedMs)) * 1_000);
    say(`ledger: append round ${round + 1} of ${rounds}, ${rates.at(-1)!.toFixed(0)} entries/s`);
  }
  return [
    {
      section: NAME,
      name: `append, batches of ${BATCH_MESSAGES_MAX}, one stream`,
      summary: summarise(rates),
      unit: 'entries/s',
      goal: { atLeast: 10_000 },
    },
    {
      section: NAME,
      name: 'one batch, from its facts to COMMIT',
      summary: summarise(latenciesMs),
      unit: 'ms',
    },
  ];
}

/** As the ledger's actor does it: entry data before the lock, hashes under it, one call. Milliseconds of each batch. */
async function appendAll(
  database: Database,
  facts: readonly RecordedFact[],
): Promise<readonly number[]> {
  const latenciesMs: number[] = [];
  for (let start = 0; start < facts.length; start += BATCH_MESSAGES_MAX) {
    const startedMs = performance.now();
    const unplaced = facts.slice(start, start + BATCH_MESSAGES_MAX).map(unplacedOf);
    await database.transact(async (tx) => {
      const store = openLedgerStore(tx);
      const head = await store.lockHead(STREAM);
      await store.append(head, chain(head, head.now, unplaced));
    });
    latenciesMs.push(performance.now() - startedMs);
  }
  return latenciesMs;
}

function unplacedOf(fact: RecordedFact): UnplacedEntry {
  const { type: entryType, id: linkedEntityId, timestamp } = fact;
  return { entryType, linkedEntityId, timestamp, entryData: entryDataOf(fact) };
}

/** Of events that were loaded, in their order, as the event domain publishes them. */
async function eventFacts(
  database: Database,
  count: number,
  from = 0,
): Promise<readonly RecordedFact[]> {
  const ids = historyEventIds(from + count).slice(from);
  const facts: RecordedFact[] = [];
  for (let start = 0; start < ids.length; start += PAGE) {
    const keys = ids.slice(start, start + PAGE).map((id) => ({ type: 'EVENT' as const, id }));
    facts.push(...(await database.transact((tx) => openLedgerStore(tx).facts(keys))));
  }
  return facts;
}

async function verifyRounds(
  { options, site, say }: Bench,
  audit: Database,
): Promise<readonly Row[]> {
  const file = join(site.directory, 'ledger.export');
  const exported = await openLedgerExport(audit, STREAM);
  await pipeline(exportedBytes(exported), createWriteStream(file));
  const rate = async (what: string, verify: () => Promise<Verdict>): Promise<number> => {
    const startedMs = performance.now();
    const verdict = await verify();
    const perS = (exported.size / (performance.now() - startedMs)) * 1_000;
    if (verdict.status !== 'OK') throw new Error(`${what} does not verify: ${verdict.detail}`);
    say(`ledger: verified ${exported.size} entries of ${what}, ${perS.toFixed(0)} entries/s`);
    return perS;
  };
  const files: number[] = [];
  const databases: number[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    files.push(await rate('the file', () => verifyLedgerFile(file, {})));
    databases.push(
      await rate('the database', () => verifyLedgerDatabase(audit, { stream: STREAM })),
    );
  }
  return [
    {
      section: NAME,
      name: 'full verification of an export',
      summary: summarise(files),
      unit: 'entries/s',
      goal: { atLeast: 150_000 },
    },
    {
      section: NAME,
      name: 'full verification in the database, facts included',
      summary: summarise(databases),
      unit: 'entries/s',
    },
  ];
}
