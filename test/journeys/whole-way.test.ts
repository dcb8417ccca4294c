/**
 * The main job on real input, on both queue stores, twice on the same database: what came in, what became of it, and
 * that the sums of every stage agree with each other and with what a receiver outside saw.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadDocuments } from '../../src/cli/documents.ts';
import {
  type DemoSummary,
  EXAMPLES_DIRECTORY,
  type RunningDemo,
  runDemo,
} from '../../src/demo/demo.ts';
import { queueStores } from '../support/queue-stores.ts';
import { type JourneyGround, openGround } from './foundation.ts';

/** As many as the package of examples holds. */
const DELIVERIES = 329;
const MINUTE_MS = 60_000;

async function demonstrate(ground: JourneyGround): Promise<RunningDemo> {
  const demo = await runDemo(ground, {
    autoReview: true,
    port: 0,
    onProgress: () => undefined,
    loadExamples: async ({ author, approver }) => {
      const people = { author: author.personId, approver: approver.personId };
      await loadDocuments(ground, EXAMPLES_DIRECTORY, people);
    },
  });
  await demo.stop();
  return demo;
}

/** What a run says of its input; the rest depends on what the database already held. */
function countsOf(summary: DemoSummary) {
  return { ...summary, seconds: 0, ledger_entries: 0 };
}

const summaries = new Map<string, DemoSummary>();

describe.each(queueStores)('on $name', (store) => {
  let ground: JourneyGround;
  let first: RunningDemo;
  beforeAll(async () => {
    ground = await openGround(store);
    first = await demonstrate(ground);
    summaries.set(store.name, first.summary);
  }, 3 * MINUTE_MS);
  afterAll(() => ground.close());

  async function rowsOf(query: string) {
    const client = await ground.database.superuser();
    return (await client.query<Record<string, unknown>>(query)).rows;
  }

  it('takes in every delivery once, and refuses none', () => {
    expect(first.summary).toMatchObject({
      accepted: DELIVERIES,
      duplicates: 0,
      dead_lettered: 0,
      assessed: DELIVERIES,
      reviews_open: 0,
    });
  });

  it('ends every event once: cleared, or with advisories of which each is decided', async () => {
    const [events] = await rowsOf(`
      select count(*)::integer as events,
        (count(*) filter (where state = 'closed'))::integer as closed,
        (select count(distinct event_id)::integer from audit.event_payload) as kept,
        (select count(distinct event_id)::integer from audit.evaluation) as evaluated,
        (select count(distinct event_id)::integer from audit.evaluation where outcome = 'NO_MATCH') as cleared,
        (select count(distinct event_id)::integer from audit.advisory) as advised,
        (select count(*)::integer from audit.advisory a
           join audit.evaluation e using (event_id) where e.outcome = 'NO_MATCH') as both
      from audit.event_state`);
    expect(events).toEqual({
      events: DELIVERIES,
      closed: DELIVERIES,
      kept: DELIVERIES,
      evaluated: DELIVERIES,
      cleared: first.summary.cleared,
      advised: DELIVERIES - first.summary.cleared,
      both: 0,
    });
    expect(first.summary.decisions).toBe(first.summary.advisories);
    expect(first.summary.cleared).toBeGreaterThan(0);
    expect(first.summary.advisories).toBeGreaterThan(0);
  });

  it('executes every approving decision once, and nothing else', async () => {
    const [decisions] = await rowsOf(`
      select (count(*) filter (where d.decision_type in ('approved', 'override')))::integer as approving,
        count(x.execution_id)::integer as executions,
        (count(*) filter (where x.execution_status = 'acknowledged'))::integer as acknowledged,
        (count(*) filter (where (d.decision_type in ('approved', 'override')) is distinct from (x.execution_id is not null)))::integer
          as mismatched
      from audit.decision d full join audit.execution x using (decision_id)`);
    const { executions } = first.summary;
    expect(decisions).toEqual({
      approving: executions,
      executions,
      acknowledged: executions,
      mismatched: 0,
    });
    expect(executions).toBeGreaterThan(0);
  });

  it('has had each acknowledged effect once at the receiver', async () => {
    const [{ effects } = {}] = await rowsOf(`
      select count(*)::integer as effects from audit.execution
      where target_system = 'github-webhook' and execution_status = 'acknowledged'`);
    expect(first.receiver.effects()).toBe(effects);
    expect(first.receiver.repeats()).toBe(0);
    expect(first.receiver.refused()).toBe(0);
    expect(effects).toBeGreaterThan(0);
  });

  it('has one ledger entry for each fact, verified with nothing on its way', async () => {
    const [facts] = await rowsOf(`
      select count(*)::integer as facts, count(e.entry_id)::integer as entries,
        (count(*) filter (where e.entry_data ->> 'digest' is distinct from f.digest))::integer as mismatched
      from audit.fact f full join audit.ledger_entry e using (linked_entity_id, entry_type)`);
    const entries = first.summary.ledger_entries;
    expect(facts).toEqual({ facts: entries, entries, mismatched: 0 });
    expect(first.summary.ledger_ok).toBe(true);
    expect(await ground.verdict()).toMatchObject({
      status: 'OK',
      size: entries,
      lastHash: first.ledgerHead,
    });
  });

  it('has put the ledger entry of each decision before that of its execution', async () => {
    const [order] = await rowsOf(`
      select (count(*) filter (where d.seq::bigint < x.seq::bigint))::integer as before, count(*)::integer as all
      from audit.ledger_entry x
      join audit.execution on execution_id = x.linked_entity_id and x.entry_type = 'EXECUTION'
      join audit.ledger_entry d on d.linked_entity_id = decision_id and d.entry_type = 'DECISION'`);
    expect(order).toEqual({ before: first.summary.executions, all: first.summary.executions });
  });

  it(
    'comes to the same numbers a second time on the same database',
    async () => {
      const documents = await rowsOf(`
        select from audit.ledger_entry where entry_type in ('POLICY', 'RISK_MODEL')`);
      const { summary } = await demonstrate(ground);
      expect(countsOf(summary)).toEqual(countsOf(first.summary));
      // Policies and models were in force already, so only the first run has entries of theirs.
      expect(summary.ledger_entries).toBe(first.summary.ledger_entries - documents.length);
    },
    3 * MINUTE_MS,
  );
});

it('comes to the same numbers on every queue store', () => {
  const [one, ...others] = [...summaries.values()].map((summary) => ({ ...summary, seconds: 0 }));
  expect(others).toHaveLength(queueStores.length - 1);
  for (const other of others) expect(other).toEqual(one);
});
