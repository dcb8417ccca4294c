/** The record of who looked at what. It is kept before anything is shown: what cannot be recorded is not shown. */
import type { Database } from '../stores/database.ts';
import type { Person } from '../stores/identity.ts';
import { type AccessAct, type AccessedThing, openAccessStore } from '../stores/access.ts';

/** Rejects when it cannot be kept; then nothing must be shown. */
export type KeepAccess = (
  person: Person,
  act: AccessAct,
  thing: AccessedThing,
  thingId: string,
) => Promise<void>;

/** `identity` works under the role of the identity domain. */
export function createKeepAccess(identity: Database, way: 'console' | 'api'): KeepAccess {
  return ({ personId }, act, thing, thingId) =>
    identity.transact((tx) =>
      openAccessStore(tx).keepAccess({ personId, act, thing, thingId, way }),
    );
}
