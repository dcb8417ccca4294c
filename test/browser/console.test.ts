import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { openReview, type ReviewToDecide } from '../support/reviews.ts';
import { type BrowserDesk, openBrowserDesk, richReview } from './desk.ts';

const PASSWORD = 'five plain words are enough';

let desk: BrowserDesk;
beforeAll(async () => {
  desk = await openBrowserDesk();
  for (const [name, role] of [
    ['ada', 'Administrator'],
    ['sue', 'Senior Authority'],
    ['cora', 'Compliance Officer'],
  ] as const) {
    await desk.addPerson(name, role);
    await desk.commands.setPassword(name, PASSWORD);
  }
});
afterAll(() => desk.close());

const rich = (policy: string) =>
  openReview(desk.decision, desk.facts, { ...richReview, policies: [policy] });

async function signIn(page: Page, name: string): Promise<void> {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** A window in which that person is signed in. */
const windowOf = async (name: string, look = {}) => desk.open(look, await desk.signedIn(name));

async function stateOf({ reviewId }: ReviewToDecide): Promise<string> {
  const { rows } = await desk.client.query<{ state: string }>(
    'select decision_type as state from decision.decision where review_id = $1 order by round desc limit 1',
    [reviewId],
  );
  return rows[0]!.state;
}

/** What the page says in its main part, white space folded. */
const said = async (page: Page): Promise<string> =>
  (await page.locator('main').innerText()).replaceAll(/\s+/g, ' ');

describe('a reviewer', () => {
  it('signs in, finds a review, reads it and approves it with a second person', async () => {
    const review = await rich('found');
    const first = await desk.open();
    await first.page.goto('/console/reviews/' + review.reviewId);
    expect(new URL(first.page.url()).pathname).toBe('/console/sign-in');
    await signIn(first.page, 'ada');
    // Where the person wanted to go, before they were asked who they are.
    expect(new URL(first.page.url()).pathname).toBe(`/console/reviews/${review.reviewId}`);

    await first.page
      .getByRole('link', { name: /^Inbox/ })
      .first()
      .click();
    await first.page.getByLabel('Policy').selectOption('found');
    await first.page.getByRole('button', { name: 'Filter' }).click();
    expect(first.page.url()).toContain('policy=found');
    await first.page.getByRole('link', { name: 'A policy' }).click();

    const read = await said(first.page);
    for (const part of [
      'octo-org/octo-repo',
      'Alternative 1: all of these hold',
      'is a number, not a string',
      'A repository became public +30 held',
      'It takes 2 people of at least 2 different roles; 0 of 2 agreed.',
      'With your approval it still waits for others.',
    ]) {
      expect(read).toContain(part);
    }
    await first.page.getByRole('radio', { name: 'To restore' }).check();
    await first.page.getByLabel('Justification').fill('The evidence holds.');
    await first.page.getByRole('button', { name: 'Approve' }).click();
    expect(await said(first.page)).toContain('1 of 2 agreed');
    expect(await first.page.getByRole('button', { name: 'Approve' }).isDisabled()).toBe(true);
    expect(await stateOf(review)).toBe('pending');

    const second = await desk.open();
    await second.page.goto(`/console/reviews/${review.reviewId}`);
    await signIn(second.page, 'sue');
    expect(await said(second.page)).toContain('ada, Administrator, approved restore');
    expect(await said(second.page)).toContain('Yours is the last approval that is needed');
    // The option of the first is chosen already, and the only one that can be.
    expect(await second.page.getByRole('radio', { name: 'To restore' }).isChecked()).toBe(true);
    expect(await second.page.getByRole('radio', { name: 'To ignore' }).isDisabled()).toBe(true);
    await second.page.getByRole('button', { name: 'Approve' }).click();
    expect(await said(second.page)).toContain('This is final and cannot be changed.');
    expect(await stateOf(review)).toBe('approved');

    await second.page.getByRole('link', { name: 'What came of it' }).click();
    expect(await said(second.page)).toMatch(
      /Received.*Weighed MEDIUM.*Advisory.*ada: approve restore.*Decided approved/,
    );
    await second.page.getByRole('button', { name: 'Sign out' }).click();
    await second.page.goto('/console');
    expect(new URL(second.page.url()).pathname).toBe('/console/sign-in');
    expect([...first.faults, ...second.faults]).toEqual([]);
  });

  it('is told why not, and loses nothing that was written', async () => {
    const { page, faults } = await windowOf('ada');
    const review = await rich('refused');
    await page.goto(`/console/reviews/${review.reviewId}`);
    expect(await page.getByRole('button', { name: 'Override' }).isDisabled()).toBe(true);
    expect(await said(page)).toContain(
      'an override takes a Compliance Officer or Governance Board',
    );
    await page.getByRole('button', { name: 'Reject' }).click();
    expect(await page.getByRole('alert').innerText()).toContain('Justification required');
    await page.getByLabel('Justification').fill('Written with care.');
    await page.getByRole('button', { name: 'Approve' }).click();
    expect(await page.getByRole('alert').innerText()).toContain('Choose what is to be done.');
    expect(await page.getByLabel('Justification').inputValue()).toBe('Written with care.');
    expect(await stateOf(review)).toBe('pending');
    expect(faults).toEqual([]);
  });

  it('who wrote the policy decides nothing under it', async () => {
    const { page } = await windowOf('policy.author');
    await page.goto(`/console/reviews/${(await rich('own')).reviewId}`);
    for (const name of ['Approve', 'Reject', 'Override', 'Escalate']) {
      expect(await page.getByRole('button', { name }).isDisabled()).toBe(true);
    }
    expect(await said(page)).toContain('you wrote the policy that this review is about');
  });

  it('who comes too late is told what happened meanwhile', async () => {
    const review = await rich('late');
    const late = await windowOf('sue');
    await late.page.goto(`/console/reviews/${review.reviewId}`);
    const first = await windowOf('ada');
    await first.page.goto(`/console/reviews/${review.reviewId}`);
    await first.page.getByLabel('Justification').fill('It is a test system.');
    await first.page.getByRole('button', { name: 'Reject' }).click();

    await late.page.getByRole('radio', { name: 'To restore' }).check();
    const answer = late.page.waitForResponse(/decisions$/);
    await late.page.getByRole('button', { name: 'Approve' }).click();
    expect((await answer).status()).toBe(409);
    const told = (await late.page.getByRole('alert').innerText()).replaceAll(/\s+/g, ' ');
    expect(told).toContain('Already decided');
    expect(told).toContain('Since you opened it ada, Administrator, rejected it');
    expect(told).toContain('It is a test system.');
  });

  it('cannot decide while the ledger does not answer, and reads why', async () => {
    const review = await rich('outage');
    const { page } = await windowOf('ada');
    await desk.facts.ledgerBeat(60);
    try {
      await page.goto(`/console/reviews/${review.reviewId}`);
      expect(await page.getByRole('alert').innerText()).toContain(
        'Nothing can be decided until it does',
      );
      expect(await page.getByRole('button', { name: 'Approve' }).isDisabled()).toBe(true);
    } finally {
      await desk.facts.ledgerBeat(-3_600);
    }
    await page.reload();
    expect(await page.getByRole('button', { name: 'Approve' }).isEnabled()).toBe(true);
  });
});

describe('with the keyboard alone', () => {
  it('a reviewer signs in, walks through the inbox, and decides', async () => {
    const { page, faults } = await desk.open();
    const review = await openReview(desk.decision, desk.facts, {
      ...richReview,
      level: 'LOW',
      policies: ['keys'],
    });
    await openReview(desk.decision, desk.facts, { level: 'LOW', policies: ['keys'] });
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    const focused = page.locator(':focus');

    await page.goto('/console/sign-in?next=/console%3Fpolicy=keys');
    await page.getByLabel('Name').focus();
    await page.keyboard.type('ada');
    await press('Tab');
    await page.keyboard.type(PASSWORD);
    await Promise.all([page.waitForURL(/console\?policy=keys/), press('Enter')]);

    await press('j');
    const first = `/console/reviews/${review.reviewId}`;
    expect(await focused.getAttribute('href')).toBe(first);
    await press('j', 'j', 'k');
    expect(await focused.getAttribute('href')).toBe(first);
    await press('?');
    expect(await page.getByRole('dialog', { name: 'Keyboard' }).isVisible()).toBe(true);
    await press('j', 'Escape');
    expect(await page.getByRole('dialog', { name: 'Keyboard' }).isHidden()).toBe(true);
    await page.locator(`a[href="${first}"]`).focus();
    await Promise.all([page.waitForURL(/reviews/), press('Enter')]);

    await page.getByRole('radio', { name: 'To restore' }).focus();
    await press('Space', 'Enter');
    // What is permanent is never done by Enter in a field.
    await page.getByText('Nothing was pressed').waitFor();
    expect(await stateOf(review)).toBe('pending');
    expect(await page.getByRole('radio', { name: 'To restore' }).isChecked()).toBe(true);
    await page.getByLabel('Justification').focus();
    await page.keyboard.type('just so? j k u');
    expect(await page.getByLabel('Justification').inputValue()).toBe('just so? j k u');
    await press('Tab');
    expect(await focused.innerText()).toBe('Approve');
    await Promise.all([page.waitForURL(/#decision/), press('Enter')]);
    expect(await stateOf(review)).toBe('approved');
    await Promise.all([page.waitForURL(/\/console$/), press('u')]);
    expect(faults).toEqual([]);
  });

  it('the single keys can be switched off', async () => {
    await rich('switched');
    const { page } = await windowOf('ada');
    await page.goto('/console?policy=switched');
    await page.getByRole('button', { name: 'Keyboard' }).click();
    await page.getByLabel('Use these keys in this browser').uncheck();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.reload();
    await page.keyboard.press('j');
    expect(await page.locator('a:focus').count()).toBe(0);
  });

  it('the first Tab leads past the frame', async () => {
    const { page } = await windowOf('ada');
    await page.goto('/console');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.locator('main:focus').count()).toBe(1);
  });
});

describe('without JavaScript', () => {
  it('a reviewer signs in, filters, reads and decides', async () => {
    const review = await openReview(desk.decision, desk.facts, {
      ...richReview,
      level: 'LOW',
      policies: ['plain'],
    });
    const { page } = await desk.open({ script: false });
    await page.goto('/console');
    await signIn(page, 'ada');
    await page.getByLabel('Policy').selectOption('plain');
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.getByRole('link', { name: 'A policy' }).click();
    await page.getByText('The event as it was sent').click();
    expect(await said(page)).toContain('"tags": [ "<b>bold</b>" ]');
    expect(await said(page)).toContain('turned \\u202E round');
    await page.getByLabel('Justification').fill('Harmless.');
    await page.getByRole('button', { name: 'Reject' }).click();
    expect(await said(page)).toContain('rejected This is final');
    expect(await stateOf(review)).toBe('rejected');
    expect(await page.getByRole('button', { name: 'Keyboard' }).isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Sign out' }).click();
    expect(new URL(page.url()).pathname).toBe('/console/sign-in');
  });
});

describe('while the inbox is open', () => {
  it('news are told without moving the list or the focus', async () => {
    await rich('live');
    const { page, faults } = await windowOf('ada');
    await page.clock.install();
    await page.goto('/console?policy=live');
    await page.keyboard.press('j');
    const focus = () => page.locator(':focus').getAttribute('href');
    const before = await focus();
    const count = Number.parseInt(await page.locator('#open-count').innerText(), 10);
    await rich('live');
    const news = page.waitForResponse(/inbox\/news/);
    await page.clock.runFor(15_500);
    expect((await news).status()).toBe(200);
    await page.getByText('1 new.').waitFor();
    expect(Number.parseInt(await page.locator('#open-count').innerText(), 10)).toBe(count + 1);
    expect(await focus()).toBe(before);
    expect(await page.locator('.reviews > li').count()).toBe(1);
    await page.getByRole('link', { name: 'Show the inbox as it is now' }).click();
    await page.locator('.reviews > li').nth(1).waitFor();
    expect(faults).toEqual([]);
  });
});

it('a link on another site leads in, for who is signed in', async () => {
  const review = await rich('linked');
  const { page } = await windowOf('ada');
  // Another site: the same server under another name.
  const elsewhere = desk.origin.replace('127.0.0.1', 'localhost');
  await page.goto(`${elsewhere}/console/sign-in`);
  await page.evaluate(`location.href = '${desk.origin}/console/reviews/${review.reviewId}'`);
  await page.getByRole('heading', { name: 'Decision' }).waitFor();
  expect(await said(page)).toContain('You are ada');
});
