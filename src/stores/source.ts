/** The registry of sources: which systems may send events, and the keys by which they prove it. */
import { sql } from 'kysely';
import type { SourceKeyId } from '../domain/ids.ts';
import type { KeyAlgorithm } from '../domain/source.ts';
import type { Tx } from './database.ts';

export interface SourceRow {
  readonly kind: string;
  readonly retired: boolean;
}

export interface SourceKeyRow {
  readonly keyId: SourceKeyId;
  readonly algorithm: KeyAlgorithm;
  readonly retired: boolean;
}

export type SourceStore = ReturnType<typeof openSourceStore>;

export function openSourceStore(tx: Tx) {
  return {
    /** The source, locked: nobody else changes it or its keys before the transaction ends. */
    async lockSource(name: string): Promise<SourceRow | undefined> {
      const { rows } = await sql<SourceRow>`
        select kind as "kind", retired_at is not null as "retired"
        from event.source where source_system = ${name} for update`.execute(tx);
      return rows[0];
    },

    /** All keys that the source ever had, oldest first. */
    async keysOf(name: string): Promise<readonly SourceKeyRow[]> {
      const { rows } = await sql<SourceKeyRow>`
        select source_key_id as "keyId", algorithm as "algorithm", retired_at is not null as "retired"
        from event.source_signing_key where source_system = ${name}
        order by created_at, source_key_id`.execute(tx);
      return rows;
    },

    /** Adds the source unless one of that name stands. */
    async keepSource(name: string, kind: string, signatureRequired: boolean): Promise<void> {
      await sql`
        insert into event.source (source_system, kind, signature_required)
        values (${name}, ${kind}, ${signatureRequired}) on conflict do nothing`.execute(tx);
    },

    async describeSource(
      name: string,
      settings: {
        readonly description: string;
        readonly signatureRequired: boolean;
        readonly queueAgeMaxS: number;
      },
    ): Promise<void> {
      await sql`
        update event.source set description = ${settings.description},
          signature_required = ${settings.signatureRequired}, queue_age_max_s = ${settings.queueAgeMaxS}
        where source_system = ${name}`.execute(tx);
    },

    /** From COMMIT on nothing that it sends is accepted. */
    async retireSource(name: string): Promise<void> {
      await sql`
        update event.source set retired_at = now()
        where source_system = ${name} and retired_at is null`.execute(tx);
    },

    async keepKey(
      name: string,
      keyId: SourceKeyId,
      algorithm: KeyAlgorithm,
      material: Buffer,
    ): Promise<void> {
      await sql`
        insert into event.source_signing_key (source_key_id, source_system, algorithm, key_material)
        values (${keyId}::uuid, ${name}, ${algorithm}, ${material})`.execute(tx);
    },

    /** From COMMIT on no signature by this key holds. */
    async retireKey(keyId: SourceKeyId): Promise<void> {
      await sql`
        update event.source_signing_key set retired_at = now()
        where source_key_id = ${keyId}::uuid and retired_at is null`.execute(tx);
    },
  };
}
