/** What people are told of reviews: occasions, the messages for them, and what became of those. */
import { sql } from 'kysely';
import type { DecisionId } from '../domain/ids.ts';
import type { Message, Notification, NotificationRoute } from '../domain/notification.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

/** One attempt to send a message, which the holder may make once the transaction has committed. */
export interface ClaimedMessage
  extends Pick<Message, 'messageId' | 'route' | 'subject' | 'content' | 'body'> {
  readonly composedAt: Timestamp;
  /** 1 for the first. */
  readonly attemptNo: number;
}

export interface EndedMessage extends Pick<ClaimedMessage, 'messageId' | 'attemptNo'> {
  readonly outcome: 'sent' | 'given up' | 'again';
  /** Until the next attempt, for `again`. */
  readonly delayMs: number;
  readonly detail: string;
}

export interface NotificationStore {
  /** Keeps every occasion that has come up since the last look; returns how many are new. */
  note(routes: readonly NotificationRoute[]): Promise<number>;
  /**
   * At most `limit` occasions that wait to be told and whose digest is due, the oldest first, locked for this
   * transaction; those that another one has locked are left to it.
   */
  untold(routes: readonly NotificationRoute[], limit: number): Promise<readonly Notification[]>;
  keepMessages(messages: readonly Message[]): Promise<void>;
  /** Takes messages that are due; each is due again after `claimMs` unless its attempt ends before. */
  claim(
    routes: readonly string[],
    limit: number,
    claimMs: number,
  ): Promise<readonly ClaimedMessage[]>;
  /** Of attempts that still hold their claim. */
  end(ended: EndedMessage): Promise<void>;
}

