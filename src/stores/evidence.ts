/**
 * Makes the bundle of evidence of one event (docs/evidence-format.md). What is stored is not believed: a bundle is verified
 * as a stranger would before it is given out.
 */
import { sql } from 'kysely';
import { sha256 } from '../domain/digest.ts';
import { type Files, pack } from '../domain/evidence/archive.ts';
import {
  type Aside,
  type AsideAttempt,
  asideText,
  contentFile,
  entryFiles,
  fileNames,
  policyText,
} from '../domain/evidence/bundle.ts';
import { README } from '../domain/evidence/readme.ts';
import { verifyEvidence, withReport } from '../domain/evidence/verification.ts';
import { type Entry, leafOf, STREAM } from '../domain/ledger.ts';
import { COSIGNS, isNoteFault, openNote, type VerifierKey } from '../domain/ledger/note.ts';
import { hashLines, inclusionProofText } from '../domain/ledger/proof-text.ts';
import { isRefusal, type Refusal, refuse } from '../domain/problem.ts';
import type { Database, Tx } from './database.ts';
import { type EvidenceFact, factsOfEvent } from './evidence-records.ts';
import {
  checkpointBefore,
  type CheckpointReader,
  openCheckpointReader,
  type ReleasedCheckpoint,
  verifierKeys,
} from './ledger-checkpoint.ts';
import { entriesAbout, entryErasing } from './ledger-export.ts';
import { inclusionHashes, LedgerDamaged, proveConsistency } from './ledger-proofs.ts';

/**
 * The archive. Refusals: `not_found`; `not_sealed` while a fact of the event has no entry, or an entry is not under a
 * checkpoint. Rejects with LedgerDamaged when rows, entries and what was signed do not fit each other. `database` works
 * under the audit role.
 */
export async function exportEvidence(
  database: Database,
  eventId: string,
): Promise<Buffer | Refusal> {
  const files = await database.transact((tx) => filesOf(tx, eventId));
  if (isRefusal(files)) return files;
  const bundle = withReport(files);
  const { status, detail, file } = verifyEvidence(bundle);
  if (status === 'OK' || status === 'ERASED_OK') return pack(bundle);
  throw new LedgerDamaged(`${status}: ${file ?? 'The bundle'} of event ${eventId}: ${detail}`);
}

async function filesOf(tx: Tx, eventId: string): Promise<Files | Refusal> {
  const facts = await factsOfEvent(tx, eventId);
  if (facts.length === 0) return refuse('not_found', 'no event has this id');
  const entries = await entriesOf(tx, facts);
  if (isRefusal(entries)) return entries;
  const reader = openCheckpointReader(tx, STREAM, 'audit');
  const last = Math.max(...entries.map(({ seq }) => seq));
  const checkpoint = await reader.newestFor(last);
  const keys = await verifierKeys(tx, STREAM);
  if (checkpoint === undefined || checkpoint.size <= last || keys.length === 0) {
    return refuse('not_sealed', `entry ${last} is not under a checkpoint of a known key yet`);
  }
  const contents = facts.flatMap((fact) => fact.contents);
  return new Map([
    ...(await entryParts(reader, { entries, facts, checkpoint, keys })),
    ...(await checkpointParts(tx, reader, { entries, checkpoint, keys })),
    ...contents.map((text) => [contentFile(sha256(text)), Buffer.from(text)] as const),
    [fileNames.aside, Buffer.from(asideText(await asideOf(tx, eventId)))],
    [fileNames.readme, Buffer.from(README)],
  ]);
}

/** Those of the facts, and those that say why something of them is no longer there. */
async function entriesOf(
  tx: Tx,
  facts: readonly EvidenceFact[],
): Promise<readonly Entry[] | Refusal> {
  const entries = await entriesAbout(tx, STREAM, facts);
  const missing = facts.find(
    ({ type, id }) => !entries.some((entry) => isAbout(entry, { type, id })),
  );
  if (missing !== undefined) {
    return refuse('not_sealed', `${missing.type} ${missing.id} has no ledger entry yet`);
  }
  const event = entries.find(({ entryType }) => entryType === 'EVENT')!;
  const { payload_sha256: payload } = JSON.parse(event.entryData) as Record<string, string>;
  const isThere = facts.some(({ contents }) => contents.some((text) => sha256(text) === payload));
  const erasure = isThere ? undefined : await entryErasing(tx, STREAM, payload!);
  return erasure === undefined ? entries : [...entries, erasure];
}

function isAbout(entry: Entry, { type, id }: Pick<EvidenceFact, 'type' | 'id'>): boolean {
  return entry.entryType === type && entry.linkedEntityId === id;
}

type Part = readonly [name: string, bytes: Buffer];

interface Parts {
  readonly entries: readonly Entry[];
  readonly checkpoint: ReleasedCheckpoint;
  readonly keys: readonly VerifierKey[];
}

