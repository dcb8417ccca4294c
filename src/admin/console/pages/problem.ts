/** What went wrong where there is no page to say it on. */
import { problems, type Refusal } from '../../../domain/problem.ts';
import { html } from '../html.ts';
import type { Page } from '../layout.ts';
import { remedyOf } from '../parts/notice.ts';
import { text } from '../text.ts';

export function problemPage({ reason, detail }: Refusal, requestId: string): Page {
  const { title } = problems[reason];
  return {
    title,
    main: html`<h1>${title}</h1>
    <p>It says: ${text(detail)}.</p>
    <p>${remedyOf(reason)}</p>
    <p><a href="/console">To the inbox</a></p>
    <p class="muted">Request <code>${requestId}</code></p>`,
  };
}

/** Between a link on another site and the page that it leads to; see routes/console-sign-in.ts. */
export const arrivalPage: Page = {
  title: 'One moment',
  main: html`<h1>One moment</h1>
    <p>You came from another site. <a href="">Go on</a></p>`,
};
