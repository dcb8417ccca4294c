/** One dead letter, with what was sent as far as it was kept. */
import { isProblemCode, problems } from '../../../domain/problem.ts';
import type { Timestamp } from '../../../domain/time.ts';
import type { DeadLetterFull } from '../../../stores/audit.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { code, facts } from '../parts/facts.ts';
import { block } from '../parts/payload.ts';
import { when } from '../parts/times.ts';
import { text, visibleLines } from '../text.ts';
import { reasonTitle } from './dead-letters.ts';

export interface DeadLetterPage {
  readonly letter: DeadLetterFull;
  /** Whether the person may read what was sent. */
  readonly mayRead: boolean;
}

export function deadLetterPage({ letter, mayRead }: DeadLetterPage): Page {
  const { reason, detail, deadLetterId } = letter;
  return {
    title: reasonTitle(reason),
    place: 'Dead letters',
    main: html`<p class="crumbs"><a href="/console/dead-letters" data-keyboard-up>Dead letters</a></p>
    <h1>${reasonTitle(reason)}</h1>
    <p>${text(detail)}.</p>
    ${isProblemCode(reason) && html`<p>${problems[reason].remedy}</p>`}
    ${facts([
      ['State', letter.state],
      ['Gave up at', letter.queue],
      ['When', when(letter.createdAt as Timestamp)],
      ['Taken by a worker', `${letter.claims} times`],
      ['Source', optional(letter.source)],
      ['Id at the source', optional(letter.externalId)],
      ['Message', optional(letter.messageId)],
      ['Error', optional(letter.errorClass)],
      ['Length', `${letter.contentBytes.toLocaleString('en')} bytes`],
      ['SHA-256', letter.contentSha256 === null ? html`<em>none</em>` : code(letter.contentSha256)],
    ])}
    <h2>What was sent</h2>
    ${mayRead ? content(letter) : html`<p>What a message says is for those who decide and for Auditors.</p>`}
    <h2>To send it again</h2>
    <p>On the command line: <code class="whole">sentinelops deadletter retry ${deadLetterId}</code></p>`,
  };
}

function optional(value: string | null): Part {
  return value === null ? html`<em>none</em>` : text(value);
}

const CHARACTERS_MAX = 16_000;

function content({ content: bytes, contentBytes }: DeadLetterFull): Html {
  if (bytes === null) return html`<p>Nothing of it was kept.</p>`;
  const read = bytes.toString('utf8');
  const isShort = bytes.length === contentBytes && read.length <= CHARACTERS_MAX;
  return html`${!isShort && html`<p class="muted">The beginning of it; the command line shows all that was kept.</p>`}
    ${block('What was sent', visibleLines(read.slice(0, CHARACTERS_MAX).toWellFormed()))}`;
}
