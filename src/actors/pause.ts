/**
 * Lets timers and sockets have their turn. Evaluating rules is one long chain of promises and nothing else gets a turn
 * within one; without a pause between events a large batch would hold up the renewal of its own jobs' locks.
 */
export function letOthersRun(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
