/** What the store must be told or shown before it may carry our queues; says what to set. */
export class UnfitQueueStore extends Error {
  override readonly name = 'UnfitQueueStore';
}
