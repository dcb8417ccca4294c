/** The frame around every page: what is where, who is signed in, and whether anything can be decided at all. */
import type { Role } from '../../domain/authority.ts';
import type { Person } from '../../stores/identity.ts';
import type { Standing } from '../../stores/inbox.ts';
import type { AssetPaths } from './assets.ts';
import { type Html, html } from './html.ts';
import { notice } from './parts/notice.ts';
import { text } from './text.ts';

const places = [
  { name: 'Inbox', path: '/console' },
  { name: 'Dashboard', path: '/console/dashboard' },
  { name: 'Policies', path: '/console/policies' },
  { name: 'Executions', path: '/console/executions' },
  { name: 'Dead letters', path: '/console/dead-letters' },
  { name: 'Health', path: '/console/health' },
  { name: 'Access record', path: '/console/accesses', onlyFor: 'Auditor' },
] as const satisfies readonly {
  readonly name: string;
  readonly path: string;
  /** Others are not led there, and are refused when they come. */
  readonly onlyFor?: Role;
}[];
export type Place = (typeof places)[number]['name'];

/** A page without its frame. */
export interface Page {
  readonly title: string;
  /** Where in the console it belongs; none for the door and for errors. */
  readonly place?: Place;
  readonly main: Html;
}

export interface Frame {
  readonly assets: AssetPaths;
  /** Undefined before the sign-in. */
  readonly person: Person | undefined;
  /** Undefined where nobody is signed in, and when the database does not say. */
  readonly standing: Standing | undefined;
  /** For every form of the page. */
  readonly formToken: string;
}

export function layout(frame: Frame, { title, place, main }: Page): Html {
  const { assets, person, standing } = frame;
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="htmx-config" content='{"includeIndicatorCSS": false, "history": false}'>
    <title>${title} – SentinelOps</title>
    <link rel="icon" href="${assets.icon}" type="image/svg+xml">
    <link rel="stylesheet" href="${assets.style}">
    <script src="${assets.htmx}" defer></script>
    <script src="${assets.script}" defer></script>
  </head>
  <body>
    <a class="skip" href="#main">Skip to the content</a>
    <header class="top">
      <a class="brand" href="/console"><img src="${assets.icon}" alt="" width="22" height="22"> SentinelOps</a>
      ${person !== undefined && navigation(person, place, standing)}
      ${person !== undefined && whoIsIn(person, frame.formToken)}
    </header>
    <main id="main" tabindex="-1">
      ${standing?.ledgerHealthy === false && ledgerOutage}
      ${main}
    </main>
    <footer class="bottom">
      <span>All times are UTC.${person !== undefined && html` <a href="/console/reference">API</a>`}</span>
      <button type="button" class="quiet" data-keyboard-help hidden>Keyboard</button>
    </footer>
    ${keyboardHelp}
  </body>
</html>`;
}

function navigation(
  { roles }: Person,
  here: Place | undefined,
  standing: Standing | undefined,
): Html {
  const open = places.filter((place) => !('onlyFor' in place) || roles.includes(place.onlyFor));
  return html`<nav aria-label="Console"><ul>${open.map(
    ({ name, path }) => html`
        <li><a href="${path}"${name === here && html` aria-current="page"`}>${name}${
          name === 'Inbox' && standing !== undefined && openCount(standing)
        }</a></li>`,
  )}
      </ul></nav>`;
}

/** The inbox replaces it while it is open; see pages/inbox.ts. */
export function openCount({ openByLevel }: Standing): Html {
  const count = Object.values(openByLevel).reduce((sum, open) => sum + open, 0);
  return html` <span class="count" id="open-count">${count}<span class="unseen"> open</span></span>`;
}

function whoIsIn({ name, roles }: Person, formToken: string): Html {
  return html`<form class="who" method="post" action="/console/sign-out">
        <input type="hidden" name="form_token" value="${formToken}">
        <span><strong>${text(name)}</strong> <span class="muted">${roles.join(', ') || 'no role'}</span></span>
        <button class="quiet">Sign out</button>
      </form>`;
}

const ledgerOutage = notice(
  'danger',
  'The ledger does not answer',
  html`Nothing can be decided until it does: a decision that cannot be recorded is not made. Reading goes on.`,
);

/** Single keys are only for those who want them (WCAG 2.1.4), so they can be switched off here. */
const keyboardHelp = html`<dialog id="keyboard-help" aria-labelledby="keyboard-title">
      <h2 id="keyboard-title">Keyboard</h2>
      <dl class="keys">
        <dt><kbd>j</kbd></dt><dd>next in the list</dd>
        <dt><kbd>k</kbd></dt><dd>the one before</dd>
        <dt><kbd>Enter</kbd></dt><dd>open it</dd>
        <dt><kbd>u</kbd></dt><dd>back to the inbox</dd>
        <dt><kbd>?</kbd></dt><dd>this help</dd>
      </dl>
      <label><input type="checkbox" data-keyboard-switch checked> Use these keys in this browser</label>
      <form method="dialog"><button>Close</button></form>
    </dialog>`;
