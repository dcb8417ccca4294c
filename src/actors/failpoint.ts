/**
 * Failpoints: named places at which a test may end, pause, delay or fail this process, exactly there. Whoever reaches one
 * waits for it; where none is armed there is nothing to wait for. They are armed by SENTINELOPS_FAILPOINTS and by nothing
 * else, and never outside of SENTINELOPS_MODE=test (config.ts).
 *
 *     risk.after_commit:crash:3; intake.enqueued:delay=500
 *
 * crash     ends the process at once, as kill -9 does
 * pause     stops it, as SIGSTOP does; whoever stopped it lets it go on
 * error     fails as a lost connection does
 * delay=ms  waits
 *
 * Each acts once: at the first time that it is reached, or at the one whose number stands at the end.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** In the order in which a batch reaches them. */
const actorPoints = [
  /** Before BEGIN. */
  'claimed',
  'upstream_read',
  'before_commit',
  /** COMMIT has left and its reply is not read: the outcome is unknown. */
  'commit_sent',
  /** Before anything is handed on. */
  'after_commit',
  /** One queue has taken its job, the others may have. */
  'mid_handoff',
  /** Before any job completes. */
  'handed_off',
  /** A job has completed; others of its batch may not have. */
  'mid_complete',
] as const;

export const failpoints = {
  ingest: actorPoints,
  risk: actorPoints,
  advisory: actorPoints,
  'awaiting-decision': actorPoints,
  execution: actorPoints,
  ledger: [...actorPoints, 'head_locked', 'hashed'],
  intake: ['received', 'before_commit', 'commit_sent', 'after_commit', 'enqueued', 'replied'],
  decision: [
    'approval_before_commit',
    'approval_committed',
    'finalise_before_commit',
    'finalise_commit_sent',
    'finalise_committed',
  ],
  dispatcher: ['attempt_committed', 'request_sent', 'reply_read', 'outcome_committed'],
  reconciler: ['scanned', 'mid_resend', 'resent'],
  notifier: ['noted', 'composed', 'claimed', 'sent'],
  signer: ['checkpoint_signed', 'state_kept'],
  policy: ['activate_before_commit', 'activated'],
} as const;

export type FailpointPlace = keyof typeof failpoints;
export type PointOf<Place extends FailpointPlace> = (typeof failpoints)[Place][number];
/** Waited for wherever one of these points is reached. */
export type Failpoint<Point extends string> = (point: Point) => Promise<void>;
export type ActorPoint = (typeof actorPoints)[number];

export const failpointNames: readonly string[] = Object.entries(failpoints).flatMap(
  ([place, points]) => points.map((point) => `${place}.${point}`),
);

export interface Failpoints {
  /** The armed points of a place; undefined where none is armed, so that there it costs nothing. */
  at<Place extends FailpointPlace>(place: Place): Failpoint<PointOf<Place>> | undefined;
}

type Action = 'crash' | 'pause' | 'error' | { readonly delayMs: number };

interface Armed {
  readonly name: string;
  readonly action: Action;
  /** How often it is still reached before it acts; 0 once it has acted. */
  left: number;
}

/** @throws Error that names what cannot be read, and every name there is. */
export function armFailpoints(text = ''): Failpoints {
  const armed = text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(readArmed);
  return {
    at: (place) => {
      const here = armed.filter(({ name }) => name.startsWith(`${place}.`));
      if (here.length === 0) return undefined;
      return (point) => reach(here.filter(({ name }) => name === `${place}.${point}`));
    },
  };
}

const ARMED = /^([a-z.-]+[a-z_]+):(crash|pause|error|delay=\d{1,6})(?::([1-9]\d{0,6}))?$/;

function readArmed(text: string): Armed {
  const [, name, action, nth = '1'] = ARMED.exec(text) ?? [];
  if (name === undefined || action === undefined) {
    throw new Error(
      `The failpoint "${text}" is none: write name:crash, :pause, :error or :delay=<ms>, and perhaps :<nth>.`,
    );
  }
  if (!failpointNames.includes(name)) {
    throw new Error(`There is no failpoint ${name}. There are ${failpointNames.join(', ')}.`);
  }
  return { name, action: actionOf(action), left: Number(nth) };
}

function actionOf(text: string): Action {
  if (text === 'crash' || text === 'pause' || text === 'error') return text;
  return { delayMs: Number(text.slice('delay='.length)) };
}

async function reach(points: readonly Armed[]): Promise<void> {
  for (const point of points) {
    if (point.left === 0) continue;
    point.left -= 1;
    if (point.left === 0) await act(point);
  }
}

async function act({ name, action }: Armed): Promise<void> {
  switch (action) {
    case 'crash':
      process.kill(process.pid, 'SIGKILL');
      // Nothing may happen between the signal and the end.
      return new Promise(() => undefined);
    case 'pause':
      process.kill(process.pid, 'SIGSTOP');
      return undefined;
    case 'error':
      // SQLSTATE of a lost connection: transient, like everything that can happen between two lines of ours.
      throw Object.assign(new Error(`failpoint ${name}`), { code: '08006' });
    default:
      await sleep(action.delayMs);
  }
}
