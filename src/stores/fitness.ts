/**
 * Whether a PostgreSQL keeps what it has acknowledged, as one session sees it: a setting of a role or of a database
 * overrides the server's file, so each pool asks through a session of its own.
 */
import { sql } from 'kysely';
import type { Timestamp } from '../domain/time.ts';
import { epochMsOf } from '../domain/time.ts';
import type { Session } from './database.ts';

export interface ServerSettings {
  /** `180004` for 18.4. */
  readonly versionNumber: number;
  readonly version: string;
  readonly encoding: string;
  readonly inRecovery: boolean;
  readonly fsync: string;
  readonly fullPageWrites: string;
  readonly synchronousCommit: string;
  /** Empty when no standby has to confirm a commit. */
  readonly synchronousStandbys: string;
  readonly replicationRole: string;
  readonly zeroDamagedPages: string;
  readonly ignoreChecksumFailure: string;
  readonly dataChecksums: string;
}

const MAJOR_MIN = 15;
const MAJOR_MAX = 18;
/** Releases before these lose or corrupt data in ways that were mended since; the others are not known to. */
const MINOR_MIN: Readonly<Record<number, number>> = { 15: 20, 18: 4 };

/** As text alone, so that a pool of the bare driver can ask it too. */
export const SETTINGS_QUERY = `
  select current_setting('server_version_num')::integer as "versionNumber", current_setting('server_version') as version,
    current_setting('server_encoding') as encoding, pg_is_in_recovery() as "inRecovery",
    current_setting('fsync') as fsync, current_setting('full_page_writes') as "fullPageWrites",
    current_setting('synchronous_commit') as "synchronousCommit",
    current_setting('synchronous_standby_names') as "synchronousStandbys",
    current_setting('session_replication_role') as "replicationRole",
    current_setting('zero_damaged_pages') as "zeroDamagedPages",
    current_setting('ignore_checksum_failure') as "ignoreChecksumFailure",
    current_setting('data_checksums') as "dataChecksums"`;

export async function readSettings(session: Session): Promise<ServerSettings> {
  const { rows } = await session.transact((tx) =>
    sql.raw<ServerSettings>(SETTINGS_QUERY).execute(tx),
  );
  return rows[0]!;
}

/** What is wrong with a server that must keep what it has acknowledged, each with what to set; none when it is fit. */
export function unfitnessOf(settings: ServerSettings): readonly string[] {
  return [...faultsOfServer(settings), ...commitFaultsOf(settings)];
}

/** The same for the queues, which may be lost: there a lost commit costs events of the ingest queue, and is said aloud. */
export function queueUnfitnessOf(settings: ServerSettings): {
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
} {
  return { faults: faultsOfServer(settings), warnings: commitFaultsOf(settings) };
}

function faultsOfServer(settings: ServerSettings): readonly string[] {
  const must = (isFit: boolean, fault: string) => (isFit ? [] : [fault]);
  return [
    ...versionFaultsOf(settings),
    ...must(settings.encoding === 'UTF8', `its encoding is ${settings.encoding}: use UTF8`),
    ...must(!settings.inRecovery, 'it is in recovery: connect to the primary'),
    ...must(settings.fsync === 'on', 'fsync is off: turn it on'),
    ...must(settings.fullPageWrites === 'on', 'full_page_writes is off: turn it on'),
    ...must(
      settings.replicationRole === 'origin',
      `session_replication_role is ${settings.replicationRole}: it must be origin`,
    ),
    ...must(settings.zeroDamagedPages === 'off', 'zero_damaged_pages is on: turn it off'),
    ...must(settings.ignoreChecksumFailure === 'off', 'ignore_checksum_failure is on: turn it off'),
  ];
}

function commitFaultsOf({
  synchronousCommit,
  synchronousStandbys,
}: ServerSettings): readonly string[] {
  if (synchronousCommit === 'off') {
    return ['synchronous_commit is off, so a crash loses acknowledged commits: turn it on'];
  }
  return synchronousCommit === 'local' && synchronousStandbys !== ''
    ? [
        'synchronous_commit is local beside a synchronous standby, so a failover loses commits: turn it on',
      ]
    : [];
}

function versionFaultsOf({ versionNumber, version }: ServerSettings): readonly string[] {
  const major = Math.floor(versionNumber / 10_000);
  const minor = versionNumber % 10_000;
  if (major < MAJOR_MIN || major > MAJOR_MAX) {
    return [`it is PostgreSQL ${version}: use ${MAJOR_MIN} to ${MAJOR_MAX}`];
  }
  const minorMin = MINOR_MIN[major] ?? 0;
  return minor < minorMin ? [`it is PostgreSQL ${version}: use ${major}.${minorMin} or newer`] : [];
}

/**
 * How far the clock of the server is ahead of ours, in milliseconds, less what the round trip leaves open; 0 when they
 * agree as far as can be told.
 */
export async function clockSkewMs(
  session: Session,
  now: () => number = () => Date.now(),
): Promise<number> {
  const beforeMs = now();
  const { rows } = await session.transact((tx) =>
    sql<{ now: Timestamp }>`select clock_timestamp() as now`.execute(tx),
  );
  const afterMs = now();
  const theirsMs = epochMsOf(rows[0]!.now);
  if (theirsMs < beforeMs) return theirsMs - beforeMs;
  return theirsMs > afterMs ? theirsMs - afterMs : 0;
}
