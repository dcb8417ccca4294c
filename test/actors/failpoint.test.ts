import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import {
  armFailpoints,
  type FailpointPlace,
  failpointNames,
  failpoints,
} from '../../src/actors/failpoint.ts';
import { faultOf } from '../../src/actors/fault.ts';
import { queueNames } from '../../src/queues/pipeline.ts';

const ACTOR_FILES = ['actors/batch.ts', 'actors/hand-off.ts', 'actors/runtime.ts'];
/** Where the points of each place stand. */
const FILES: Readonly<Record<FailpointPlace, readonly string[]>> = {
  ingest: [...ACTOR_FILES, 'actors/ingest.ts'],
  risk: [...ACTOR_FILES, 'actors/risk.ts'],
  advisory: [...ACTOR_FILES, 'actors/advisory.ts'],
  'awaiting-decision': [...ACTOR_FILES, 'actors/awaiting-decision.ts'],
  execution: [...ACTOR_FILES, 'actors/execution.ts'],
  ledger: [...ACTOR_FILES, 'actors/ledger.ts'],
  intake: ['actors/intake.ts', 'compose.ts'],
  decision: ['actors/decision.ts'],
  dispatcher: ['actors/dispatcher.ts'],
  reconciler: ['actors/reconciler.ts', 'actors/resend.ts'],
  notifier: ['actors/notifier.ts'],
  signer: ['actors/ledger-signer.ts'],
  policy: ['actors/policy.ts'],
};

/** The points that a text waits for: `failpoint?.('a')`, or `failpoint?.(is ? 'a' : 'b')`. */
function pointsIn(text: string): string[] {
  const calls = text.matchAll(/(?:[fF]ailpoint|atIntake)(?:\?\.)?\(([^()]*)\)/g);
  return [...calls].flatMap(([, given = '']) =>
    [...given.matchAll(/'([a-z_]+)'/g)].map(([, point]) => point!),
  );
}

describe('the list of failpoints', () => {
  it.each(Object.entries(FILES))(
    'has every point of %s that the code waits for, and no other',
    (place, files) => {
      const found = files.flatMap((file) => pointsIn(readFileSync(`src/${file}`, 'utf8')));
      expect([...new Set(found)].toSorted()).toEqual(
        [...failpoints[place as FailpointPlace]].toSorted(),
      );
    },
  );

  it('has a place for each actor, and no name twice', () => {
    expect(Object.keys(failpoints)).toEqual(expect.arrayContaining(queueNames));
    expect(new Set(failpointNames).size).toBe(failpointNames.length);
    expect(failpointNames).toContain('risk.after_commit');
    expect(failpointNames.length).toBeGreaterThanOrEqual(75);
  });
});

describe('a failpoint', () => {
  it('is nothing at all where none is armed', () => {
    expect(armFailpoints().at('risk')).toBeUndefined();
    expect(armFailpoints('risk.claimed:error').at('advisory')).toBeUndefined();
  });

  it('fails as a lost connection does: nobody is to blame', async () => {
    const failpoint = armFailpoints('risk.claimed:error').at('risk')!;
    await failpoint('after_commit');
    const error: unknown = await failpoint('claimed').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: 'failpoint risk.claimed' });
    expect(faultOf(error)).toBe('transient');
  });

  it('acts once, at the time that was named', async () => {
    const failpoint = armFailpoints('risk.claimed:error:3').at('risk')!;
    const reached: string[] = [];
    for (let n = 1; n <= 5; n += 1) {
      reached.push(
        await failpoint('claimed').then(
          () => 'passed',
          () => 'failed',
        ),
      );
    }
    expect(reached).toEqual(['passed', 'passed', 'failed', 'passed', 'passed']);
  });

  it('delays whoever reaches it', async () => {
    const failpoint = armFailpoints('intake.enqueued:delay=50; risk.claimed:error').at('intake')!;
    const startedMs = performance.now();
    await failpoint('enqueued');
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(49);
  });

  it.each([
    ['risk.claimed', /write name:crash/],
    ['risk.claimed:explode', /write name:crash/],
    ['risk.claimed:crash:0', /write name:crash/],
    ['risk.nowhere:crash', /There is no failpoint risk\.nowhere\. There are ingest\.claimed, /],
  ])('that is written as %s is refused', (text, message) => {
    expect(() => armFailpoints(text)).toThrow(message);
  });
});

/** A process of its own that says when it gets to a failpoint and when it goes on. */
function reaching(armed: string): ChildProcess {
  const module = new URL('../../src/actors/failpoint.ts', import.meta.url).href;
  const program = `
    import { armFailpoints } from '${module}';
    setInterval(() => undefined, 60_000);
    console.log('before');
    await armFailpoints('${armed}').at('risk')('claimed');
    console.log('after');
    process.exit(0);`;
  return spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

describe('a process that reaches a failpoint', () => {
  it('ends there at once by crash', async () => {
    const child = reaching('risk.claimed:crash');
    const lines: string[] = [];
    createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line));
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    expect({ code, signal, lines }).toEqual({ code: null, signal: 'SIGKILL', lines: ['before'] });
  });

  it('stops there by pause, and goes on when it is told to', async () => {
    const child = reaching('risk.claimed:pause');
    const lines: string[] = [];
    createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line));
    const stateOf = () => readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]![0];
    await expect.poll(stateOf, { timeout: 20_000 }).toBe('T');
    expect(lines).toEqual(['before']);
    child.kill('SIGCONT');
    const [code] = (await once(child, 'close')) as [number | null];
    expect({ code, lines }).toEqual({ code: 0, lines: ['before', 'after'] });
  });
});
