/** Keeps what the signer has published, as anybody outside could. */
import type pg from 'pg';
import type { RunFolder } from '../journal.ts';

/** One look. What was seen before is noted again only when it says something else. */
export async function noteCheckpoints(
  client: pg.Client,
  folder: RunFolder,
  seen: Set<string>,
): Promise<void> {
  const at = Date.now();
  const { rows } = await client.query<{ stream: number; size: number; root: string }>(
    `select stream, size::float8 as size, root_hash as root from ledger.checkpoint
     order by size desc limit 20`,
  );
  for (const { stream, size, root } of rows) {
    const key = `${stream} ${size} ${root}`;
    if (seen.has(key)) continue;
    seen.add(key);
    await folder.note('checkpoints', { at, stream, size, root });
  }
}
