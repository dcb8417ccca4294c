/** Who looked at what and took what with them, and the views of the inbox that people keep. */
import { sql } from 'kysely';
import type { PersonId } from '../domain/ids.ts';
import type { Timestamp } from '../domain/time.ts';
import type { Tx } from './database.ts';

export type AccessAct = 'look' | 'export';
export type AccessedThing =
  | 'review'
  | 'event'
  | 'payload'
  | 'evidence'
  | 'dead letter'
  | 'access record';

export interface Access {
  readonly personId: PersonId;
  readonly act: AccessAct;
  readonly thing: AccessedThing;
  readonly thingId: string;
  readonly way: 'console' | 'api';
}

export interface SavedView {
  readonly viewId: string;
  readonly name: string;
  /** The query of the inbox's address. */
  readonly query: string;
}

export interface AccessStore {
  keepAccess(access: Access): Promise<void>;
  /** By name. */
  viewsOf(personId: PersonId): Promise<readonly SavedView[]>;
  /** In place of the view of that name. Nothing happens once the person has `viewsMax` others. */
  keepView(personId: PersonId, name: string, query: string, viewsMax: number): Promise<void>;
  removeView(personId: PersonId, viewId: string): Promise<void>;
}

export function openAccessStore(tx: Tx): AccessStore {
  return {
    async keepAccess({ personId, act, thing, thingId, way }) {
      await sql`
        insert into identity.access_record (person_id, act, thing, thing_id, way)
        values (${personId}, ${act}, ${thing}, ${thingId}, ${way})`.execute(tx);
    },

    async viewsOf(personId) {
      const { rows } = await sql<SavedView>`
        select view_id as "viewId", name, query from identity.saved_view
        where person_id = ${personId} and removed_at is null order by name`.execute(tx);
      return rows;
    },

    async keepView(personId, name, query, viewsMax) {
      await sql`
        update identity.saved_view set removed_at = now()
        where person_id = ${personId} and name = ${name} and removed_at is null`.execute(tx);
      await sql`
        insert into identity.saved_view (person_id, name, query)
        select ${personId}::uuid, ${name}, ${query}
        where (select count(*) from identity.saved_view
          where person_id = ${personId} and removed_at is null) < ${viewsMax}
        on conflict do nothing`.execute(tx);
    },

    async removeView(personId, viewId) {
      await sql`
        update identity.saved_view set removed_at = now()
        where view_id = ${viewId} and person_id = ${personId} and removed_at is null`.execute(tx);
    },
  };
}

/** One line of the record, for auditors. */
export interface RecordedAccess extends Omit<Access, 'personId'> {
  readonly accessId: string;
  readonly personName: string;
  readonly accessedAt: Timestamp;
}

export interface AccessFilter {
  readonly person?: string | undefined;
  readonly act?: AccessAct | undefined;
  /** The last line of the page before. */
  readonly before?: { readonly accessedAt: string; readonly accessId: string } | undefined;
}

/** The newest first. `tx` works under the audit role. */
export async function accessesOf(
  tx: Tx,
  { person, act, before }: AccessFilter,
  limit: number,
): Promise<readonly RecordedAccess[]> {
  const wanted = [
    sql`true`,
    ...(person === undefined
      ? []
      : [sql`a.person_id = (select person_id from audit.person where name = ${person})`]),
    ...(act === undefined ? [] : [sql`a.act = ${act}`]),
    ...(before === undefined
      ? []
      : [
          sql`(a.accessed_at, a.access_id) < (${before.accessedAt}::timestamptz, ${before.accessId}::uuid)`,
        ]),
  ];
  const { rows } = await sql<RecordedAccess>`
    select a.access_id as "accessId", p.name as "personName", a.act, a.thing, a.thing_id as "thingId", a.way,
      a.accessed_at as "accessedAt"
    from audit.access_record a join audit.person p on p.person_id = a.person_id
    where ${sql.join(wanted, sql` and `)}
    order by a.accessed_at desc, a.access_id desc limit ${limit}`.execute(tx);
  return rows;
}
