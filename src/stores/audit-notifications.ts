/** Whether people are told of reviews, in numbers: for the page on health. */
import { sql } from 'kysely';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export interface RouteStanding {
  readonly route: string;
  readonly sentLastDay: number;
  /** Composed and not sent yet. */
  readonly waiting: number;
  readonly oldestWaitingAt: Timestamp | null;
  /** Within a day. */
  readonly givenUpLastDay: number;
  /** How the latest attempt of one that waits or was given up has ended. */
  readonly detail: string | null;
}

/** Of routes with something to say of the last day, by name. */
export async function notificationStanding(tx: Tx): Promise<readonly RouteStanding[]> {
  const { rows } = await sql<RouteStanding>`
    select m.route,
      (count(*) filter (where m.sent_at is not null))::integer as "sentLastDay",
      (count(*) filter (where m.sent_at is null and m.given_up_at is null))::integer as waiting,
      min(m.composed_at) filter (where m.sent_at is null and m.given_up_at is null) as "oldestWaitingAt",
      (count(*) filter (where m.given_up_at is not null))::integer as "givenUpLastDay",
      (array_agg(m.detail order by m.composed_at desc)
        filter (where m.sent_at is null and m.detail is not null))[1] as detail
    from audit.notification_message m
    where (m.sent_at is null and m.given_up_at is null) or m.composed_at > now() - interval '1 day'
    group by m.route order by m.route`.execute(tx);
  return rows;
}
