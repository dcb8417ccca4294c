import { expect, it } from 'vitest';
import { letOthersRun } from '../../src/actors/pause.ts';

it('lets a timer that is due fire', async () => {
  let fired = false;
  setTimeout(() => {
    fired = true;
  }, 0);
  // A chain of promises alone would never end here: no timer fires within one.
  while (!fired) await letOthersRun();
  expect(fired).toBe(true);
});
