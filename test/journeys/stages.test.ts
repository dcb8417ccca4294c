/**
 * Each stage at work alone, by the daemon's own wiring, on both queue stores: what a job makes of the database, what is
 * handed on to which queue, and that what cannot be taken holds nothing up.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRiskActor } from '../../src/actors/risk.ts';
import { targetsFrom } from '../../src/compose.ts';
import { type Receiver, startReceiver } from '../../src/demo/receiver.ts';
import {
  advisoryIdOf,
  assessmentIdOf,
  evaluationIdOf,
  eventIdOf,
  executionIdOf,
  policyIdOf,
} from '../../src/domain/ids.ts';
import { DEFAULT_CONTEXT } from '../../src/domain/risk.ts';
import { systemClock } from '../../src/domain/time.ts';
import { isIdle } from '../../src/queues/broker.ts';
import type { Message } from '../../src/queues/messages.ts';
import type { QueueName } from '../../src/queues/pipeline.ts';
import { openAuditStore } from '../../src/stores/audit.ts';
import type { Target } from '../../src/targets/target.ts';
import { type Approvals, openApprovals } from '../support/approvals.ts';
import { modelOf, policyOf } from '../support/documents.ts';
import { type Facts, openFacts } from '../support/facts.ts';
import { queueStores } from '../support/queue-stores.ts';
import { openWeighedDatabase, type WeighedDatabase } from '../support/weighed.ts';
import { type JourneyGround, openGround, until } from './foundation.ts';
import { inOrder, type Stage, startStage } from './stage.ts';

const NOBODY = '00000000-0000-8000-8000-000000000000';

describe.each(queueStores)('on $name', (store) => {
  let ground: JourneyGround;
  let stage: Stage | undefined;
  const start = async (queues: readonly QueueName[], targets: readonly Target[] = []) =>
    (stage = await startStage(ground, queues, targets));
  afterEach(async () => {
    await stage?.stop();
    stage = undefined;
    expect(await isIdle(ground.broker)).toBe(true);
  });
  /** Rows of the audit views; instants and counts as text. */
  async function rowsOf(query: string, ...values: readonly unknown[]) {
    const client = await ground.database.superuser();
    return (await client.query<Record<string, unknown>>(query, [...values])).rows;
  }

  /** Good messages among a job of another version, a message that says too much, and an id of nothing. */
  async function sendAmongBad<Q extends QueueName>(
    queue: Q,
    good: readonly Message<Q>[],
    unknown: Message<Q>,
  ) {
    const { publish } = ground.broker;
    await publish(queue, randomUUID(), { v: 2, messages: good });
    const forged = { ...good[0], risk_level: 'LOW' };
    await publish(queue, randomUUID(), { v: 1, messages: [forged, unknown, ...good] });
  }

  async function expectBadKept(queue: QueueName) {
    await stage!.stop();
    const letters = await ground.sessions
      .of('audit')
      .transact((tx) => openAuditStore(tx).deadLetters({ state: 'open', limit: 100, queue }));
    expect(letters.map(({ reason, messageId }) => `${reason} ${messageId}`).toSorted()).toEqual([
      'malformed_message null',
      `unknown_id ${NOBODY}`,
      'unknown_job_version null',
    ]);
  }

  describe('from an event to its advisories', () => {
    let weighed: WeighedDatabase;
    beforeAll(async () => {
      weighed = await openWeighedDatabase();
      await weighed.load([policyOf('watch')], [modelOf()]);
      ground = await openGround(store, weighed.test);
    });
    afterAll(() => ground.close());

    it('ingest keeps events, by our envelope or bare as any client sends them, and hands their ids on', async () => {
      const event = (id: string) => ({
        specversion: '1.0',
        source: 'acme',
        id,
        type: 'com.example.thing',
        data: { bad: true },
      });
      const { sender, publish } = ground.broker;
      const { handedOn } = await start(['ingest']);
      await sender('ingest')([
        { body: JSON.stringify(event('a')) },
        { body: JSON.stringify(event('b')) },
      ]);
      await publish('ingest', randomUUID(), event('c'));
      await publish('ingest', randomUUID(), [event('d'), event('a')]);
      const ids = ['a', 'b', 'c', 'd'].map((id) => eventIdOf('acme', id));
      expect(await handedOn('risk', 4)).toEqual(inOrder(ids.map((eventId) => ({ eventId }))));
      expect(await handedOn('ledger', 4)).toEqual(
        inOrder(ids.map((id) => ({ type: 'EVENT' as const, id }))),
      );
      expect(
        await rowsOf(
          `select external_id as id, payload_data as data from audit.event join audit.event_payload using (event_id)
           where event_id = any($1) order by 1`,
          ids,
        ),
      ).toEqual(['a', 'b', 'c', 'd'].map((id) => ({ id, data: { bad: true } })));
    });

    it('risk weighs events and hands their assessments on', async () => {
      const [bad, good] = await weighed.keepEvents([{ bad: true }, { bad: false }]);
      const { handedOn } = await start(['risk']);
      await sendAmongBad('risk', [{ eventId: bad! }, { eventId: good! }], { eventId: NOBODY });
      const ids = [bad!, good!].map((event) => assessmentIdOf(event, DEFAULT_CONTEXT));
      expect(await handedOn('advisory', 2)).toEqual(
        inOrder(ids.map((assessmentId) => ({ assessmentId }))),
      );
      expect(await handedOn('ledger', 2)).toEqual(
        inOrder(ids.map((id) => ({ type: 'RISK_ASSESSMENT' as const, id }))),
      );
      expect(
        await rowsOf(
          `select risk_level as level, risk_score::text as score from audit.risk_assessment
           where assessment_id = any($1) order by risk_score`,
          ids,
        ),
      ).toEqual([
        { level: 'LOW', score: '12.5000' },
        { level: 'HIGH', score: '52.5000' },
      ]);
      await expectBadKept('risk');
    });

    it('advisory hands on what a policy has fired on, and ends the rest in the ledger', async () => {
      const events = await weighed.keepEvents([{ bad: true }, { bad: false }]);
      const actor = createRiskActor();
      await weighed.open('risk').transact((tx) =>
        actor.receive(
          events.map((eventId) => ({ eventId })),
          actor.openStore(tx),
          systemClock,
        ),
      );
      const assessments = events.map((event) => assessmentIdOf(event, DEFAULT_CONTEXT));
      const { handedOn, arrived } = await start(['advisory']);
      await sendAmongBad(
        'advisory',
        assessments.map((assessmentId) => ({ assessmentId })),
        {
          assessmentId: NOBODY,
        },
      );
      const [fired, cleared] = assessments.map(evaluationIdOf);
      const advisory = advisoryIdOf(fired!, policyIdOf('watch'));
      expect(await handedOn('ledger', 2)).toEqual(
        inOrder([
          { type: 'ADVISORY' as const, id: advisory },
          { type: 'EVALUATION' as const, id: cleared! },
        ]),
      );
      expect(await handedOn('awaiting-decision', 1)).toEqual([{ type: 'EVALUATION', id: fired }]);
      expect(
        await rowsOf(
          `select outcome, policies, advisory_id as advisory from audit.evaluation
           left join audit.advisory using (evaluation_id) where evaluation_id = any($1) order by outcome`,
          [fired, cleared],
        ),
      ).toMatchObject([
        { outcome: 'MATCH', policies: [{ result: 'matched' }], advisory },
        { outcome: 'NO_MATCH', policies: [{ result: 'not matched' }], advisory: null },
      ]);
      await expectBadKept('advisory');
      expect(arrived('awaiting-decision')).toHaveLength(1);
      expect(
        await rowsOf('select state from audit.event_state where event_id = $1', events[1]),
      ).toEqual([{ state: 'closed' }]);
    });
  });

  describe('from an advisory to its execution', () => {
    let facts: Facts;
    let approvals: Approvals;
    let receiver: Receiver;
    let targets: readonly Target[];
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

    beforeAll(async () => {
      ground = await openGround(store);
      facts = await openFacts(await ground.database.superuser());
      approvals = await openApprovals(ground.database, facts);
      receiver = await startReceiver(secret);
      targets = await targetsFrom(
        'targets.yaml',
        `targets:
  - name: receiver
    webhook: { url: "${receiver.url}", idempotent: true, loopback: true, keys: ["env:KEY"] }`,
        { readSecret: async () => secret, publish: ground.broker.publish, log: ground.log },
      );
    });
    afterAll(async () => {
      await receiver.stop();
      await ground.close();
    });

    const executionOf = (decisionId: string) =>
      rowsOf(
        `select execution_status as status, outcome, http_status as http
         from audit.execution left join audit.attempt using (execution_id) where decision_id = $1`,
        decisionId,
      );

    it('awaiting-decision opens a review, and hands on what people have decided', async () => {
      const { evaluationId, advisoryIds } = await facts.evaluation({ level: 'HIGH' });
      const { decisionId } = await approvals.decide({ isLedgered: false });
      const { handedOn } = await start(['awaiting-decision']);
      await sendAmongBad(
        'awaiting-decision',
        [
          { type: 'EVALUATION', id: evaluationId },
          { type: 'DECISION', id: decisionId },
        ],
        { type: 'DECISION', id: NOBODY },
      );
      expect(await handedOn('ledger', 1)).toEqual([{ type: 'DECISION', id: decisionId }]);
      await expectBadKept('awaiting-decision');
      expect(
        await rowsOf(
          `select r.risk_level as level, resolved_at as resolved, decision_type as decision, round
           from audit.review r join audit.decision d using (advisory_id) where advisory_id = $1`,
          advisoryIds[0],
        ),
      ).toEqual([{ level: 'HIGH', resolved: null, decision: 'pending', round: 1 }]);
    });

    it('ledger appends every fact, and hands on the decisions that approve', async () => {
      const approved = await approvals.decide({ isLedgered: false });
      const rejected = await approvals.decide({ isLedgered: false, act: 'reject' });
      const { handedOn, arrived } = await start(['ledger']);
      await sendAmongBad(
        'ledger',
        [
          { type: 'DECISION', id: rejected.decisionId },
          { type: 'EVENT', id: rejected.eventId },
          { type: 'DECISION', id: approved.decisionId },
        ],
        { type: 'EXECUTION', id: NOBODY },
      );
      expect(await handedOn('execution', 1)).toEqual([{ decisionId: approved.decisionId }]);
      await expectBadKept('ledger');
      expect(arrived('execution')).toHaveLength(1);
      expect(
        await rowsOf(
          `select entry_type as type, count(*)::integer as entries from audit.ledger_entry
           where linked_entity_id = any($1) group by 1 order by 1`,
          [approved.decisionId, rejected.decisionId, rejected.eventId],
        ),
      ).toEqual([
        { type: 'DECISION', entries: 2 },
        { type: 'EVENT', entries: 1 },
      ]);
    });

    it('execution refuses a decision that the ledger does not have, and calls the target for one that it has', async () => {
      const early = await approvals.decide({ target: 'receiver', isLedgered: false });
      const ledgered = await approvals.decide({ target: 'receiver' });
      const effects = receiver.effects();
      const { handedOn, arrived } = await start(['execution'], targets);
      await ground.broker.sender('execution')([{ decisionId: early.decisionId }]);
      await sendAmongBad('execution', [{ decisionId: ledgered.decisionId }], {
        decisionId: NOBODY,
      });
      const id = executionIdOf(ledgered.decisionId, 1);
      expect(await handedOn('ledger', 1)).toEqual([{ type: 'EXECUTION', id }]);
      await stage!.stop();
      expect(arrived('ledger')).toHaveLength(1);
      expect(await executionOf(ledgered.decisionId)).toEqual([
        { status: 'acknowledged', outcome: 'acknowledged', http: 200 },
      ]);
      expect(await executionOf(early.decisionId)).toEqual([]);
      expect(receiver.effects()).toBe(effects + 1);
      expect(receiver.refused()).toBe(0);
      expect(
        await rowsOf(
          `select reason, message_id::text as id from audit.dead_letter where queue = 'execution' order by reason, id`,
        ),
      ).toEqual([
        { reason: 'malformed_message', id: null },
        ...[NOBODY, early.decisionId as string]
          .sort()
          .map((forged) => ({ reason: 'unknown_id', id: forged })),
        { reason: 'unknown_job_version', id: null },
      ]);
    });

    it('the wake-up of a decision goes through the ledger to the receiver, and comes back as an entry', async () => {
      const { decisionId } = await approvals.decide({ target: 'receiver', isLedgered: false });
      const effects = receiver.effects();
      await start(['awaiting-decision', 'ledger', 'execution'], targets);
      await ground.broker.sender('awaiting-decision')([{ type: 'DECISION', id: decisionId }]);
      const entries = () =>
        rowsOf(
          `select entry_type as type from audit.ledger_entry where linked_entity_id = any($1) order by seq`,
          [decisionId, executionIdOf(decisionId, 1)],
        );
      const found = await until('the entry of the execution', async () => {
        const now = await entries();
        return now.length > 1 ? now : undefined;
      });
      expect(found).toEqual([{ type: 'DECISION' }, { type: 'EXECUTION' }]);
      expect(await executionOf(decisionId)).toMatchObject([{ status: 'acknowledged' }]);
      expect(receiver.effects()).toBe(effects + 1);
    });
  });
});
