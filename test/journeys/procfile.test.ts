/**
 * Production's shape: a process for HTTP and one for each queue, by the lines of the Procfile, with nothing between them
 * but Postgres and Redis.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { policyCommands } from '../../src/actors/policy.ts';
import { createReviewerCommands } from '../../src/actors/reviewers.ts';
import { type Receiver, startReceiver } from '../../src/demo/receiver.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import { queueNames } from '../../src/queues/pipeline.ts';
import { type Daemon, type Environment, PROJECT, startLine } from '../cli/command.ts';
import { modelOf, policyOf } from '../support/documents.ts';
import { queueStores } from '../support/queue-stores.ts';
import { openWeighedDatabase } from '../support/weighed.ts';
import { type JourneyGround, openGround, until } from './foundation.ts';

const TEST_MS_MAX = 180_000;
/** What an event needs on its way. */
const PROCESSES = ['admin', ...queueNames];
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let ground: JourneyGround;
let receiver: Receiver;
let home: string;
let environment: Environment;
let token: string;
const daemons = new Map<string, Daemon>();

beforeAll(async () => {
  const weighed = await openWeighedDatabase();
  ground = await openGround(queueStores.find(({ name }) => name === 'redis')!, weighed.test);
  const commands = policyCommands({ policy: weighed.open('policy'), risk: weighed.open('risk') });
  const recommendation = {
    option: 'mend',
    title: 'Mend it',
    target: 'receiver',
    command: { mend: 'it' },
  };
  const loadings = [
    await commands.loadPolicies(
      [policyOf('watch', { recommendations: [recommendation] })],
      weighed,
    ),
    // Low risk, which one Administrator may decide alone.
    await commands.loadRiskModels(
      [modelOf({ thresholds: { MEDIUM: 70, HIGH: 80, CRITICAL: 90 } })],
      weighed,
    ),
  ];
  for (const loading of loadings) {
    if ('refusals' in loading) throw new Error(JSON.stringify(loading.refusals));
    await ground.broker.sender('ledger')(loading.facts);
  }
  const issued = await createReviewerCommands(ground.sessions.of('identity')).add({
    name: 'carol',
    roles: ['Administrator'],
    days: 1,
  });
  if (isRefusal(issued)) throw new Error(issued.detail);
  ({ token } = issued);

  receiver = await startReceiver(SECRET);
  home = await mkdtemp(join(tmpdir(), 'sentinelops-test-procfile-'));
  await writeFile(
    join(home, 'targets.yaml'),
    `targets:
  - name: receiver
    webhook: { url: "${receiver.url}", idempotent: true, loopback: true, keys: ["env:RECEIVER_KEY"] }
`,
  );
  environment = {
    ...ground.environment,
    TARGETS_FILE: join(home, 'targets.yaml'),
    RECEIVER_KEY: SECRET,
  };
});
afterAll(async () => {
  for (const daemon of daemons.values()) daemon.signal('SIGKILL');
  await Promise.all([...daemons.values()].map(({ ended }) => ended));
  await receiver.stop();
  await ground.close();
  await rm(home, { recursive: true });
});

async function procfile(): Promise<ReadonlyMap<string, string>> {
  const lines = (await readFile(join(PROJECT, 'Procfile'), 'utf8')).split('\n');
  return new Map(
    lines.flatMap((line) => {
      const [, name, command] = /^([a-z-]+): (.+)$/.exec(line) ?? [];
      return name === undefined || command === undefined ? [] : [[name, command] as const];
    }),
  );
}

async function call<Answer>(
  url: string,
  body?: object,
  type = 'application/json',
): Promise<Answer> {
  const response = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': type }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(response.ok, `${response.status} for ${url}`).toBe(true);
  return (await response.json()) as Answer;
}

it(
  'takes an event all the way, and every process exits 0 when it is told to stop',
  async () => {
    const lines = await procfile();
    expect([...lines.keys()]).toEqual(expect.arrayContaining(['release', ...PROCESSES]));
    const release = startLine(lines.get('release')!, environment);
    expect(await release.ended).toMatchObject({ code: 0, stdout: '' });
    for (const name of PROCESSES) daemons.set(name, startLine(lines.get(name)!, environment));
    await Promise.all(queueNames.map((queue) => daemons.get(queue)!.says('working')));
    const { url } = await daemons.get('admin')!.says('listening');

    const { event_id: eventId } = await call<{ event_id: string }>(
      `${String(url)}/v1/events`,
      {
        specversion: '1.0',
        source: 'acme',
        id: '1',
        type: 'com.example.thing',
        data: { bad: true },
      },
      'application/cloudevents+json',
    );
    const reviews = `${String(url)}/v1/reviews`;
    const id = await until('the review', async () => {
      const page = await call<{ reviews: { review_id: string; event: { event_id: string } }[] }>(
        reviews,
      );
      return page.reviews[0]?.review_id;
    });
    const { view_digest: digest } = await call<{ view_digest: string }>(`${reviews}/${id}`);
    await call(`${reviews}/${id}/decisions`, {
      act: 'approve',
      option: 'mend',
      justification: 'Looked into it.',
      view_digest: digest,
    });
    const state = async () => {
      const { state } = await call<{ state: string }>(`${String(url)}/v1/events/${eventId}`);
      return state === 'closed' ? state : undefined;
    };
    await until('the end of the event', state);
    await until('its last entry', async () =>
      (await ground.counts()).unledgered === 0 ? true : undefined,
    );
    expect(receiver.effects()).toBe(1);
    expect(receiver.refused()).toBe(0);
    expect(await ground.verdict()).toMatchObject({ status: 'OK' });

    for (const daemon of daemons.values()) daemon.signal('SIGTERM');
    for (const [name, { ended }] of daemons) {
      const { code } = await ended;
      expect([name, code]).toEqual([name, 0]);
    }
  },
  TEST_MS_MAX,
);
