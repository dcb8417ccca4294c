/** The ledger as lines of an export, by docs/ledger-format.md and by none of the daemon's code. */

const TIME = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;
export const hex = (bytes: string) => `encode(sha256(${bytes}), 'hex')`;

/** The leaf of an entry as docs/ledger-format.md writes it, not as the table's own function does. */
export const LEAF = `'{"entry_data_sha256":"' || ${hex(`convert_to(e.entry_data::text, 'UTF8')`)}
  || '","entry_id":"' || e.entry_id || '","entry_type":"' || e.entry_type
  || '","linked_entity_id":"' || e.linked_entity_id || '","origin":"' || e.origin
  || '","previous_hash":"' || e.previous_hash || '","schema":"sentinelops-ledger-entry/v1","sealed_at":"'
  || to_char(e.sealed_at at time zone 'UTC', ${TIME}) || '","seq":"' || e.seq || '","timestamp":"'
  || to_char(e."timestamp" at time zone 'UTC', ${TIME}) || '"}'`;

/** The first line of an export; none while the ledger is empty. */
export const EXPORT_HEADER = `
  select '{"origin":"' || origin || '","schema":"sentinelops-ledger-export/v1"}' || E'\\n' as line
  from audit.ledger_entry where stream = 0 and seq = 0`;

/** The lines from a place on, in order. */
export function exportLines(fromSeq: number): string {
  return `select e.current_hash || E'\\t' || ${LEAF} || E'\\t' || e.entry_data::text || E'\\n' as line
    from audit.ledger_entry e where e.stream = 0 and e.seq >= ${fromSeq} order by e.seq`;
}
