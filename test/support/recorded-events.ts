/** Events that have been through every stage, by the real actors and people, and stand under a cosigned checkpoint. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { createAdvisoryActor } from '../../src/actors/advisory.ts';
import { awaitingDecisionActor } from '../../src/actors/awaiting-decision.ts';
import { createDecide } from '../../src/actors/decision.ts';
import { createDispatcher } from '../../src/actors/dispatcher.ts';
import { executionActor } from '../../src/actors/execution.ts';
import { createLedgerActor } from '../../src/actors/ledger.ts';
import { openSigner, type Signer } from '../../src/actors/ledger-signer.ts';
import { createRiskActor } from '../../src/actors/risk.ts';
import { createReviewerCommands } from '../../src/actors/reviewers.ts';
import type { Role } from '../../src/domain/authority.ts';
import type { Act } from '../../src/domain/judgement.ts';
import type { FactType } from '../../src/domain/fact.ts';
import type { DecisionId, EventId, ReviewId } from '../../src/domain/ids.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import {
  COSIGNS,
  createSignerKey,
  signatureLine,
  type SignerKey,
  SIGNS_TEXT,
  textOfNote,
} from '../../src/domain/ledger/note.ts';
import { silentLog } from '../../src/domain/log.ts';
import { systemClock } from '../../src/domain/time.ts';
import type { Database } from '../../src/stores/database.ts';
import { openSignerStore } from '../../src/stores/ledger-checkpoint.ts';
import { openSignedState } from '../../src/stores/signed-state.ts';
import { logTarget } from '../../src/targets/log.ts';
import type { TestDatabase } from './database.ts';
import { modelOf, policyOf } from './documents.ts';
import { openWeighedDatabase } from './weighed.ts';

export interface RecordedEvents {
  readonly database: TestDatabase;
  readonly client: pg.Client;
  readonly audit: Database;
  readonly log: SignerKey;
  readonly witness: SignerKey;
  readonly signer: Signer;
  readonly policy: string;
  /** Weighs an event with these data and evaluates it; with people, decides what it is advised, and executes it. */
  record(data: { readonly bad: boolean }, acts?: readonly Act[]): Promise<EventId>;
  /** Takes all facts into the ledger, signs, and has the witness cosign. */
  seal(how?: { readonly isCosigned: boolean }): Promise<void>;
  close(): Promise<void>;
}

export async function openRecordedEvents(): Promise<RecordedEvents> {
  const weighed = await openWeighedDatabase();
  const { test: database, client } = weighed;
  await weighed.load(
    [policyOf('mend-bad-things')],
    [modelOf({ thresholds: { MEDIUM: 20, HIGH: 60, CRITICAL: 90 } })],
  );
  await client.query(`insert into ledger.heartbeat (beaten_at) values (now() + interval '1 hour')`);
  const run = createPipeline(database, client);
  const signing = await openSigning(database);
  const audit = database.open('audit');
  return {
    database,
    client,
    audit,
    ...signing,
    policy: `log ${signing.log.verifier.text}\nwitness w ${signing.witness.verifier.text}\nquorum w\n`,
    async record(data, acts = []) {
      const [eventId] = await weighed.keepEvents([{ ...data, note: 'as <sent> & "quoted"' }]);
      await run(eventId!, acts);
      return eventId!;
    },
    async seal({ isCosigned } = { isCosigned: true }) {
      await enterLedger(database, client);
      await signing.seal(isCosigned);
    },
    async close() {
      await rm(signing.directory, { recursive: true });
      await weighed.close();
    },
  };
}

async function openSigning(database: TestDatabase) {
  const signing = database.open('signer');
  const origin = await signing.transact((tx) => openSignerStore(tx, 0).origin());
  const log = createSignerKey(origin, SIGNS_TEXT).key;
  const witness = createSignerKey('witness.example/w', COSIGNS).key;
  const directory = await mkdtemp(join(tmpdir(), 'sentinelops-evidence-'));
  const state = await openSignedState(directory, origin);
  const witnessKeys = [witness.verifier];
  const signer = await openSigner({ database: signing, stream: 0, key: log, witnessKeys, state });
  const seal = async (isCosigned: boolean) => {
    const sealed = await signer.seal();
    if (sealed === undefined || !isCosigned) return;
    const text = textOfNote(Buffer.from(sealed.note))!;
    const line = signatureLine(text, witness, BigInt(Math.floor(Date.now() / 1_000)));
    await signing.transact((tx) =>
      openSignerStore(tx, 0).keepCosignatures(sealed.size, [
        { witness: witness.verifier.name, line },
      ]),
    );
  };
  return { log, witness, signer, directory, seal };
}

