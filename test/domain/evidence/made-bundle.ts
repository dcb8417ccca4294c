/**
 * A bundle made by hand, as docs/evidence-format.md says, over a chain of a hundred entries: one event from its receipt to
 * its execution. Hashes, trees and proofs are made here again; only what a page looks like is taken from the code.
 */
import { hash } from 'node:crypto';
import { canonicalJson } from '../../../src/domain/canonical.ts';
import { withReport } from '../../../src/domain/evidence/verification.ts';
import { README } from '../../../src/domain/evidence/readme.ts';
import { type SignerKey, signatureLine } from '../../../src/domain/ledger/note.ts';
import { leaf, reseal, type Row, vectorRows } from '../ledger/chain.ts';
import { LOG_VKEY, logKey, WITNESS_VKEY, witnessKey } from '../ledger/keys.ts';
import { naiveConsistency, naiveInclusion, naiveRoot } from '../ledger/naive-tree.ts';

export const POLICY = `log ${LOG_VKEY}\nwitness regulator.example/w1 ${WITNESS_VKEY}\ngroup cosigners all regulator.example/w1\nquorum cosigners\n`;

const sha256 = (text: string) => hash('sha256', text);
const id = (n: number) => `20000000-0000-8000-8000-${String(n).padStart(12, '0')}`;
export const ids = {
  event: id(1),
  assessment: id(2),
  advisory: id(3),
  decision: id(4),
  execution: id(5),
  policy: id(6),
  model: id(7),
  change: id(8),
  modelChange: id(9),
  person: id(10),
};

/** The texts that are referred to. */
export const texts = {
  payload: '{"branch":"main","by":"Ada Example"}',
  contributions: '[{"factor":"main","held":true,"points":40}]',
  conditions: '[{"path":"$.branch","result":true}]',
  advised: 'Main is unprotected.',
  options: '[{"command":{"restore":"main"},"option":"restore"}]',
  view: '{"view":"sentinelops-review-view/v1"}',
  because: 'It was not meant to be open.',
  request: '{"restore":"main"}',
  policy: '{"policy":"branch-protection","version":1}',
  model: '{"risk_model":"plain","version":1}',
};

interface Fact {
  readonly type: string;
  readonly id: string;
  readonly table: string;
  readonly row: Record<string, unknown>;
  readonly data: Record<string, unknown>;
}

const change = (table: string, column: string, of: string, text: string) => ({
  table,
  row: {
    [column]: of,
    version: '1',
    to_status: 'active',
    definition_sha256: sha256(text),
    actor: ids.person,
  },
  data: {
    [column]: of,
    version: '1',
    to_status: 'active',
    definition_sha256: sha256(text),
    actor: ids.person,
  },
});
const ofEvent = { event_id: ids.event };

/** In the order in which they were recorded. */
export const facts: readonly Fact[] = [
  {
    type: 'POLICY',
    id: ids.change,
    ...change('policy.policy_change', 'policy_id', ids.policy, texts.policy),
  },
  {
    type: 'RISK_MODEL',
    id: ids.modelChange,
    ...change('risk.risk_model_change', 'model_id', ids.model, texts.model),
  },
  {
    type: 'EVENT',
    id: ids.event,
    table: 'event.event',
    row: { ...ofEvent, source_system: 'github', subject: 'main', salt: 'a'.repeat(64) },
    data: { ...ofEvent, source_system: 'github', payload_sha256: sha256(texts.payload) },
  },
  {
    type: 'RISK_ASSESSMENT',
    id: ids.assessment,
    table: 'risk.risk_assessment',
    row: {
      ...ofEvent,
      assessment_id: ids.assessment,
      contributions_sha256: sha256(texts.contributions),
      risk_level: 'MEDIUM',
      risk_model_id: ids.model,
      risk_model_version: '1',
    },
    data: { ...ofEvent, risk_level: 'MEDIUM', risk_model_id: ids.model, risk_model_version: '1' },
  },
  {
    type: 'ADVISORY',
    id: ids.advisory,
    table: 'advisory.advisory',
    row: {
      ...ofEvent,
      assessment_id: ids.assessment,
      policy_id: ids.policy,
      policy_version: '1',
      conditions_sha256: sha256(texts.conditions),
      justification_sha256: sha256(texts.advised),
      recommendation_options_sha256: sha256(texts.options),
    },
    data: { ...ofEvent, assessment_id: ids.assessment, policy_id: ids.policy, policy_version: '1' },
  },
  {
    type: 'DECISION',
    id: ids.decision,
    table: 'decision.decision',
    row: {
      ...ofEvent,
      advisory_id: ids.advisory,
      decision_type: 'approved',
      justification_sha256: sha256(texts.because),
      view_digest: sha256(texts.view),
      approvals: [
        {
          act: 'approve',
          role: 'Administrator',
          person_id: ids.person,
          justification_sha256: sha256(texts.because),
          view_digest: sha256(texts.view),
        },
      ],
    },
    data: {
      ...ofEvent,
      advisory_id: ids.advisory,
      decision_type: 'approved',
      view_digest: sha256(texts.view),
    },
  },
  {
    type: 'EXECUTION',
    id: ids.execution,
    table: 'execution.execution',
    row: {
      ...ofEvent,
      decision_id: ids.decision,
      target_system: 'github',
      execution_status: 'acknowledged',
      request_body_sha256: sha256(texts.request),
    },
    data: {
      ...ofEvent,
      decision_id: ids.decision,
      target_system: 'github',
      execution_status: 'acknowledged',
    },
  },
];

