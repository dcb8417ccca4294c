import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMailbox } from '../../src/actors/mailbox.ts';

/** A `receive` that answers each message with its double, one batch at each `release`. */
function stepped() {
  const batches: number[][] = [];
  let open: (() => void) | undefined;
  const receive = async (messages: readonly number[]) => {
    batches.push([...messages]);
    await new Promise<void>((resolve) => (open = resolve));
    return messages.map((message) => message * 2);
  };
  const release = async () => {
    open?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { batches, receive, release };
}

const limits = { deliveriesMax: 4, messagesMax: 6 };

it('takes a single message at once and gathers what arrives meanwhile', async () => {
  const { batches, receive, release } = stepped();
  const mailbox = createMailbox(receive, limits);
  const first = mailbox.put([1]);
  const later = [mailbox.put([2]), mailbox.put([3, 4])];
  expect(batches).toEqual([[1]]);
  await release();
  expect(batches).toEqual([[1], [2, 3, 4]]);
  await release();
  expect(await first).toEqual([2]);
  expect(await Promise.all(later)).toEqual([[4], [6, 8]]);
});

it('cuts batches by messages and by deliveries, and never splits a delivery', async () => {
  const { batches, receive, release } = stepped();
  const mailbox = createMailbox(receive, limits);
  const all = [
    [0],
    [1, 2, 3, 4],
    [5, 6, 7],
    [8],
    [9],
    [10],
    [11],
    [12, 13, 14, 15, 16, 17, 18],
  ].map((delivery) => mailbox.put(delivery));
  for (let step = 0; step < 6; step += 1) await release();
  await Promise.all(all);
  expect(batches).toEqual([
    [0],
    [1, 2, 3, 4],
    [5, 6, 7, 8, 9, 10],
    [11],
    [12, 13, 14, 15, 16, 17, 18],
  ]);
});

it('runs a delivery alone when asked', async () => {
  const { batches, receive, release } = stepped();
  const mailbox = createMailbox(receive, limits);
  const all = [
    mailbox.put([1]),
    mailbox.put([2]),
    mailbox.put([3], { alone: true }),
    mailbox.put([4]),
  ];
  for (let step = 0; step < 4; step += 1) await release();
  await Promise.all(all);
  expect(batches).toEqual([[1], [2], [3], [4]]);
});

it('rejects every delivery of a failed batch and goes on with the next', async () => {
  let calls = 0;
  const mailbox = createMailbox<number, number>(async (messages) => {
    calls += 1;
    await Promise.resolve();
    if (messages.includes(13)) throw new Error('unlucky');
    return messages;
  }, limits);
  const fine = mailbox.put([1]);
  const unlucky = [mailbox.put([13]), mailbox.put([14])];
  expect(await fine).toEqual([1]);
  for (const put of unlucky) await expect(put).rejects.toThrow('unlucky');
  expect(await mailbox.put([15])).toEqual([15]);
  expect(calls).toBe(3);
});

it('is drained when nothing waits and nothing runs', async () => {
  const { receive, release } = stepped();
  const mailbox = createMailbox(receive, limits);
  await mailbox.drained();
  const put = mailbox.put([1]);
  let drained = false;
  const draining = mailbox.drained().then(() => (drained = true));
  await Promise.resolve();
  expect(drained).toBe(false);
  await release();
  await draining;
  expect(await put).toEqual([2]);
});

it('answers every message once, in order, whatever the deliveries', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.nat(), { minLength: 1, maxLength: 9 })),
      async (deliveries) => {
        const sizes: number[] = [];
        const mailbox = createMailbox<number, number>(async (messages) => {
          sizes.push(messages.length);
          await Promise.resolve();
          return messages.map((message) => message + 1);
        }, limits);
        const answers = await Promise.all(deliveries.map((delivery) => mailbox.put(delivery)));
        expect(answers).toEqual(
          deliveries.map((delivery) => delivery.map((message) => message + 1)),
        );
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(deliveries.flat().length);
      },
    ),
  );
});
