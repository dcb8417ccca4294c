import type { Op } from '../checker/evidence.ts';
import { type Bed, NEW_ID, type Plants } from './plant.ts';

/** An accepted op over HTTP, alone with its key. */
function onlyOp({ evidence: { ops } }: Bed, path: Op['path'] = 'http') {
  const byKey = Map.groupBy(ops, ({ source, id }) => `${source} ${id}`);
  return [...byKey.values()].find(
    (of) => of.length === 1 && of[0]!.path === path && of[0]!.outcome === 'ok',
  )![0]!;
}

function lostOp({ evidence: { ops } }: Bed, changes: Partial<Op>): void {
  const like = ops.find(
    ({ path, outcome }) => path === (changes.path ?? 'http') && outcome === 'ok',
  )!;
  ops.push({ ...like, op: `planted-${ops.length}`, id: `planted-${ops.length}`, ...changes });
}

function conflict({ evidence: { ops } }: Bed) {
  return ops.find(({ status, path }) => status === 409 && path === 'http')!;
}

const flush = { kind: 'redis: flushed', detail: '', outage: null, observed: 1 } as const;

export const acceptancePlants: Plants = {
  A1: [
    { what: 'an accepted event is not there', breaks: ['A1'], make: (bed) => lostOp(bed, {}) },
    {
      what: 'an event has another digest than its answer said',
      breaks: ['A1'],
      make(bed) {
        onlyOp(bed).digest = '0'.repeat(64);
      },
    },
    {
      what: 'an answer named another event',
      breaks: ['A1'],
      make(bed) {
        onlyOp(bed).eventId = '7a7a7a7a-7a7a-8a7a-8a7a-7a7a7a7a7a7a';
      },
    },
    {
      what: 'an event is deleted with all that followed',
      breaks: ['A1', 'L2'],
      async make({ sql, value, evidence }) {
        const id = await value(`select event_id::text from event.event e where exists (
          select from advisory.evaluation v where v.event_id = e.event_id and v.outcome = 'NO_MATCH')
          and e.source_system = 'chaos/signed' limit 1`);
        evidence.jobs = [];
        await sql(`delete from event.event where event_id = '${id}';
          delete from event.event_payload where event_id = '${id}';
          delete from risk.risk_assessment where event_id = '${id}';
          delete from advisory.evaluation where event_id = '${id}'`);
      },
    },
  ],
  A2: [
    {
      what: 'an event that nobody sent over HTTP',
      breaks: ['A2'],
      make(bed) {
        const { id } = onlyOp(bed);
        bed.evidence.ops = bed.evidence.ops.filter((op) => op.id !== id);
      },
    },
    {
      what: 'an event that nobody sent as a job',
      breaks: ['A2'],
      make(bed) {
        const { id } = onlyOp(bed, 'queue');
        bed.evidence.ops = bed.evidence.ops.filter((op) => op.id !== id);
      },
    },
    {
      what: 'a source that does not exist has sent an event',
      breaks: ['A1', 'A2', 'E3', 'E5'],
      make: ({ sql }) =>
        sql(`update event.event set source_system = 'nobody' where event_id = (
        select e.event_id from event.event e join advisory.advisory a on a.event_id = e.event_id
        where e.source_system = 'chaos/signed' order by e.event_id limit 1)`),
    },
  ],
  A3: [
    {
      what: 'one key was answered with two events',
      breaks: ['A1', 'A3'],
      make(bed) {
        const op = onlyOp(bed);
        bed.evidence.ops.push({
          ...op,
          op: 'planted',
          eventId: '7a7a7a7a-7a7a-8a7a-8a7a-7a7a7a7a7a7a',
        });
      },
    },
    {
      what: 'a second event stands under one key',
      breaks: ['A1', 'A3', 'P1', 'P3', 'E3', 'L2'],
      make: ({ copy }) =>
        copy(
          'event.event',
          `event_id = (select e.event_id from event.event e
          join advisory.evaluation v on v.event_id = e.event_id
          where e.source_system = 'chaos/signed' order by 1 limit 1)`,
          { event_id: NEW_ID },
        ),
    },
  ],
  A4: [
    {
      what: 'another body was accepted',
      breaks: ['A1', 'A4'],
      make(bed) {
        Object.assign(conflict(bed), { outcome: 'ok', status: 202 });
      },
    },
    {
      what: 'a conflict over HTTP left no dead letter',
      breaks: ['A4'],
      make: (bed) => {
        const { source, id } = conflict(bed);
        return bed.sql(`delete from event.dead_letter where reason = 'conflict'
          and source_system = '${source}' and external_id = '${id}'`);
      },
    },
    {
      what: 'a conflict on the queue left no dead letter',
      breaks: ['A4'],
      async make({ sql, value, evidence }) {
        const queued = evidence.ops.filter(({ path }) => path === 'queue');
        const bodies = queued.map(({ body }) => `'${body}'`).join();
        const letter = await value(`select dead_letter_id::text from event.dead_letter
          where reason = 'conflict' and content_sha256 in (${bodies}) limit 1`);
        await sql(`delete from event.dead_letter where dead_letter_id = '${letter}'`);
      },
    },
    {
      what: 'a repeat was refused as a conflict',
      breaks: ['A4'],
      make(bed) {
        Object.assign(onlyOp(bed), { outcome: 'refused', status: 409 });
        bed.evidence.ops.push({ ...onlyOpOf(bed), op: 'planted', outcome: 'unknown' });
      },
    },
  ],
  A5: [
    {
      what: 'an event stands whose signature was refused',
      breaks: ['A5'],
      make(bed) {
        Object.assign(onlyOp(bed), { outcome: 'refused', status: 401 });
      },
    },
    {
      what: 'an event stands that was put off',
      breaks: ['A5'],
      make(bed) {
        Object.assign(onlyOp(bed), { outcome: 'refused', status: 503 });
      },
    },
  ],
  A6: [
    {
      what: 'a job is lost without a reason',
      breaks: ['A6'],
      make: (bed) => lostOp(bed, { path: 'queue' }),
    },
    {
      what: 'a job is lost to a flush and its source does not know',
      breaks: ['A6'],
      make(bed) {
        const at = Date.now();
        bed.evidence.faults.push({ ...flush, from: at, to: at, losesJobsFrom: 0 });
        lostOp(bed, { path: 'queue' });
      },
    },
    {
      what: 'a job is lost that was taken before a power cut could reach back',
      breaks: ['A6'],
      make(bed) {
        const at = Date.now();
        bed.evidence.faults.push({ ...flush, from: at, to: at, losesJobsFrom: at - 2_000 });
        lostOp(bed, { path: 'queue', startedAt: at - 5_000, endedAt: at - 4_900 });
        const { source, id } = bed.evidence.ops.at(-1)!;
        bed.evidence.run.missedBySources = [`${source} ${id}`];
      },
    },
  ],
};

/** The op that was just made a conflict. */
function onlyOpOf({ evidence: { ops } }: Bed): Op {
  return ops.find(({ status, outcome }) => status === 409 && outcome === 'refused')!;
}

/** What must not be blamed: a loss that a fault explains and the source has noticed. */
export function knownLoss(bed: Bed): void {
  const at = Date.now();
  bed.evidence.faults.push({ ...flush, from: at, to: at, losesJobsFrom: 0 });
  lostOp(bed, { path: 'queue' });
  const { source, id } = bed.evidence.ops.at(-1)!;
  bed.evidence.run.missedBySources = [`${source} ${id}`];
}
