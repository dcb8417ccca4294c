/** The filters that a person keeps under names, and the place to keep those of this page. */
import type { SavedView } from '../../../stores/access.ts';
import { type Html, html, type Part } from '../html.ts';
import { text } from '../text.ts';

export interface SavedViews {
  readonly views: readonly SavedView[];
  /** The filters of this page, as the query of its address; empty when there are none. */
  readonly query: string;
  readonly formToken: string;
}

export function savedViews({ views, query, formToken }: SavedViews): Part {
  if (views.length === 0 && query === '') return null;
  const shown = views.find((view) => view.query === query);
  return html`<div class="views" role="group" aria-label="Saved views">
      ${views.map((view) => html`<a href="/console?${view.query}"${view === shown && html` aria-current="true"`}>${text(view.name)}</a>`)}
      ${query !== '' && (shown === undefined ? saving(query, formToken) : ending(shown, formToken))}
    </div>`;
}

function saving(query: string, formToken: string): Html {
  return html`<form method="post" action="/console/views">
        <input type="hidden" name="form_token" value="${formToken}">
        <input type="hidden" name="query" value="${query}">
        <label class="unseen" for="view-name">Name of this view</label>
        <input id="view-name" name="name" maxlength="60" required placeholder="Name of this view">
        <button class="quiet">Save view</button>
      </form>`;
}

function ending({ viewId, name }: SavedView, formToken: string): Html {
  return html`<form method="post" action="/console/views/${viewId}/end">
        <input type="hidden" name="form_token" value="${formToken}">
        <button class="quiet">Forget<span class="unseen"> the view ${text(name)}</span></button>
      </form>`;
}
