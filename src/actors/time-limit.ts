/** For handing on what is on record already: a queue store that hangs must not hold the answers. */
export const HAND_ON_MS_MAX = 1_000;

/** Settles as `work` does, or rejects when that takes longer. The work itself is not stopped by it. */
export async function within<T>(msMax: number, work: Promise<T>): Promise<T> {
  const timeUp = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeUp.reject(new Error(`no answer within ${msMax} ms`)), msMax);
  try {
    return await Promise.race([work, timeUp.promise]);
  } finally {
    clearTimeout(timer);
  }
}
