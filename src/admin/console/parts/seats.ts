/** Who must agree, in words. */
import { decidingRoles, type Seat } from '../../../domain/authority.ts';
import { type Html, html } from '../html.ts';

export function seatList(seats: readonly Seat[]): Html {
  return html`<ul class="seats">${seats.map((seat) => html`<li>${seatWords(seat)}</li>`)}</ul>`;
}

function seatWords(seat: Seat): string {
  if (seat.length === decidingRoles.length) return 'anyone with a role that decides';
  const [only, ...others] = seat;
  if (others.length === 0) return `a person of the role ${only}`;
  return `one of: ${seat.join(', ')}`;
}

export function peopleWords(count: number): string {
  return count === 1 ? 'one person' : `${count} people`;
}
