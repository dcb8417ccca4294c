/** The way through an OpenID provider, in a browser: another site, two redirects, and a cookie that does not cross. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OidcProvider } from '../../src/admin/oidc.ts';
import { openReview } from '../support/reviews.ts';
import { openProvider, type TestProvider } from '../support/oidc.ts';
import { type BrowserDesk, openBrowserDesk } from './desk.ts';

let provider: TestProvider;
let desk: BrowserDesk;
const redirectUrls: string[] = [];
/** Known once the console listens. */
let client: OidcProvider;

beforeAll(async () => {
  desk = await openBrowserDesk({
    provider: {
      start: (attempt, isAgain) => client.start(attempt, isAgain),
      finish: (attempt, query) => client.finish(attempt, query),
    },
  });
  redirectUrls.push(`${desk.origin}/console/sign-in/return`);
  provider = await openProvider(redirectUrls);
  provider.setClaims('cora-1', { preferred_username: 'cora', groups: ['compliance'] });
  client = provider.client(redirectUrls[0]!);
});
afterAll(async () => {
  await desk.close();
  await provider.close();
});

it('a person signs in at the provider, and comes to where they wanted to go', async () => {
  const review = await openReview(desk.decision, desk.facts, { level: 'HIGH' });
  const { page } = await desk.open();
  await page.goto(`/console/reviews/${review.reviewId}`);
  await page.getByRole('link', { name: 'Sign in with your organisation' }).click();
  await page.waitForURL(`${provider.issuer}/interaction/**`);
  await page.locator('input[name="login"]').fill('cora-1');
  await page.locator('input[name="password"]').fill('any');
  await page.locator('button[type="submit"]').click();
  await page.waitForURL(`${desk.origin}/console/reviews/${review.reviewId}`);
  await page.getByRole('heading', { name: 'Decision' }).waitFor();
  expect(await page.locator('main').innerText()).toContain('You are cora, Compliance Officer.');
  // They proved who they are a moment ago.
  expect(await page.getByLabel('Your password or token, once more').count()).toBe(0);
});
