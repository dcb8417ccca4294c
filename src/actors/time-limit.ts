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
