/** Instants and durations for people. Instants are UTC; the exact one, with microseconds, is in the attribute. */
import { epochMsOf, type Timestamp } from '../../../domain/time.ts';
import { type Html, html } from '../html.ts';

export function when(instant: Timestamp): Html {
  return html`<time datetime="${instant}">${instant.slice(0, 10)} ${instant.slice(11, 19)}</time>`;
}

/** How long ago, with the instant behind it. */
export function since(instant: Timestamp, now: Timestamp): Html {
  return html`<time datetime="${instant}" title="${printed(instant)}">${duration(instant, now)}</time>`;
}

export function duration(from: Timestamp, to: Timestamp): string {
  const minutes = Math.max(0, Math.floor((epochMsOf(to) - epochMsOf(from)) / 60_000));
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return withRest(days, 'd', hours % 24, 'h');
  if (hours > 0) return withRest(hours, 'h', minutes % 60, 'min');
  return minutes > 0 ? `${minutes} min` : 'less than a minute';
}

function withRest(count: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${count} ${unit}` : `${count} ${unit} ${rest} ${restUnit}`;
}

function printed(instant: Timestamp): string {
  return `${instant.slice(0, 10)} ${instant.slice(11, 19)} UTC`;
}
