import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SourceCommands, sourceCommands } from '../../src/actors/source.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import type { Registration } from '../../src/domain/registration.ts';
import type { Database } from '../../src/stores/database.ts';
import { openEventStore } from '../../src/stores/event.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';

const secrets = ['the first secret', 'the second secret', 'the third secret'] as const;

describe('the registry of sources', () => {
  let clone: TestDatabase;
  let database: Database;
  let commands: SourceCommands;
  let names = 0;

  beforeAll(async () => {
    clone = await cloneDatabase();
    database = clone.open('event');
    commands = sourceCommands(database);
  });
  afterAll(async () => {
    await clone.close();
  });

  async function newSource(change: Partial<Registration> = {}): Promise<Registration> {
    names += 1;
    const registration = { name: `s${names}`, kind: 'github', signatureRequired: true, ...change };
    expect(await commands.register(registration)).toBeUndefined();
    return registration;
  }

  async function registered(name: string) {
    const sources = await database.transact((tx) => openEventStore(tx).sourcesByName([name]));
    return sources.get(name);
  }

  async function addKey(name: string, secret: string): Promise<string> {
    const added = await commands.addKey(name, 'hmac-sha256', secret);
    if (isRefusal(added)) throw new Error(added.detail);
    return added.keyId;
  }

  const secretsOf = async (name: string) =>
    (await registered(name))?.keys.map(({ material }) => material.toString()).sort();

  it('takes a registration again, and takes over what has changed', async () => {
    const source = await newSource();
    expect(await commands.register(source)).toBeUndefined();
    expect(await registered(source.name)).toMatchObject({ signatureRequired: true });
    const changed = { ...source, signatureRequired: false, queueAgeMaxS: 60 };
    expect(await commands.register(changed)).toBeUndefined();
    expect(await registered(source.name)).toMatchObject({
      signatureRequired: false,
      queueAgeMaxS: 60,
    });
  });

  it('never lets a source change its kind, since that is how it proves itself', async () => {
    const source = await newSource({ kind: 'github' });
    expect(await commands.register({ ...source, kind: 'cloudevents' })).toMatchObject({
      reason: 'source_kind_fixed',
    });
    expect(await registered(source.name)).toMatchObject({ kind: 'github' });
  });

  it('refuses kinds that no release knows', async () => {
    expect(
      await commands.register({ name: 'x', kind: 'gitlab', signatureRequired: false }),
    ).toMatchObject({ reason: 'bad_source' });
  });

  it('takes a key again without a second one', async () => {
    const { name } = await newSource();
    const keyId = await addKey(name, secrets[0]);
    expect(await addKey(name, secrets[0])).toBe(keyId);
    expect(await secretsOf(name)).toEqual([secrets[0]]);
  });

  it('has two keys valid while one replaces the other, and no third', async () => {
    const { name } = await newSource();
    const old = await addKey(name, secrets[0]);
    await addKey(name, secrets[1]);
    expect(await secretsOf(name)).toEqual([secrets[0], secrets[1]]);
    expect(await commands.addKey(name, 'hmac-sha256', secrets[2])).toMatchObject({
      reason: 'too_many_keys',
    });
    expect(await commands.retireKey(name, old)).toBeUndefined();
    expect(await secretsOf(name)).toEqual([secrets[1]]);
    await addKey(name, secrets[2]);
    expect(await secretsOf(name)).toEqual([secrets[1], secrets[2]]);
  });

  it('counts keys by algorithm', async () => {
    const { name } = await newSource();
    await addKey(name, secrets[0]);
    await addKey(name, secrets[1]);
    const publicKey = Buffer.alloc(32, 1).toString('base64');
    expect(await commands.addKey(name, 'ed25519', publicKey)).toHaveProperty('keyId');
  });

  it('has at most two valid keys however many are added at once', async () => {
    const { name } = await newSource();
    const results = await Promise.all(
      Array.from({ length: 6 }, (_, run) =>
        commands.addKey(name, 'hmac-sha256', `secret ${run} at once`),
      ),
    );
    expect(results.filter((result) => !isRefusal(result))).toHaveLength(2);
    expect(await secretsOf(name)).toHaveLength(2);
  });

  it('never takes a retired key back', async () => {
    const { name } = await newSource();
    const keyId = await addKey(name, secrets[0]);
    await commands.retireKey(name, keyId);
    expect(await commands.retireKey(name, keyId)).toBeUndefined();
    expect(await commands.addKey(name, 'hmac-sha256', secrets[0])).toMatchObject({
      reason: 'key_retired',
    });
  });

  it('retires the key of the source that was named, and no other’s', async () => {
    const one = await newSource();
    const other = await newSource();
    const keyId = await addKey(one.name, secrets[0]);
    expect(await commands.retireKey(other.name, keyId)).toMatchObject({ reason: 'unknown_key' });
    expect(await secretsOf(one.name)).toEqual([secrets[0]]);
  });

  it('retires a source for good', async () => {
    const source = await newSource();
    expect(await commands.retire(source.name)).toBeUndefined();
    expect(await commands.retire(source.name)).toBeUndefined();
    expect(await registered(source.name)).toMatchObject({ retired: true });
    expect(await commands.register(source)).toMatchObject({ reason: 'source_retired' });
    expect(await commands.addKey(source.name, 'hmac-sha256', secrets[0])).toMatchObject({
      reason: 'source_retired',
    });
  });

  it('knows no source that nobody registered', async () => {
    expect(await commands.retire('nobody')).toMatchObject({ reason: 'unknown_source' });
    expect(await commands.retireKey('nobody', 'k')).toMatchObject({ reason: 'unknown_source' });
    expect(await commands.addKey('nobody', 'hmac-sha256', secrets[0])).toMatchObject({
      reason: 'unknown_source',
    });
    expect(await commands.addKey('nobody', 'hmac-sha256', 'short')).toMatchObject({
      reason: 'bad_key',
    });
  });
});
