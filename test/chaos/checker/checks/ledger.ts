/** L: the chain, and that it says what the tables say. */
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Check, first, offendersOf, sqlCheck, type World } from '../check.ts';
import { EXPORT_HEADER, exportLines, hex, LEAF } from '../ledger-lines.ts';
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
    const [checkpoints] = await offendersOf(
      world,
      `select relname::text as offender from pg_class
       where relnamespace = 'ledger'::regnamespace and relname like '%checkpoint%' and relkind = 'r'`,
    );
    return {
      notChecked:
        checkpoints === undefined
          ? 'this release signs no checkpoints (ledger level 2)'
          : `the checker cannot read ledger.${checkpoints} yet`,
    };
  },
};

export const ledgerChecks: readonly Check[] = [L1, L2, L3, L4, L5];