export function openNotificationStore(tx: Tx): NotificationStore {
  return {
    async note(routes) {
      await sql`
        insert into decision.notification_route (route)
        select unnest(${routes.map(({ name }) => name)}::text[]) order by 1 on conflict do nothing`.execute(
        tx,
      );
      const { numAffectedRows } = await sql`
        with route as (
          select r.*, s.since, greatest(s.since, s.noted_until - interval '1 hour') as from_at
          from jsonb_to_recordset(${asRows(routes)}::jsonb)
            as r (route text, kinds text[], roles text[], levels text[])
          join decision.notification_route s on s.route = r.route
        ), occasion as (
          select r.route, case d.round when 1 then 'new' else 'escalated' end as kind, d.decision_id
          from route r join decision.decision d on d.created_at >= r.from_at
          where case d.round when 1 then 'new' else 'escalated' end = any (r.kinds) and ${concerns}
          union all
          select r.route, 'decided', d.decision_id
          from route r join decision.decision d on d.finalized_at >= r.from_at
          where 'decided' = any (r.kinds) and ${concerns}
          union all
          select r.route, 'due_soon', d.decision_id
          from route r join decision.round_warning w on w.warned_at >= r.from_at
          join decision.decision d on d.decision_id = w.decision_id
          where 'due_soon' = any (r.kinds) and ${concerns}
        )
        insert into decision.notification (route, kind, decision_id)
        select o.route, o.kind, o.decision_id from occasion o
        where not exists (
          select from decision.notification n
          where n.route = o.route and n.kind = o.kind and n.decision_id = o.decision_id)
        order by 1, 2, 3 on conflict do nothing`.execute(tx);
      await sql`
        update decision.notification_route set noted_until = now()
        where route = any(${routes.map(({ name }) => name)}::text[])`.execute(tx);
      return Number(numAffectedRows ?? 0n);
    },

    async untold(routes, limit) {
      const { rows } = await sql<Notification>`
        with due as materialized (
          select r.route
          from unnest(${routes.map(({ name }) => name)}::text[],
            ${routes.map(({ digestMinutes }) => digestMinutes)}::integer[]) as r (route, minutes)
          where exists (
            select from decision.notification n
            where n.route = r.route and n.message_id is null
              and n.noted_at <= now() - make_interval(mins => r.minutes))
        )
        select n.route, n.kind, n.decision_id as "decisionId", r.review_id as "reviewId", r.risk_level as "riskLevel",
          p.name as "policyName", p.version as "policyVersion", p.title as "policyTitle", e.source_system as "eventSource",
          e.event_type as "eventType", e.subject as "eventSubject", d.round, d.decision_type as state,
          d.created_at as "startedAt", d.created_at + decision.decide_within(d.risk_level) as "dueAt",
          d.finalized_at as "finalizedAt"
        from decision.notification n
        join decision.decision d on d.decision_id = n.decision_id
        join decision.review r on r.review_id = d.review_id
        join policy.policy_for_decision p on p.policy_id = r.policy_id and p.version = r.policy_version
        join event.event_for_decision e on e.event_id = r.event_id
        where n.message_id is null and n.route in (select route from due)
        order by n.noted_at, n.route, n.decision_id, n.kind
        limit ${limit} for update of n skip locked`.execute(tx);
      return rows;
    },

    async keepMessages(messages) {
      await sql`
        insert into decision.notification_message (message_id, route, subject, content, body)
        select * from unnest(${messages.map(({ messageId }) => messageId)}::uuid[],
          ${messages.map(({ route }) => route)}::text[], ${messages.map(({ subject }) => subject)}::text[],
          ${messages.map(({ content }) => content)}::text[], ${messages.map(({ body }) => body)}::text[])
        order by 1`.execute(tx);
      const told = messages.flatMap(({ messageId, notifications }) =>
        notifications.map(({ route, kind, decisionId }) => ({
          messageId,
          route,
          kind,
          decisionId,
        })),
      );
      await sql`
        update decision.notification n set message_id = told.message_id
        from unnest(${told.map(({ messageId }) => messageId)}::uuid[], ${told.map(({ route }) => route)}::text[],
          ${told.map(({ kind }) => kind)}::text[], ${told.map(({ decisionId }): DecisionId => decisionId)}::uuid[])
          as told (message_id, route, kind, decision_id)
        where n.route = told.route and n.kind = told.kind and n.decision_id = told.decision_id`.execute(
        tx,
      );
    },

    async claim(routes, limit, claimMs) {
      const { rows } = await sql<ClaimedMessage>`
        update decision.notification_message m
        set attempts = m.attempts + 1, next_attempt_at = now() + ${claimMs} * interval '1 millisecond'
        from (
          select message_id from decision.notification_message
          where sent_at is null and given_up_at is null and next_attempt_at <= now()
            and route = any(${routes}::text[])
          order by next_attempt_at, message_id limit ${limit} for update skip locked) due
        where m.message_id = due.message_id
        returning m.message_id as "messageId", m.route, m.subject, m.content, m.body, m.composed_at as "composedAt",
          m.attempts as "attemptNo"`.execute(tx);
      return rows;
    },

    async end({ messageId, attemptNo, outcome, delayMs, detail }) {
      await sql`
        update decision.notification_message
        set sent_at = case when ${outcome} = 'sent' then now() end,
          given_up_at = case when ${outcome} = 'given up' then now() end,
          next_attempt_at = now() + ${delayMs} * interval '1 millisecond', detail = ${detail}
        where message_id = ${messageId} and attempts = ${attemptNo}
          and sent_at is null and given_up_at is null`.execute(tx);
    },
  };
}

/** Whether a round is one of a route's: by its level, and by the roles that it may need anywhere in its requirement. */
const concerns = sql`
  (cardinality(r.levels) = 0 or d.risk_level = any (r.levels))
  and (cardinality(r.roles) = 0 or exists (
    select from unnest(r.roles) as role
    where jsonb_path_exists(d.required_authority, '$.** ? (@ == $role)', jsonb_build_object('role', role))))`;

function asRows(routes: readonly NotificationRoute[]): string {
  return JSON.stringify(
    routes.map(({ name, kinds, roles, levels }) => ({ route: name, kinds, roles, levels })),
  );
}
