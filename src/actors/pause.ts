/**
 * Lets timers and sockets have their turn. Evaluating rules is one long chain of promises and nothing else gets a turn
 * within one; without a pause between events a large batch would hold up the renewal of its own jobs' locks.
 */

/** Far below the time in which a lock must be renewed, far above what a turn of the event loop costs. */
const WITHOUT_PAUSE_MS = 5;

/** To be awaited between events: takes a pause when there was none for a while. */
export function createPause(): () => Promise<void> | undefined {
  let lastMs = performance.now();
  return () => {
    if (performance.now() - lastMs < WITHOUT_PAUSE_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        lastMs = performance.now();
        resolve();
      });
    });
  };
}
