/** Whether everything that this installation needs is there, and nothing in it is behind. */
import { laggingHops, READY_GAP_MS_MAX } from '../domain/gap.ts';
import type { Broker } from '../queues/broker.ts';
import type { Session } from '../stores/database.ts';
import { openGapStore } from '../stores/gaps.ts';
import { errorClassOf } from './fault.ts';
import { type GapWatch, LOOK_INTERVAL_MS } from './gap-watch.ts';
import { within } from './time-limit.ts';

export interface ReadinessOptions {
  /** Sessions of the audit role. */
  readonly database: Session;
  readonly broker: Pick<Broker, 'ping'>;
  readonly gaps: Pick<GapWatch, 'latest'>;
  /** False once an actor of this process has stopped itself. */
  readonly isWorking?: (() => boolean) | undefined;
  /** Never runs backwards. */
  readonly monotonicMs?: () => number;
}

export const dependencies = ['postgres', 'queue_store', 'ledger', 'gaps', 'actors'] as const;
export type Dependency = (typeof dependencies)[number];

/** What is wrong with each; null when nothing is. */
export type Readiness = Readonly<Record<Dependency, string | null>>;

/** Two checks cannot take longer than the second within which whoever asks wants an answer. */
const ANSWER_MS_MAX = 800;
/** However often it is asked, the stores are asked once in this time. */
const REMEMBERED_MS = 1_000;
/** A watch that has missed several of its turns cannot look. */
const LOOK_AGE_MS_MAX = 4 * LOOK_INTERVAL_MS;

/** Resolves within a second, whatever does not answer. */
export function createReadiness({
  database,
  broker,
  gaps,
  isWorking = () => true,
  monotonicMs = () => performance.now(),
}: ReadinessOptions): () => Promise<Readiness> {
  let remembered: { readonly readiness: Promise<Readiness>; readonly untilMs: number } | undefined;

  async function look(): Promise<Readiness> {
    const [queueStore, [postgres, ledger]] = await Promise.all([
      reasonOf(async () => {
        await broker.ping();
        return null;
      }),
      lookAtPostgres(database),
    ]);
    return {
      postgres,
      queue_store: queueStore,
      ledger,
      gaps: reasonOfGaps(gaps.latest()),
      actors: isWorking() ? null : 'an actor has stopped itself: its log says why',
    };
  }

  return () => {
    const nowMs = monotonicMs();
    if (remembered === undefined || nowMs >= remembered.untilMs) {
      remembered = { readiness: look(), untilMs: nowMs + REMEMBERED_MS };
    }
    return remembered.readiness;
  };
}

async function reasonOf(look: () => Promise<string | null>): Promise<string | null> {
  try {
    return await within(ANSWER_MS_MAX, look());
  } catch (error) {
    return `does not answer: ${errorClassOf(error)}`;
  }
}

async function lookAtPostgres(database: Session): Promise<[string | null, string | null]> {
  let ledger: string | null = 'is not known while PostgreSQL does not answer';
  const postgres = await reasonOf(async () => {
    const { healthy, halt } = await database.transact(async (tx) => ({
      healthy: await openGapStore(tx).isLedgerHealthy(),
      halt: await openGapStore(tx).ledgerHalt(),
    }));
    if (halt !== undefined) ledger = `is halted, and nothing is executed: ${halt}`;
    else if (healthy) ledger = null;
    else ledger = 'cannot be appended to: no worker of the ledger has said so for 5 s';
    return null;
  });
  return [postgres, ledger];
}

function reasonOfGaps(latest: ReturnType<GapWatch['latest']>): string | null {
  if (latest === undefined) return 'have not been looked for yet';
  if (latest.ageMs > LOOK_AGE_MS_MAX) {
    return `were last looked for ${Math.round(latest.ageMs / 1_000)} s ago`;
  }
  const lagging = laggingHops(latest.found).map(
    ({ hop, open, oldestMs }) => `${hop} (${open}, ${Math.round((oldestMs ?? 0) / 1_000)} s)`,
  );
  return lagging.length === 0
    ? null
    : `are older than ${READY_GAP_MS_MAX / 1_000} s: ${lagging.join(', ')}`;
}
