/** Every page in light and dark, on a phone and on a wide screen: WCAG 2.2 AA as far as a machine can tell, and small. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { sha256 } from '../../src/domain/digest.ts';
import { type PolicyDefinition, policyDigest } from '../../src/domain/policy.ts';
import { keepDeadLetters } from '../../src/stores/dead-letter.ts';
import { policyOf, storedPolicyOf } from '../support/documents.ts';
import type { Visitor } from '../support/console.ts';
import { openReview, openReviews } from '../support/reviews.ts';
import { type BrowserDesk, openBrowserDesk, richReview } from './desk.ts';

const PAGE_BYTES_MAX = 150_000;

let desk: BrowserDesk;
let ada: Visitor;
/** Where to look, by what it is. */
const places: Record<string, string> = {};

beforeAll(async () => {
  desk = await openBrowserDesk();
  ada = await desk.signedIn('ada', 'Administrator', 'Senior Authority', 'Auditor');
  const open = await openReview(desk.decision, desk.facts, richReview);
  const [torn] = await openReviews(desk.decision, desk.facts, {
    ...richReview,
    level: 'CRITICAL',
    conflict: true,
    policies: ['one', 'two'],
    effects: ['restrict', 'restore'],
  });
  const unknown = await openReview(desk.decision, desk.facts, {
    level: 'UNKNOWN',
    basis: 'unknown',
  });
  const decided = await openReview(desk.decision, desk.facts, { level: 'HIGH' });
  const path = `/console/reviews/${decided.reviewId}`;
  await ada.submit(path, `${path}/decisions`, {
    act: 'escalate',
    role: 'Administrator',
    justification: 'Above me,\nand above others.',
  });
  const bob = await desk.signedIn('bob', 'Governance Board');
  await bob.submit(path, `${path}/decisions`, { act: 'reject', justification: 'Harmless.' });
  for (const policy of [
    policyOf('watched'),
    policyOf('watched', { version: 2, priority_level: 1, description: 'What it watches now.' }),
  ]) {
    await keepDraft(policy);
  }
  const content = Buffer.from('{"half": "a message');
  await desk.decision.transact((tx) =>
    keepDeadLetters(tx, [
      {
        queue: 'ingest',
        messageId: null,
        source: 'shop',
        externalId: 'order-1',
        reason: 'not_json',
        detail: 'it ends too early',
        claims: 1,
        content,
        contentBytes: content.length,
        contentSha256: sha256(content),
      },
    ]),
  );
  const { rows } = await desk.client.query<{ id: string }>(
    'select dead_letter_id as id from event.dead_letter',
  );
  Object.assign(places, {
    inbox: '/console',
    'an inbox without a match': '/console?source=nobody',
    'an open review': `/console/reviews/${open.reviewId}`,
    'a review in conflict': `/console/reviews/${torn!.reviewId}`,
    'a review of unknown risk': `/console/reviews/${unknown.reviewId}`,
    'a decided review': path,
    'the life of an event': `/console/events/${decided.eventId}`,
    dashboard: '/console/dashboard',
    policies: '/console/policies',
    'a policy': '/console/policies/watched',
    'the changes of a policy': '/console/policies/watched/changes',
    executions: '/console/executions',
    'executions that failed': '/console/executions?state=failed',
    health: '/console/health',
    'the access record': '/console/accesses',
    'an inbox to be kept': '/console?level=CRITICAL',
    'the API': '/console/reference',
    'dead letters': '/console/dead-letters',
    'a dead letter': `/console/dead-letters/${rows[0]!.id}`,
    'an error': '/console/nowhere',
  });
});
afterAll(() => desk.close());

async function keepDraft(definition: PolicyDefinition): Promise<void> {
  const { policyId, version, name, title, description, regulatoryReference, priorityLevel } =
    storedPolicyOf(definition);
  await desk.client.query(
    `insert into policy.policy (policy_id, version, status, description, regulatory_reference, priority_level, name,
       title, definition, definition_sha256, author)
     values ($1, $2, 'draft', $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      policyId,
      version,
      description,
      regulatoryReference,
      priorityLevel,
      name,
      title,
      definition,
      policyDigest(definition),
      desk.facts.author,
    ],
  );
}

const axe = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** One line for each element that breaks a rule. */
async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  return page.evaluate<string[]>(
    `axe.run({ runOnly: ${JSON.stringify(RULES)} }).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => id + ' ' + target.join(' ') + ': ' + failureSummary)))`,
  );
}

/** Opens everything that is folded away, so that it is looked at too. */
async function unfold(page: Page): Promise<void> {
  await page.evaluate(
    `for (const folded of document.querySelectorAll('details')) folded.open = true`,
  );
}

/** Where to keep pictures of all pages, for people to look at. */
const picturesDirectory = process.env['TEST_PICTURES_DIR'];

async function keepPicture(page: Page, name: string, look: object): Promise<void> {
  if (picturesDirectory === undefined) return;
  const file = [...Object.values(look), name].join('-').replaceAll(' ', '-');
  await page.screenshot({ path: join(picturesDirectory, `${file}.png`), fullPage: true });
}

async function sidewaysPixels(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
}

const looks = [
  { scheme: 'light', width: 1280 },
  { scheme: 'dark', width: 1280 },
  { scheme: 'light', width: 360 },
  { scheme: 'dark', width: 2200 },
] as const;

it.each(looks)('every page is accessible and fits: %j', { timeout: 180_000 }, async (look) => {
  const { page, faults } = await desk.open(look, ada);
  const found: string[] = [];
  for (const [name, path] of Object.entries(places)) {
    await page.goto(path);
    await keepPicture(page, name, look);
    await unfold(page);
    found.push(...(await violations(page)).map((line) => `${name}: ${line}`));
    if ((await sidewaysPixels(page)) > 0) found.push(`${name}: scrolls sideways`);
  }
  expect(Object.keys(places).length).toBeGreaterThan(10);
  expect(found).toEqual([]);
  expect(faults).toEqual([]);
});

it.each(looks)('so are the door, a refused sign-in and the help: %j', async (look) => {
  const { page } = await desk.open(look);
  await page.goto('/console/sign-in');
  await keepPicture(page, 'the door', look);
  await unfold(page);
  expect(await violations(page)).toEqual([]);
  await page.getByLabel('Token').fill('wrong');
  await page.getByRole('button', { name: 'Sign in with the token' }).click();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Keyboard' }).click();
  expect(await violations(page)).toEqual([]);
});

it('a rule that is broken is found', async () => {
  const { page } = await desk.open();
  await page.goto('/console/sign-in');
  await page.evaluate(`document.querySelector('label').remove()`);
  expect(await violations(page)).toEqual([expect.stringContaining('label #name')]);
});

it('no page takes more than 150 KB over the wire, the first time with all that it needs', async () => {
  for (const [name, path] of Object.entries(places)) {
    const { page } = await desk.open({}, ada);
    const wire = await page.context().newCDPSession(page);
    let bytes = 0;
    wire.on('Network.loadingFinished', ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    await wire.send('Network.enable');
    await page.goto(path, { waitUntil: 'networkidle' });
    expect(bytes, name).toBeGreaterThan(10_000);
    expect(bytes, name).toBeLessThan(PAGE_BYTES_MAX);
    await page.context().close();
  }
}, 120_000);
