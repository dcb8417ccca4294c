/** Plants of S and V: what the processes may do, and how they behaved. */
import { bodyCanaries } from '../load/submissions.ts';
import type { Bed } from './plant.ts';
import { type Plants, QUIET } from './plant.ts';

const [CANARY] = bodyCanaries;
const LONG_MS = 60_000;

function exits({ evidence }: Bed, times: number, at: number): void {
  for (let index = 0; index < times; index += 1) {
    const endedAt = at + index;
    evidence.processes.push({
      ...{ name: 'risk', pid: 1_000_000 + index, startedAt: endedAt - 100, endedAt },
      ...{ code: 1, signal: null, intended: false },
    });
  }
}

/** In the last moment of the run, which the plant puts off for long enough. */
function sayAtTheEnd({ evidence }: Bed, level: string): void {
  evidence.run.endedAt = evidence.run.healedAt + LONG_MS;
  const time = new Date(evidence.run.endedAt).toISOString();
  const text = JSON.stringify({ level, time, role: 'up', msg: 'planted' });
  evidence.logs.push({ file: 'logs/up.log', text });
}

export const conductPlants: Plants = {
  S1: [
    {
      what: 'a domain may read the table of another',
      breaks: ['S1'],
      make: ({ sql }) => sql('grant select on event.event to sentinelops_risk'),
    },
    {
      what: 'a domain has lost a right',
      breaks: ['S1'],
      make: ({ sql }) => sql('revoke select on event.event_for_risk from sentinelops_risk'),
    },
    {
      what: 'everybody may append to the ledger',
      breaks: ['S1'],
      make: ({ sql }) => sql('grant execute on function ledger.append to public'),
    },
  ],
  S2: [
    {
      what: 'a secret stands in a log',
      breaks: ['S2'],
      make({ evidence }) {
        evidence.logs.push({ file: 'logs/up.log', text: `{"level":"info","msg":"${CANARY}"}` });
      },
    },
    {
      what: 'a secret stands in a dead letter’s detail',
      breaks: ['S2'],
      make: ({ sql }) => sql(`update event.dead_letter set detail = '${CANARY}'`),
    },
    {
      what: 'a secret stands in the detail of an attempt',
      breaks: ['S2'],
      make: ({ sql }) => sql(`update execution.attempt set detail = 'wrong key ${CANARY}'`),
    },
    {
      what: 'a secret stands in a job',
      breaks: ['S2', 'P6'],
      make: async ({ evidence, value }) => {
        const eventId = await value(`select ${QUIET}::text`);
        const content = { v: 1, messages: [{ eventId, note: CANARY }] };
        evidence.jobs.push({ at: 0, queue: 'risk', job: 'planted', content, claims: 1 });
      },
    },
  ],
  V1: [
    {
      what: 'it never came to rest',
      breaks: ['V1'],
      make({ evidence: { run } }) {
        run.drainedAt = null;
      },
    },
    {
      what: 'it took too long to drain',
      breaks: ['V1'],
      make({ evidence: { run } }) {
        run.drainedAt = run.healedAt + 121_000;
      },
    },
  ],
  V2: [
    {
      what: 'a process ended by itself again and again',
      breaks: ['V2'],
      make: (bed) => exits(bed, 3, bed.evidence.run.startedAt),
    },
    {
      what: 'a process ended by itself after everything was healed',
      breaks: ['V2'],
      make: (bed) => exits(bed, 1, bed.evidence.run.healedAt + 20_000),
    },
  ],
  V3: [
    {
      what: 'a process complained long after the end',
      breaks: ['V3'],
      make: (bed) => sayAtTheEnd(bed, 'error'),
    },
    {
      what: 'a process died aloud long after the end',
      breaks: ['V3'],
      make: (bed) => sayAtTheEnd(bed, 'fatal'),
    },
  ],
  V4: [
    {
      what: 'a fault that nobody noticed',
      breaks: ['V4'],
      make({ evidence: { faults } }) {
        faults.push({
          ...{ kind: 'harmless', from: 0, to: 1, detail: '', outage: null },
          ...{ losesJobsFrom: null, observed: 0 },
        });
      },
    },
    {
      what: 'a fault that was never healed',
      breaks: ['V4'],
      make({ evidence: { faults } }) {
        faults.push({
          ...{ kind: 'endless', from: 2, to: 1, detail: '', outage: null },
          ...{ losesJobsFrom: null, observed: 1 },
        });
      },
    },
  ],
};