async function entryParts(
  reader: CheckpointReader,
  { entries, facts, checkpoint, keys }: Parts & { readonly facts: readonly EvidenceFact[] },
): Promise<readonly Part[]> {
  const origin = await reader.origin();
  const seqs = entries.map(({ seq }) => seq);
  const proofs = await inclusionHashes(reader, seqs, checkpoint);
  const note = noteOf(checkpoint, keys);
  return entries.flatMap((entry, n): readonly Part[] => {
    const names = entryFiles(entry.seq);
    const fact = facts.find((one) => isAbout(entry, one));
    const texts = [
      [names.leaf, leafOf(origin, entry)],
      [names.data, entry.entryData],
      [names.proof, inclusionProofText(entry.seq, proofs[n]!, note)],
      ...(fact === undefined ? [] : [[names.record, fact.record] as const]),
    ] as const;
    return texts.map(([name, text]) => [name, Buffer.from(text)]);
  });
}

/** The checkpoint, its keys, and its neighbours: the one before the first decision, or before the event; the newest. */
async function checkpointParts(
  tx: Tx,
  reader: CheckpointReader,
  { entries, checkpoint, keys }: Parts,
): Promise<readonly Part[]> {
  const inOrder = entries.toSorted((one, other) => one.seq - other.seq);
  const since =
    inOrder.find(({ entryType }) => entryType === 'DECISION') ??
    inOrder.find(({ entryType }) => entryType === 'EVENT')!;
  const at = { size: since.seq, instant: since.sealedAt };
  const before = await checkpointBefore(tx, STREAM, at);
  const newest = (await reader.newest())!;
  const parts: Part[] = [
    [fileNames.checkpoint, Buffer.from(noteOf(checkpoint, keys))],
    [fileNames.policy, Buffer.from(policyText(keys, cosignersOf(checkpoint, keys)))],
  ];
  if (before !== undefined) {
    const names = [fileNames.before, fileNames.fromBefore] as const;
    parts.push(
      ...(await neighbour(reader, names, { old: before, later: checkpoint, keys }, before)),
    );
  }
  if (newest.size > checkpoint.size) {
    const names = [fileNames.newest, fileNames.toNewest] as const;
    parts.push(
      ...(await neighbour(reader, names, { old: checkpoint, later: newest, keys }, newest)),
    );
  }
  return parts;
}

interface Between {
  readonly old: ReleasedCheckpoint;
  readonly later: ReleasedCheckpoint;
  readonly keys: readonly VerifierKey[];
}

async function neighbour(
  reader: CheckpointReader,
  [noteName, proofName]: readonly [string, string],
  { old, later, keys }: Between,
  which: ReleasedCheckpoint,
): Promise<readonly Part[]> {
  const proof = await proveConsistency(reader, old.size, later.size);
  if (isRefusal(proof)) throw new LedgerDamaged(proof.detail);
  return [
    [noteName, Buffer.from(noteOf(which, keys))],
    [proofName, Buffer.from(hashLines(proof))],
  ];
}

/** The note with the signatures whose keys are given out with it: a line that nobody can check says nothing. */
function noteOf({ note, size }: ReleasedCheckpoint, keys: readonly VerifierKey[]): string {
  const opened = openNote(Buffer.from(note), keys);
  if (isNoteFault(opened)) throw new LedgerDamaged(`The checkpoint of ${size}: ${opened.detail}`);
  return `${opened.text}\n${opened.signatures.map(({ line }) => line).join('')}`;
}

function cosignersOf(
  { witnesses }: ReleasedCheckpoint,
  keys: readonly VerifierKey[],
): readonly string[] {
  return keys
    .filter(({ type, name }) => type === COSIGNS && witnesses.includes(name))
    .map(({ name }) => name);
}

async function asideOf(tx: Tx, eventId: string): Promise<Aside> {
  const people = await sql<{ id: string; name: string }>`
    select distinct p.person_id as id, p.name from audit.decision d
    join audit.approval a on a.decision_id = d.decision_id
    join audit.person p on p.person_id = a.person_id
    where d.event_id = ${eventId}::uuid and coalesce(d.finalized_at, d.escalated_at) is not null`.execute(
    tx,
  );
  const attempts = await sql<AsideAttempt>`
    select a.execution_id as "executionId", a.attempt_no::text as "attempt", a.started_at as "startedAt",
      a.finished_at as "finishedAt", a.outcome, a.http_status::text as "httpStatus", a.body_sha256 as "bodySha256",
      a.response_sha256 as "responseSha256"
    from audit.execution x join audit.attempt a on a.execution_id = x.execution_id
    where x.event_id = ${eventId}::uuid and x.completed_at is not null
    order by a.started_at, a.execution_id, a.attempt_no`.execute(tx);
  const names = Object.fromEntries(people.rows.map(({ id, name }) => [id, name]));
  return { names, attempts: attempts.rows };
}
