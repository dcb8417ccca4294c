/** Something that looks again and again, on its own, until it is stopped. */

/** Both may be called twice, and `stop` before `start`. */
export interface Watch {
  /** Runs at once and then again and again. */
  start(): void;
  /** Resolves when nothing of it is under way any more. */
  stop(): Promise<void>;
}

/** Runs `look`, which never rejects, at once and then `intervalMs` after it last ended: never two at a time. */
export function createWatch(intervalMs: number, look: () => Promise<void>): Watch {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> | undefined;
  const run = () => {
    underWay = look().then(() => {
      underWay = undefined;
      if (!stopped) timer = setTimeout(run, intervalMs);
    });
  };
  return {
    start() {
      if (!stopped && timer === undefined && underWay === undefined) run();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await underWay;
    },
  };
}
