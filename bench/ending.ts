/**
 * What has to be ended, whatever happens: servers, processes, directories. Ended in reverse order of their start, also
 * on Ctrl-C, and once: Ctrl-C under npm arrives twice, from the terminal and from npm.
 */
export interface Ending {
  /** Registers what ends a thing that was started; returns a function that ends it now, once. */
  add(end: () => Promise<void>): () => Promise<void>;
  /** Ends everything that is still registered, one after the other; further calls wait for the first. */
  all(): Promise<void>;
}

const EXIT_FAILED = 1;
const EXIT_INTERRUPTED = 130;

export function createEnding(): Ending {
  const open = new Set<() => Promise<void>>();
  let ended: Promise<void> | undefined;
  const endAll = async () => {
    for (const end of [...open].toReversed()) {
      // The rest must be ended too; what could not be ended says so and does not stop that.
      await end().catch((error: unknown) => console.error(error));
    }
  };
  return {
    add(end) {
      const once = async () => {
        if (open.delete(once)) await end();
      };
      open.add(once);
      return once;
    },
    all: () => (ended ??= endAll()),
  };
}

/**
 * Ends everything, and then the process, at Ctrl-C or SIGTERM and at an error that nobody awaits. What breaks because
 * it is being ended is of no interest any more.
 */
export function endOnSignals(ending: Ending): void {
  let isEnding = false;
  const end = (exitCode: number) => {
    isEnding = true;
    void ending.all().finally(() => process.exit(exitCode));
  };
  process.on('SIGINT', () => end(EXIT_INTERRUPTED));
  process.on('SIGTERM', () => end(EXIT_INTERRUPTED));
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      if (isEnding) return;
      console.error(error);
      end(EXIT_FAILED);
    });
  }
}
