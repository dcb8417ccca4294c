/**
 * The main job on real input: GitHub's webhook payloads, signed, through every stage to a verified ledger. Everything
 * runs as in production (same actors, same HTTP server, same checks); only the people and the receiver are made up.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createReviewerCommands } from '../actors/reviewers.ts';
import { sourceCommands } from '../actors/source.ts';
import { startAdmin, startReconciler, startWork, targetsFrom } from '../compose.ts';
import type { Foundation } from '../foundation.ts';
import { isRefusal } from '../domain/problem.ts';
import { queueNames } from '../queues/pipeline.ts';
import type { PipelineCounts } from '../stores/audit.ts';
import { verifyLedgerDatabase } from '../stores/ledger-verify.ts';
import { openSourceStore } from '../stores/source.ts';
import { type Delivery, githubDeliveries } from './deliveries.ts';
import { countsOf, repeat, settled, since, total } from './progress.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { addDemoPeople, type DemoPerson, openReviewDesk, type ReviewDesk } from './reviewers.ts';

export interface DemoOptions {
  /** Lets made-up reviewers resolve everything. */
  readonly autoReview: boolean;
  /** Where the HTTP server listens; 0 takes any free port. */
  readonly port: number;
  readonly loadExamples: (people: { author: DemoPerson; approver: DemoPerson }) => Promise<void>;
  /** Ends the run before its time: what it started is stopped, and the run rejects with the reason. */
  readonly interruption?: AbortSignal;
  /** Told where things stand, several times a second. */
  readonly onProgress: (progress: DemoProgress) => void;
}

export interface DemoProgress {
  readonly sent: number;
  readonly of: number;
  /** Since the demonstration began. */
  readonly counts: PipelineCounts;
}

/** What one run did: totals of this run alone, also on a database that has seen others. */
export interface DemoSummary {
  readonly accepted: number;
  readonly duplicates: number;
  readonly dead_lettered: number;
  readonly assessed: number;
  readonly cleared: number;
  readonly advisories: number;
  /** At the end, also those that an earlier run left. */
  readonly reviews_open: number;
  readonly decisions: number;
  readonly executions: number;
  readonly ledger_entries: number;
  readonly ledger_ok: boolean;
  readonly seconds: number;
}

export interface RunningDemo {
  readonly summary: DemoSummary;
  readonly advisoriesByLevel: Readonly<Record<string, number>>;
  readonly ledgerHead: string;
  readonly url: string;
  readonly desk: ReviewDesk;
  readonly reviewers: readonly DemoPerson[];
  /** Takes the executions that go to a webhook. */
  readonly receiver: Receiver;
  stop(): Promise<void>;
}

const SOURCE = 'github-acme';
const REQUESTS_AT_ONCE = 16;

