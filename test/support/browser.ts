/** Chromium without a window, and people who sit in front of it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { findProgram } from './system-program.ts';
import type { Visitor } from './console.ts';

const CHROMIUM = {
  names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  package: 'chromium',
  remedy: 'Install chromium, or leave these tests out: npm test -- --exclude "test/browser/**".',
};

/** Nothing that a browser does by itself: no updates, no sync, no request to anybody. */
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** As root Chromium starts only without its sandbox; all that it opens here are pages of ours. */
const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];

const WAIT_MS_MAX = 20_000;

export interface Look {
  readonly scheme?: 'light' | 'dark';
  /** Pixels; 1280 when not given. */
  readonly width?: number;
  /** True when not given. */
  readonly script?: boolean;
}

export interface Watched {
  readonly page: Page;
  /** Everything that should not have happened: errors, refusals of the content policy, requests to anybody else. */
  readonly faults: string[];
}

export interface TestBrowser {
  /** A window of its own, with nobody's cookies or with those of a visitor who is signed in. */
  open(look?: Look, visitor?: Visitor): Promise<Watched>;
  close(): Promise<void>;
}

/** `origin`: where the console listens. */
export async function startBrowser(origin: string): Promise<TestBrowser> {
  const profile = await mkdtemp(join(tmpdir(), 'sentinelops-test-browser-'));
  const browser = await chromium.launch({
    executablePath: findProgram(CHROMIUM),
    args: [...QUIET, ...asRoot],
    env: { ...process.env, HOME: profile },
  });
  const contexts: BrowserContext[] = [];
  return {
    async open({ scheme = 'light', width = 1280, script = true } = {}, visitor) {
      const context = await browser.newContext({
        baseURL: origin,
        colorScheme: scheme,
        viewport: { width, height: 900 },
        javaScriptEnabled: script,
        reducedMotion: 'reduce',
      });
      contexts.push(context);
      // Sooner than the test gives up: then the error says what was waited for.
      context.setDefaultTimeout(WAIT_MS_MAX);
      if (visitor !== undefined) await context.addCookies(cookiesOf(visitor, origin));
      const page = await context.newPage();
      return { page, faults: watch(page, origin) };
    },
    async close() {
      await Promise.all(contexts.map((context) => context.close()));
      await browser.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

function cookiesOf(visitor: Visitor, origin: string) {
  return visitor
    .cookies()
    .split('; ')
    .map((cookie) => {
      const [name = '', value = ''] = cookie.split('=');
      return { name, value, url: origin, sameSite: 'Strict' as const, httpOnly: true };
    });
}

function watch(page: Page, origin: string): string[] {
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // A refused act is answered with 4xx, which the browser also writes down.
    const isAnswer = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isAnswer) faults.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(origin)) faults.push(`request: ${request.url()}`);
  });
  return faults;
}
