/**
 * What shows from outside that something went wrong somewhere: jobs that had to come again, warnings in logs, answers that
 * were no acceptance. A fault after which none of it rises has done nothing.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { queues } from '../checker/queue-keys.ts';
import type { System } from '../system/system.ts';

/** Totals since the beginning. */
export interface Signals {
  /** Jobs that were taken from a lost worker, or went back to their queue, by queue. */
  readonly redeliveries: Readonly<Record<string, number>>;
  /** Lines of each process's log that are warnings or worse. */
  readonly warnings: Readonly<Record<string, number>>;
  /** Submissions and acts that were put off, refused or not answered. */
  readonly notAccepted: number;
  /** Starts of each process. */
  readonly starts: Readonly<Record<string, number>>;
  /** Calls of targets that went wrong. */
  readonly misbehaved: number;
  /** Connections that the proxies cut, and pieces that they held back. */
  readonly disturbed: number;
  /** Dead letters that no sender of ours has caused. */
  readonly deadLetters: number;
}

export interface SignalWatch {
  now(): Signals;
  /** When jobs of a queue were completed, in milliseconds since 1970. */
  completions(queue: string): readonly number[];
  stop(): Promise<void>;
}

const POLL_MS = 300;

export function watchSignals(system: System, notAccepted: () => number): SignalWatch {
  const redeliveries: Record<string, number> = Object.fromEntries(
    queues.map((queue) => [queue, 0]),
  );
  const warnings: Record<string, number> = {};
  const read = new Map<string, number>();
  const lastIds = new Map<string, string>();
  const completions = new Map<string, number[]>(queues.map((queue) => [queue, []]));
  let deadLetters = 0;
  let stopped = false;

  async function lookAtQueues(): Promise<void> {
    const { admin } = system.redis();
    for (const queue of queues) {
      const key = `{${queue}}:${queue}:events`;
      // After a flush the ids go on with the clock, so the place in the stream stays right.
      const from = lastIds.get(queue) ?? '0';
      const events = await admin.xrange(key, `(${from}`, '+', 'COUNT', 1_000).catch(() => []);
      for (const [id, fields] of events) {
        lastIds.set(queue, id);
        const event = fields[fields.indexOf('event') + 1];
        if (event === 'stalled' || event === 'delayed') redeliveries[queue]! += 1;
        if (event === 'completed') completions.get(queue)!.push(Number(id.split('-')[0]));
      }
    }
  }

  async function lookAtLogs(): Promise<void> {
    for (const { name } of system.instances()) {
      const text = await readOn(join(system.folder.logs, `${name}.log`), read);
      const found = text.match(/"level":"(warn|error|fatal)"/g)?.length ?? 0;
      warnings[name] = (warnings[name] ?? 0) + found;
    }
  }

  async function lookAtLetters(): Promise<void> {
    await system.postgres
      .withClient(async (client) => {
        const { rows } = await client.query<{ n: string }>(
          `select count(*) as n from event.dead_letter
           where queue <> 'ingest' or reason not in ('conflict', 'signature_wrong')`,
        );
        deadLetters = Number(rows[0]!.n);
      })
      .catch(() => undefined);
  }

  async function run(): Promise<void> {
    for (let looks = 0; !stopped; looks += 1) {
      await lookAtQueues().catch(() => undefined);
      await lookAtLogs().catch(() => undefined);
      if (looks % 10 === 0) await lookAtLetters();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  const running = run();
  return {
    now() {
      const instances = system.instances();
      const proxies = instances.flatMap(({ toPostgres, toRedis }) => [toPostgres, toRedis]);
      return {
        redeliveries: { ...redeliveries },
        warnings: { ...warnings },
        notAccepted: notAccepted(),
        starts: Object.fromEntries(instances.map(({ name, process }) => [name, process.starts()])),
        misbehaved: system.receiver.misbehaved(),
        disturbed: proxies.reduce((sum, proxy) => sum + proxy.cuts() + proxy.held(), 0),
        deadLetters,
      };
    },
    completions: (queue) => completions.get(queue) ?? [],
    async stop() {
      stopped = true;
      await running;
    },
  };
}

/** What has been written to a file since the last time. */
async function readOn(path: string, read: Map<string, number>): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const from = read.get(path) ?? 0;
    const { size } = await file.stat();
    if (size <= from) return '';
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    read.set(path, from + bytesRead);
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await file.close();
  }
}

export const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

/** Everything that can show. */
export const anything = (signals: Signals): number =>
  sum(signals.redeliveries) + sum(signals.warnings) + signals.notAccepted + signals.misbehaved;