export async function runDemo(foundation: Foundation, options: DemoOptions): Promise<RunningDemo> {
  const startedMs = performance.now();
  const { sessions } = foundation;
  const { interruption } = options;
  interruption?.throwIfAborted();
  const before = await countsOf(foundation);
  const people = await addDemoPeople(createReviewerCommands(sessions.of('identity')));
  const approver = people.reviewers.find(({ role }) => role === 'Compliance Officer')!;
  await options.loadExamples({ author: people.author, approver });
  const secret = await registerSource(foundation);

  const executionSecret = `whsec_${randomBytes(32).toString('base64')}`;
  const receiver = await startReceiver(executionSecret);
  const running: (() => Promise<void>)[] = [receiver.stop];
  const stop = async () => {
    for (const end of running.splice(0).toReversed()) await end();
  };

  try {
    const halted = Promise.withResolvers<never>();
    // Handled where the run waits; when it waits for nothing, there is nothing to end.
    halted.promise.catch(() => undefined);
    interruption?.throwIfAborted();
    interruption?.addEventListener('abort', () => halted.reject(interruption.reason));
    const work = await startWork(foundation, {
      queues: queueNames,
      targets: () =>
        targetsFrom('the demo’s targets', targetsText(receiver.url), {
          readSecret: () => Promise.resolve(executionSecret),
          publish: foundation.broker.publish,
          log: foundation.log,
        }),
      onHalt: halted.reject,
    });
    running.push(work.drain);
    running.push((await startReconciler(foundation)).stop);
    const { port } = options;
    const admin = { port, isWorking: work.isRunning };
    const { url, stop: stopAdmin } = await startAdmin(foundation, admin);
    running.push(stopAdmin);
    const desk = openReviewDesk(url, people.reviewers);
    const deliveries = githubDeliveries(secret);
    let sent = 0;
    const look = async () => {
      const counts = since(before, await countsOf(foundation));
      options.onProgress({ sent, of: deliveries.length, counts });
      return counts;
    };
    const looking = repeat(look);
    running.push(looking.stop);
    const answers = await Promise.race([
      sendAll(url, deliveries, () => (sent += 1)),
      halted.promise,
    ]);
    await looking.stop();
    const accepted = answers.filter(({ status, replayed }) => status === 202 && !replayed).length;
    const pending = settled(look, accepted, () => true);
    await Promise.race([pending, halted.promise]);
    if (options.autoReview) {
      await Promise.race([desk.resolveOpen(), halted.promise]);
      await Promise.race([
        settled(look, accepted, ({ reviewsOpen }) => reviewsOpen === 0),
        halted.promise,
      ]);
    }
    const counts = await look();
    const verdict = await verifyLedgerDatabase(sessions.of('audit'), { stream: 0, graceMs: 0 });
    return {
      summary: {
        accepted,
        duplicates: answers.filter(({ replayed }) => replayed).length,
        dead_lettered: counts.deadLetters,
        assessed: counts.assessed,
        cleared: counts.cleared,
        advisories: total(counts.advisories),
        reviews_open: counts.reviewsOpen,
        decisions: total(counts.decisions),
        executions: total(counts.executions),
        ledger_entries: counts.ledgerEntries,
        ledger_ok: verdict.status === 'OK',
        seconds: Math.round((performance.now() - startedMs) / 100) / 10,
      },
      advisoriesByLevel: counts.advisories,
      ledgerHead: verdict.lastHash ?? '-',
      url,
      desk,
      reviewers: people.reviewers,
      receiver,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The folder of the examples, each of which is usable as a start. */
export const EXAMPLES_DIRECTORY: string = join(import.meta.dirname, '..', '..', 'examples');

/** The source with a fresh secret. The keys of earlier runs are retired first: at most two may be valid at once. */
async function registerSource({ sessions }: Foundation): Promise<string> {
  const database = sessions.of('event');
  const commands = sourceCommands(database);
  const refused = await commands.register({
    name: SOURCE,
    kind: 'github',
    signatureRequired: true,
    description: 'GitHub organisation of the demonstration',
  });
  if (refused !== undefined) throw new Error(refused.detail);
  const keys = await database.transact((tx) => openSourceStore(tx).keysOf(SOURCE));
  for (const { keyId, retired } of keys) if (!retired) await commands.retireKey(SOURCE, keyId);
  const secret = randomBytes(32).toString('hex');
  const added = await commands.addKey(SOURCE, 'hmac-sha256', secret);
  if (isRefusal(added)) throw new Error(added.detail);
  return secret;
}

/** The targets that the examples name: one receiver of ours, and no system of anybody else. */
function targetsText(receiverUrl: string): string {
  return `targets:
  - name: github-webhook
    webhook: { url: "${receiverUrl}", idempotent: true, loopback: true, keys: ["env:DEMO"] }
  - name: ticket-queue
    queue: { queue: target-demo-tickets, idempotent: true }
  - name: audit-log
    log: {}
`;
}

interface Answer {
  readonly status: number;
  readonly replayed: boolean;
}

async function sendAll(
  url: string,
  deliveries: readonly Delivery[],
  onSent: () => void,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  const waiting = [...deliveries];
  await Promise.all(
    Array.from({ length: REQUESTS_AT_ONCE }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const { headers, body } = next;
        const response = await fetch(`${url}/v1/sources/github/${SOURCE}/events`, {
          method: 'POST',
          headers,
          body,
        });
        await response.body?.cancel();
        answers.push({
          status: response.status,
          replayed: response.headers.get('idempotent-replayed') === 'true',
        });
        onSent();
      }
    }),
  );
  return answers;
}
