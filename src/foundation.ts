/**
 * What everything else stands on: sessions with PostgreSQL, under the role of each domain, and the queue store. Opened by
 * the settings, refused where it would lose what it has acknowledged, and closed by whoever opened it.
 */
import { createGapWatch, type GapWatch } from './actors/gap-watch.ts';
import type { Config } from './config.ts';
import type { Principal } from './domain/domains.ts';
import type { Log } from './domain/log.ts';
import { startEmbeddedPostgres } from './embedded/postgres.ts';
import { findEmbeddedPostgres } from './embedded/running.ts';
import {
  type Broker,
  connectPostgres,
  connectRedis,
  migrateQueueStore,
  QUEUE_SCHEMA,
} from './queues/broker.ts';
import { queueNames } from './queues/pipeline.ts';
import {
  type Database,
  openDatabase,
  openQueuePool,
  QUEUE_ROLE,
  withMigratorClient,
} from './stores/database.ts';
import {
  queueUnfitnessOf,
  readSettings,
  type ServerSettings,
  SETTINGS_QUERY,
  unfitnessOf,
} from './stores/fitness.ts';
import { migrate, pendingMigrations } from './stores/migrate.ts';

/** What actors and the HTTP server are made from. */
export interface Foundation {
  readonly config: Config;
  readonly sessions: Sessions;
  readonly broker: Broker;
  readonly log: Log;
}

/** Each worker keeps one connection for its wake-ups; the rest is for what they do. */
const QUEUE_POOL_CONNECTIONS_MAX = queueNames.length + 10;

// Postgres

export interface Sessions {
  /** The pool of a domain, opened at its first use. */
  of(domain: Principal): Database;
  /** Where the schema is migrated and whom BullMQ's Postgres backend uses. */
  readonly url: string;
  /** True when this process started the embedded PostgreSQL: no daemon uses it, so this one may migrate it by itself. */
  readonly isStartedHere: boolean;
  /** One more session, beside the pool, for what keeps it for long; whoever asks for it closes it. */
  single(domain: Principal): Database;
  /** Shared by all parts of this process; looks by itself once it is started. */
  readonly gaps: GapWatch;
  close(): Promise<void>;
}

/**
 * Sessions with the configured PostgreSQL, or with the embedded one: started for this process, or found running under a
 * daemon when `beside` one is allowed.
 */
export async function openSessions(
  config: Config,
  log: Log,
  { beside }: { readonly beside: boolean },
): Promise<Sessions> {
  const server = await openServer(config, beside);
  const onConnectionError = (error: Error) =>
    log.warn({ error: error.message }, 'postgres: connection error');
  const databases = new Map<Principal, Database>();
  const open = (domain: Principal, connectionsMax: number) => {
    const ownUrl = config.domainDatabaseUrls[domain];
    const url = ownUrl ?? server.url;
    const assumeRole = ownUrl === undefined;
    return openDatabase({ url, domain, assumeRole, connectionsMax, onConnectionError });
  };
  const of = (domain: Principal) => {
    const database = databases.get(domain) ?? open(domain, config.poolConnectionsMax);
    databases.set(domain, database);
    return database;
  };
  const gaps = createGapWatch({ database: of('audit'), log });
  return {
    url: server.url,
    isStartedHere: server.isStartedHere,
    of,
    single: (domain) => open(domain, 1),
    gaps,
    async close() {
      await gaps.stop();
      await Promise.all([...databases.values()].map((database) => database.close()));
      await server.stop();
    },
  };
}

async function openServer(
  config: Config,
  beside: boolean,
): Promise<{ url: string; isStartedHere: boolean; stop(): Promise<void> }> {
  const nothing = () => Promise.resolve();
  if (config.databaseUrl !== undefined) {
    return { url: config.databaseUrl, isStartedHere: false, stop: nothing };
  }
  const running = beside ? await findEmbeddedPostgres(config.dataDirectory) : undefined;
  if (running !== undefined) return { url: running, isStartedHere: false, stop: nothing };
  const started = await startEmbeddedPostgres({ directory: config.dataDirectory });
  return { url: started.url, isStartedHere: true, stop: () => started.stop() };
}

/** Brings the schema and, where Postgres carries them, the queue tables to this release. Returns the files that ran. */
export async function migrateAll(
  config: Config,
  sessions: Sessions,
  onApplied: (message: string) => void = () => undefined,
): Promise<readonly string[]> {
  const { applied } = await migrate(sessions.url, {
    ledgerOrigin: config.ledgerOrigin,
    log: onApplied,
  });
  await withMigratorClient(sessions.url, (client) => migrateQueueStore(client, QUEUE_ROLE));
  return applied;
}

/** A database whose schema is not the one of this release. */
export class UnfitDatabase extends Error {
  override readonly name = 'UnfitDatabase';
}

/** A process works only on the schema that it was built for. @throws UnfitDatabase that says how to get there. */
export async function refuseOldSchema(sessions: Sessions): Promise<void> {
  const pending = await pendingMigrations(sessions.url);
  if (pending.length === 0) return;
  throw new UnfitDatabase(
    `The database lacks ${pending.length} migrations (${pending[0]} first): run "sentinelops migrate".`,
  );
}

/** A process works only on a server that keeps what it has acknowledged. @throws UnfitDatabase that says what to set. */
export async function refuseUnfitServer(
  sessions: Sessions,
  principals: readonly Principal[],
  log: Log,
): Promise<void> {
  for (const principal of new Set(principals)) {
    const settings = await readSettings(sessions.of(principal));
    refuseFaults(`PostgreSQL, as ${principal} sees it,`, unfitnessOf(settings));
    if (settings.dataChecksums !== 'on') {
      log.warn({ principal }, 'PostgreSQL keeps no data checksums: a damaged page goes unnoticed');
    }
  }
}

function refuseFaults(whose: string, faults: readonly string[]): void {
  if (faults.length > 0) throw new UnfitDatabase(`${whose} cannot be used: ${faults.join('; ')}.`);
}

// Queue store

export async function openBroker(config: Config, sessions: Sessions, log: Log): Promise<Broker> {
  if (config.redisUrl !== undefined) return connectRedis(config.redisUrl, log);
  const pool = openQueuePool({
    url: sessions.url,
    assumeRole: true,
    schema: QUEUE_SCHEMA,
    connectionsMax: QUEUE_POOL_CONNECTIONS_MAX,
    onConnectionError: (error) =>
      log.warn({ error: error.message }, 'queue store: connection error'),
  });
  try {
    const broker = await connectPostgres(pool, log);
    await refuseUnfitQueueServer(pool, log);
    return {
      ...broker,
      async close() {
        await broker.close();
        await pool.end();
      },
    };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

async function refuseUnfitQueueServer(
  pool: ReturnType<typeof openQueuePool>,
  log: Log,
): Promise<void> {
  const { rows } = await pool.query<ServerSettings>(SETTINGS_QUERY);
  const { faults, warnings } = queueUnfitnessOf(rows[0]!);
  refuseFaults('PostgreSQL, as the queues see it,', faults);
  for (const warning of warnings) {
    log.warn(
      { warning },
      'the queues may lose jobs: an event that is only in the ingest queue with them',
    );
  }
}
