import type { Outage } from '../checker/evidence.ts';
import type { Bed } from './plant.ts';
import { type Plants, QUIET, QUIET_ASSESSMENT } from './plant.ts';

const MS = `extract(epoch from %) * 1000`;
const msOf = (instant: string) => `(${MS.replace('%', instant)})::bigint::text`;

/** Says that something was out of service from so long before an instant to so long after. */
async function outage(bed: Bed, of: Outage, instant: string, beforeMs: number): Promise<void> {
  const at = Number(await bed.value(instant));
  window(bed, of, at - beforeMs, at + 100);
}

function window({ evidence }: Bed, of: Outage, from: number, to: number): void {
  const kind = `${of}: out of service`;
  const outage = { of, from, to };
  evidence.faults.push({ kind, from, to, detail: '', outage, losesJobsFrom: null, observed: 1 });
}

export const failSafePlants: Plants = {
  F1: [
    {
      what: 'a decision became final without a ledger',
      breaks: ['F1'],
      make: (bed) =>
        outage(bed, 'ledger', `select ${msOf('max(finalized_at)')} from decision.decision`, 10_000),
    },
    {
      what: 'a target was called without a ledger',
      breaks: ['F1'],
      make: (bed) =>
        outage(bed, 'ledger', `select ${msOf('max(started_at)')} from execution.attempt`, 6_000),
    },
  ],
  F2: [
    {
      what: 'an event was cleared without policies',
      breaks: ['F2'],
      make: (bed) =>
        outage(
          bed,
          'policies',
          `select ${msOf('evaluated_at')} from advisory.evaluation where event_id = ${QUIET}`,
          50,
        ),
    },
    {
      what: 'an event was cleared although a policy could not be asked',
      breaks: ['F2', 'E3', 'E5'],
      make: ({ sql }) =>
        sql(`update advisory.evaluation
        set policies = policies || '[{"policy": "chaos-act@1", "result": "unknown"}]' where event_id = ${QUIET}`),
    },
  ],
  F3: [
    {
      what: 'an event was weighed without a risk engine',
      breaks: ['F3'],
      make: (bed) =>
        outage(
          bed,
          'risk',
          `select ${msOf('evaluated_at')} from risk.risk_assessment where event_id = ${QUIET}`,
          50,
        ),
    },
    {
      what: 'what could not be weighed counts as low',
      breaks: ['F3', 'E3', 'E5'],
      make: ({ sql }) =>
        sql(
          `update risk.risk_assessment set risk_score = null where assessment_id = ${QUIET_ASSESSMENT}`,
        ),
    },
    {
      what: 'an unknown risk was cleared',
      breaks: ['F3', 'E3', 'E5'],
      make: ({ sql }) =>
        sql(`update risk.risk_assessment set risk_score = null, risk_level = 'UNKNOWN'
        where assessment_id = ${QUIET_ASSESSMENT}`),
    },
  ],
  F4: [
    {
      what: 'an event was accepted without Postgres',
      breaks: ['F4'],
      make(bed) {
        const { startedAt, endedAt } = bed.evidence.ops.find(
          ({ path, outcome }) => path === 'http' && outcome === 'ok',
        )!;
        window(bed, 'postgres', startedAt, endedAt + 1);
      },
    },
    {
      what: 'an act was answered without Postgres',
      breaks: ['F4'],
      make(bed) {
        const { startedAt, endedAt } = bed.evidence.acts.find(({ outcome }) => outcome === 'ok')!;
        bed.evidence.ops = bed.evidence.ops.map((op) => ({ ...op, startedAt: 0, endedAt: 1 }));
        window(bed, 'postgres', startedAt, endedAt + 1);
      },
    },
  ],
  F5: [
    {
      what: 'without Redis HTTP refused',
      breaks: ['F5'],
      make: (bed) => tries(bed, { outcome: 'refused', status: 503 }),
    },
    {
      what: 'without Redis HTTP did not answer',
      breaks: ['F5'],
      make: (bed) => tries(bed, { outcome: 'unknown', status: null }),
    },
  ],
};

/** Six events that nobody took, while Redis was away. */
function tries(bed: Bed, ending: { outcome: 'refused' | 'unknown'; status: number | null }): void {
  const { ops } = bed.evidence;
  const at = Date.now() + 1_000_000;
  const like = ops.find(({ path, outcome }) => path === 'http' && outcome === 'ok')!;
  for (let index = 0; index < 6; index += 1) {
    const id = `planted-${index}`;
    ops.push({ ...like, op: id, id, startedAt: at + index, endedAt: at + index + 1, ...ending });
  }
  window(bed, 'redis', at - 1, at + 100);
}
