import { expect, it } from 'vitest';
import { createPause } from '../../src/actors/pause.ts';

it('lets a timer that is due fire, when there was no pause for a while', async () => {
  let fired = false;
  setTimeout(() => {
    fired = true;
  }, 0);
  const pause = createPause();
  // A chain of promises alone would never end here: no timer fires within one.
  while (!fired) await pause();
  expect(fired).toBe(true);
});

it('takes none right after it began', () => {
  expect(createPause()()).toBeUndefined();
});
