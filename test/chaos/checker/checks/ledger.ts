/** L: the chain, and that it says what the tables say. */
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Check, first, sqlCheck, type World } from '../check.ts';
import { EXPORT_HEADER, exportLines, hex, LEAF } from '../ledger-lines.ts';
import { createTree } from '../merkle.ts';
import { cursor } from '../rows.ts';

const L1 = sqlCheck(
  'L1',
  'The chain holds',
  `select 'entry ' || stream || '/' || seq as offender from (
     select e.stream, e.seq, lag(e.seq) over chain as earlier, lag(e.current_hash) over chain as follows,
       e.previous_hash, e.current_hash, ${hex(`'\\x00'::bytea || convert_to(${LEAF}, 'UTF8')`)} as hash
     from audit.ledger_entry e window chain as (partition by e.stream order by e.seq)) as entry
   where (seq = coalesce(earlier + 1, 0) and previous_hash = coalesce(follows, repeat('0', 64))
     and current_hash = hash) is not true`,
);

const L2 = sqlCheck(
  'L2',
  'Facts and entries belong to each other, one to one',
  `select coalesce(f.entry_type, l.entry_type) || ' ' || coalesce(f.linked_entity_id, l.linked_entity_id) as offender
     from audit.fact f full join audit.ledger_entry l
       on l.entry_type = f.entry_type and l.linked_entity_id = f.linked_entity_id
     where coalesce(l.entry_type, '') <> 'ERASURE' and (f.digest = l.entry_digest) is not true
   union all
   select entry_type || ' ' || linked_entity_id || ' twice' from audit.ledger_entry
     group by entry_type, linked_entity_id having count(*) > 1`,
);

const L3 = sqlCheck(
  'L3',
  'A decision stands before its execution, and the target was told where',
  `select 'execution ' || x.execution_id as offender from audit.execution x
     join audit.ledger_entry e on e.entry_type = 'EXECUTION' and e.linked_entity_id = x.execution_id
     left join audit.ledger_entry d on d.entry_type = 'DECISION' and d.linked_entity_id = x.decision_id
     where (d.stream <> e.stream or d.seq < e.seq) is not true
   union all
   select 'receipt of ' || r.key from run_receipt r
     left join audit.ledger_entry d on d.entry_type = 'DECISION' and d.linked_entity_id::text = r."decisionId"
     where (d.seq::text = r.seq) is not true`,
);

const L4: Check = {
  name: 'L4',
  title: 'What was once exported is how the ledger begins',
  async find(world) {
    if (world.evidence.exports.length === 0) return { notChecked: 'no export was taken' };
    const altered: string[] = [];
    for (const file of world.evidence.exports) {
      const fault = await faultOfPrefix(world, file);
      if (fault !== undefined) altered.push(`${basename(file)} ${fault}`);
    }
    return first(altered);
  },
};

/** Where the file stops being how the export begins; undefined when it is a prefix of it, byte for byte. */
async function faultOfPrefix({ postgres }: World, path: string): Promise<string | undefined> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    let at = 0;
    for (const sql of [EXPORT_HEADER, exportLines(0)]) {
      for await (const { line } of cursor<{ line: string }>(postgres, sql)) {
        if (at >= size) return undefined;
        const expected = Buffer.from(line);
        const { buffer, bytesRead } = await file.read(Buffer.alloc(expected.length), 0, null, at);
        const found = buffer.subarray(0, bytesRead);
        if (!expected.subarray(0, bytesRead).equals(found)) return `differs after byte ${at}`;
        at += bytesRead;
      }
    }
    return at < size ? `goes on after byte ${at}, where the ledger ends` : undefined;
  } finally {
    await file.close();
  }
}

const L5: Check = {
  name: 'L5',
  title: 'The ledger does not fork',
  async find(world) {
    const signed = await checkpointsOf(world);
    if (signed.length === 0) return { notChecked: 'no checkpoint was signed' };
    return first(await forks(world, signed));
  },
};

interface Signed {
  readonly stream: number;
  readonly size: number;
  readonly root: string;
  readonly note: string | null;
}

/** Those that stand, and those that once were published. */
async function checkpointsOf({ postgres, evidence }: World): Promise<readonly Signed[]> {
  const { rows } = await postgres.query<Signed>(
    `select stream, size::float8 as size, root_hash as root, note from ledger.checkpoint`,
  );
  return [...rows, ...evidence.checkpoints.map((seen) => ({ ...seen, note: null }))];
}

/**
 * Each root is computed again from the entries that stand now: checkpoints that all fit one history fit each other, and
 * two of one size cannot differ.
 */
async function forks({ postgres }: World, signed: readonly Signed[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [stream, of] of Map.groupBy(signed, (one) => one.stream)) {
    const bySize = Map.groupBy(of, ({ size }) => size);
    const tree = createTree();
    const entries = `select current_hash as hash from ledger.ledger_entry where stream = ${stream} order by seq`;
    for await (const { hash } of cursor<{ hash: string }>(postgres, entries)) {
      tree.add(Buffer.from(hash, 'hex'));
      const root = bySize.has(tree.size()) ? tree.root() : undefined;
      for (const one of bySize.get(tree.size()) ?? []) {
        if (!says(one, root!)) found.push(`checkpoint ${stream}/${one.size} has another root`);
      }
    }
    for (const size of bySize.keys()) {
      if (size > tree.size()) found.push(`checkpoint ${stream}/${size} is beyond the ledger`);
    }
  }
  return found;
}

/** Whether a checkpoint, and the text that was signed of it, names this root. */
function says({ size, root, note }: Signed, computed: Buffer): boolean {
  if (root !== computed.toString('hex')) return false;
  return note === null || note.includes(`\n${size}\n${computed.toString('base64')}\n`);
}

export const ledgerChecks: readonly Check[] = [L1, L2, L3, L4, L5];