export interface Wish {
  readonly facts?: readonly Fact[];
  readonly log?: SignerKey;
  /** Cosigns beside the witness, and stands in the policy of the bundle. */
  readonly second?: SignerKey;
  /** Of the checkpoint of 100 entries, and of that before, in seconds since 1970. */
  readonly cosignedAt?: readonly [number, number];
  readonly without?: readonly string[];
  /** Entries that come behind the others. */
  readonly erasing?: readonly string[];
}

export const SIZE = 100;
/** The facts stand at every tenth place from 20 on; a decision thus at 70, behind the checkpoint before it. */
const FIRST = 20;
const STEP = 10;
const BEFORE = 64;

const recordOf = ({ table, row }: Fact) =>
  canonicalJson({ row, table: `sentinelops-row/v1 ${table}` });

/** The rows of the chain, with what each fact says in its place. */
export function chainOf(
  wanted: readonly Fact[] = facts,
  erasing: readonly string[] = [],
): readonly Row[] {
  const rows = [...vectorRows(SIZE)];
  for (const [n, fact] of wanted.entries()) {
    const at = FIRST + n * STEP;
    const data = { ...fact.data, digest: sha256(recordOf(fact)) };
    rows[at] = {
      ...rows[at]!,
      entryType: fact.type,
      linkedEntityId: fact.id,
      entryData: canonicalJson(data),
    };
  }
  if (erasing.length > 0) {
    const entryData = canonicalJson({
      actor: ids.person,
      commitments: erasing,
      digest: 'e'.repeat(64),
      reason: 'asked',
    });
    rows[95] = { ...rows[95]!, entryType: 'ERASURE', entryData };
  }
  return reseal(rows);
}

export function checkpointOf(
  rows: readonly Row[],
  size: number,
  log: SignerKey,
  time: number,
): string {
  const root = naiveRoot(hashesOf(rows.slice(0, size))).toString('base64');
  const text = `${log.verifier.name}\n${size}\n${root}\n`;
  return `${text}\n${signatureLine(text, log)}${signatureLine(text, witnessKey, BigInt(time))}`;
}

function policyOf(log: SignerKey, second: SignerKey | undefined): string {
  const own = POLICY.replace(LOG_VKEY, log.verifier.text);
  if (second === undefined) return own;
  const { name, text } = second.verifier;
  return own
    .replace('\ngroup', `\nwitness ${name} ${text}\ngroup`)
    .replace('all regulator.example/w1', `all regulator.example/w1 ${name}`);
}

const hashesOf = (rows: readonly Row[]) => rows.map((row) => Buffer.from(row.currentHash, 'hex'));
const lines = (hashes: readonly Buffer[]) =>
  hashes.map((each) => `${each.toString('base64')}\n`).join('');

export function madeBundle(wish: Wish = {}): Map<string, Buffer> {
  const { facts: wanted = facts, log = logKey, erasing = [], without = [] } = wish;
  const [at, atBefore] = wish.cosignedAt ?? [1_764_000_010, 1_764_000_000];
  const rows = chainOf(wanted, erasing);
  const hashes = hashesOf(rows);
  const signed = checkpointOf(rows, SIZE, log, at);
  const text = signed.slice(0, signed.indexOf('\n\n') + 1);
  const { second } = wish;
  const checkpoint =
    second === undefined ? signed : signed + signatureLine(text, second, BigInt(at));
  const files: [string, string][] = [
    ['checkpoint', checkpoint],
    ['checkpoint.before', checkpointOf(rows, BEFORE, log, atBefore)],
    ['consistency', lines(naiveConsistency(BEFORE, hashes))],
    ['policy', policyOf(log, second)],
    ['aside.json', canonicalJson({ attempts: [], names: { [ids.person]: 'Carla Example' } })],
    ['README', README],
  ];
  const places = [...wanted.keys()]
    .map((n) => FIRST + n * STEP)
    .concat(erasing.length > 0 ? [95] : []);
  for (const [n, seq] of places.entries()) {
    files.push([`${seq}.leaf`, leaf(rows[seq]!)], [`${seq}.data`, rows[seq]!.entryData]);
    const proof = `c2sp.org/tlog-proof@v1\nindex ${seq}\n${lines(naiveInclusion(seq, hashes))}\n${checkpoint}`;
    files.push([`${seq}.tlog-proof`, proof]);
    const fact = wanted[n];
    if (fact !== undefined) files.push([`${seq}.record`, recordOf(fact)]);
  }
  for (const text of Object.values(texts)) files.push([`content/${sha256(text)}`, text]);
  const kept = files.filter(([name]) => !without.includes(name));
  return new Map(withReport(new Map(kept.map(([name, text]) => [name, Buffer.from(text)]))));
}

export const nameOf = (text: string) => `content/${sha256(text)}`;
