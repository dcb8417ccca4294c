/** The observers' own records: JSON lines that are on disk before whoever wrote them goes on. */
import { appendFile, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createMailbox } from '../../src/actors/mailbox.ts';
import {
  type Evidence,
  EXPORTS_FOLDER,
  type Journal,
  journals,
  LOGS_FOLDER,
  RUN_DOCUMENT,
  type RunDocument,
} from './checker/evidence.ts';

type RecordOf<J extends Journal> = Evidence[J][number];

export interface RunFolder {
  readonly path: string;
  readonly logs: string;
  readonly exports: string;
  /** Resolves when the record is fsynced. What is noted at once shares one fsync. */
  note<J extends Journal>(journal: J, record: RecordOf<J>): Promise<void>;
  /** Writes the document of the run, which makes the folder readable for the checker. */
  finish(document: RunDocument): Promise<void>;
}

const RECORDS_AT_ONCE_MAX = 10_000;

/** `path` is made; what stands in it already stays. */
export async function openRunFolder(path: string): Promise<RunFolder> {
  const logs = join(path, LOGS_FOLDER);
  const exports = join(path, EXPORTS_FOLDER);
  for (const folder of [path, logs, exports]) await mkdir(folder, { recursive: true });
  const writers = new Map(
    await Promise.all(
      Object.entries(journals).map(async ([journal, name]) => {
        const file = await open(join(path, name), 'a');
        const write = async (records: readonly object[]) => {
          await file.appendFile(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
          await file.datasync();
          return records.map(() => null);
        };
        const limits = { deliveriesMax: RECORDS_AT_ONCE_MAX, messagesMax: RECORDS_AT_ONCE_MAX };
        return [journal, { file, mailbox: createMailbox(write, limits) }] as const;
      }),
    ),
  );
  return {
    path,
    logs,
    exports,
    async note(journal, record) {
      await writers.get(journal)!.mailbox.put([record]);
    },
    async finish(document) {
      for (const { file, mailbox } of writers.values()) {
        await mailbox.drained();
        await file.close();
      }
      await writeFile(join(path, RUN_DOCUMENT), `${JSON.stringify(document, null, 2)}\n`);
    },
  };
}

/** Continues a text file. */
export function append(path: string, text: string): Promise<void> {
  return appendFile(path, text);
}
