/**
 * Natural batching: what arrives while one batch is under way is the next batch. No timer, so a single message waits for
 * nobody, and under load batches grow by themselves up to the cap. One batch at a time, in the order of arrival.
 */

export interface MailboxLimits {
  /** Deliveries in one batch. */
  readonly deliveriesMax: number;
  /** Messages in one batch. One delivery is never split, so a larger one makes a batch of its own. */
  readonly messagesMax: number;
}

export interface Mailbox<Message, Result> {
  /** Resolves with one result per message, in order; rejects when the batch that held them failed as a whole. */
  put(messages: readonly Message[], options?: { alone?: boolean }): Promise<readonly Result[]>;
  /** Resolves when nothing is waiting and nothing is under way. */
  drained(): Promise<void>;
}

interface Delivery<Message, Result> {
  readonly messages: readonly Message[];
  readonly alone: boolean;
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (error: unknown) => void;
}

/** `receive` answers a batch with one result per message, in order. */
export function createMailbox<Message, Result>(
  receive: (messages: readonly Message[]) => Promise<readonly Result[]>,
  limits: MailboxLimits,
): Mailbox<Message, Result> {
  const waiting: Delivery<Message, Result>[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (waiting.length > 0) await deliver(takeBatch(waiting, limits));
    running = undefined;
  }

  async function deliver(batch: readonly Delivery<Message, Result>[]): Promise<void> {
    try {
      const results = await receive(batch.flatMap((delivery) => delivery.messages));
      let start = 0;
      for (const { messages, resolve } of batch) {
        resolve(results.slice(start, start + messages.length));
        start += messages.length;
      }
    } catch (error) {
      for (const delivery of batch) delivery.reject(error);
    }
  }

  return {
    put(messages, { alone = false } = {}) {
      return new Promise((resolve, reject) => {
        waiting.push({ messages, alone, resolve, reject });
        running ??= run();
      });
    },
    drained: () => running ?? Promise.resolve(),
  };
}

function takeBatch<Message, Result>(
  waiting: Delivery<Message, Result>[],
  { deliveriesMax, messagesMax }: MailboxLimits,
): Delivery<Message, Result>[] {
  let deliveries = 0;
  let messages = 0;
  for (const delivery of waiting) {
    const fits = deliveries < deliveriesMax && messages + delivery.messages.length <= messagesMax;
    if (deliveries > 0 && (!fits || delivery.alone)) break;
    deliveries += 1;
    messages += delivery.messages.length;
    if (delivery.alone) break;
  }
  return waiting.splice(0, deliveries);
}
