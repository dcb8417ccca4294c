/** The door. Two ways in, one answer when it stays closed. */
import type { Refusal } from '../../../domain/problem.ts';
import { html } from '../html.ts';
import type { Page } from '../layout.ts';
import { refusalNotice } from '../parts/notice.ts';

export interface SignInPage {
  readonly formToken: string;
  /** Where the person wanted to go. */
  readonly next: string;
  readonly refusal: Refusal | undefined;
  /** Whether people may sign in through an OpenID provider. */
  readonly hasProvider: boolean;
}

export function signInPage({ formToken, next, refusal, hasProvider }: SignInPage): Page {
  const hidden = html`<input type="hidden" name="form_token" value="${formToken}">
      <input type="hidden" name="next" value="${next}">`;
  return {
    title: 'Sign in',
    main: html`<div class="door">
    <h1>Sign in</h1>
    ${refusal !== undefined && refusalNotice(refusal)}
    ${
      hasProvider &&
      html`<p class="card"><a class="button primary" href="/console/sign-in/provider?next=${encodeURIComponent(next)}">Sign in with your organisation</a></p>`
    }
    <form class="card" method="post" action="/console/sign-in">
      ${hidden}
      <label for="name">Name</label>
      <input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="100">
      <label for="password">Password</label>
      <input id="password" name="password" type="password" autocomplete="current-password" required maxlength="800">
      <button class="primary">Sign in</button>
    </form>
    <details class="card"${refusal === undefined ? null : html` open`}>
      <summary>With an API token instead</summary>
      <form method="post" action="/console/sign-in">
        ${hidden}
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="off" spellcheck="false" required maxlength="200"
          aria-describedby="token-hint">
        <p class="hint" id="token-hint">It begins with so_ and was shown once, when it was made.</p>
        <button>Sign in with the token</button>
      </form>
    </details>
    <p class="muted">After 15 minutes without use, and after 8 hours in any case, you sign in again.</p>
  </div>`,
  };
}