const people: readonly (readonly [string, Role])[] = [
  ['carla', 'Administrator'],
  ['dora', 'Senior Authority'],
];

function createPipeline(database: TestDatabase, client: pg.Client) {
  const risk = createRiskActor();
  const advisory = createAdvisoryActor();
  const sessions = {
    risk: database.open('risk'),
    advisory: database.open('advisory'),
    decision: database.open('decision'),
    execution: database.open('execution'),
  };
  const decide = createDecide({
    database: sessions.decision,
    send: async () => undefined,
    log: silentLog,
  });
  const reviewers = createReviewerCommands(database.open('identity'));
  const idOf = async (column: string, table: string, eventId: EventId) => {
    const { rows } = await client.query<{ id: string }>(
      `select ${column} as id from ${table} where event_id = $1`,
      [eventId],
    );
    return rows[0]?.id;
  };
  let areHired = false;

  async function decideAs(reviewId: ReviewId, acts: readonly Act[]) {
    for (const [n, act] of acts.entries()) {
      const [name, role] = people[n]!;
      const { rows } = await client.query<{ id: string; shown: string }>(
        `select p.person_id as id, d.view_digest as shown from identity.person p, decision.decision d
         where p.name = $1 and d.review_id = $2`,
        [name, reviewId],
      );
      const { id, shown } = rows[0]!;
      const answer = await decide({
        personId: id as never,
        reviewId,
        act,
        role,
        option: act === 'approve' ? 'mend' : undefined,
        justification: `${name} has looked into it.\n<b>It</b> is right.`,
        viewDigest: shown,
      });
      if (isRefusal(answer)) throw new Error(`${answer.reason}: ${answer.detail}`);
    }
  }

  async function execute(decisionId: DecisionId) {
    await sessions.execution.transact((tx) =>
      executionActor.receive([{ decisionId }], executionActor.openStore(tx), systemClock),
    );
    const target = await logTarget.open(
      'audit-log',
      {},
      {
        log: silentLog,
        readSecret: () => Promise.reject(new Error('no secret is asked for')),
        publish: () => Promise.reject(new Error('not a queue')),
      },
    );
    const ended = Promise.withResolvers<void>();
    const sendToLedger = async () => ended.resolve();
    const dispatcher = createDispatcher({
      database: sessions.execution,
      targets: [target],
      sendToLedger,
      clock: systemClock,
      log: silentLog,
    });
    dispatcher.start();
    dispatcher.wake();
    await ended.promise;
    await dispatcher.stop();
  }

  return async (eventId: EventId, acts: readonly Act[]): Promise<void> => {
    for (const [name, role] of areHired ? [] : people) await reviewers.add({ name, roles: [role] });
    areHired = true;
    await sessions.risk.transact((tx) =>
      risk.receive([{ eventId }], risk.openStore(tx), systemClock),
    );
    const assessmentId = (await idOf('assessment_id', 'risk.risk_assessment', eventId))!;
    await sessions.advisory.transact((tx) =>
      advisory.receive([{ assessmentId }], advisory.openStore(tx), systemClock),
    );
    const id = (await idOf('evaluation_id', 'advisory.evaluation', eventId))!;
    await sessions.decision.transact((tx) =>
      awaitingDecisionActor.receive(
        [{ type: 'EVALUATION', id }],
        awaitingDecisionActor.openStore(tx),
        systemClock,
      ),
    );
    const reviewId = await idOf('review_id', 'decision.review', eventId);
    if (reviewId === undefined || acts.length === 0) return;
    await decideAs(reviewId as ReviewId, acts);
    await enterLedger(database, client);
    const decisionId = await idOf('decision_id', 'decision.decision', eventId);
    if (acts.every((act) => act === 'approve')) await execute(decisionId as DecisionId);
  };
}

/** Takes every fact into the ledger that has no entry yet. */
async function enterLedger(database: TestDatabase, client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ type: FactType; id: string }>(
    `select f.entry_type as type, f.linked_entity_id as id from audit.fact f
     where not exists (select from ledger.ledger_entry e
       where e.linked_entity_id = f.linked_entity_id and e.entry_type = f.entry_type)`,
  );
  const actor = createLedgerActor({
    onFactConflict: (conflict) => {
      throw new Error(`fact conflict: ${JSON.stringify(conflict)}`);
    },
  });
  await database
    .open('ledger')
    .transact((tx) => actor.receive(rows, actor.openStore(tx), systemClock));
}
