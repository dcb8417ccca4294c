import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReviewerCommands, type ReviewerCommands } from '../../src/actors/reviewers.ts';
import { proofOf } from '../../src/domain/identity.ts';
import { personIdOf } from '../../src/domain/ids.ts';
import { cloneDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let client: pg.Client;
let commands: ReviewerCommands;
beforeAll(async () => {
  database = await cloneDatabase();
  client = await database.superuser();
  commands = createReviewerCommands(database.open('identity'));
});
afterAll(() => database.close());

const listed = async (name: string) => (await commands.list()).find((one) => one.name === name);

describe('adding a reviewer', () => {
  it('makes the person, grants the roles and issues a token that is kept as a hash only', async () => {
    const issued = await commands.add({ name: 'ada', roles: ['Administrator', 'Auditor'] });
    expect(issued).toMatchObject({ personId: personIdOf('ada'), name: 'ada' });
    const { token, tokenId, expiresAt } = issued as {
      token: string;
      tokenId: string;
      expiresAt: string;
    };
    expect(await listed('ada')).toEqual({
      personId: personIdOf('ada'),
      name: 'ada',
      roles: expect.toSatisfy(
        (held: string[]) => held.toSorted().join() === 'Administrator,Auditor',
      ),
      isDisabled: false,
      tokens: [{ tokenId, expiresAt }],
    });
    const { rows } = await client.query<{ kept: string; days: number }>(
      `select t::text as kept, extract(day from expires_at - created_at)::integer as days
       from identity.api_token t where token_id = $1`,
      [tokenId],
    );
    expect(rows[0]!.kept).toContain(proofOf(token)!.tokenSha256);
    expect(rows[0]!.kept).not.toContain(token.slice(-43));
    expect(rows[0]!.days).toBe(90);
  });

  it('again adds roles and a further token to the same person', async () => {
    await commands.add({ name: 'bob', roles: ['Administrator'], days: 1 });
    await commands.add({ name: 'bob', roles: ['Administrator', 'Senior Authority'], days: 2 });
    const bob = await listed('bob');
    expect(bob?.roles.toSorted()).toEqual(['Administrator', 'Senior Authority']);
    expect(bob?.tokens).toHaveLength(2);
  });

  it('twice at once makes one person', async () => {
    const add = () => commands.add({ name: 'cora', roles: ['Compliance Officer'] });
    await Promise.all([add(), add(), add()]);
    expect((await commands.list()).filter(({ name }) => name === 'cora')).toMatchObject([
      { roles: ['Compliance Officer'], tokens: [{}, {}, {}] },
    ]);
  });

  it.each([
    ['bad_name', { name: 'Ada', roles: [] }],
    ['bad_name', { name: 'ada\u200b', roles: [] }],
    ['unknown_role', { name: 'dan', roles: ['Administrator', 'Source'] }],
    ['bad_validity', { name: 'dan', roles: [], days: 91 }],
    ['bad_validity', { name: 'dan', roles: [], days: 0 }],
    ['bad_validity', { name: 'dan', roles: [], days: 1.5 }],
  ])('is refused with %s: %j', async (reason, reviewer) => {
    expect(await commands.add(reviewer)).toMatchObject({ kind: 'refusal', reason });
    expect(await listed(reviewer.name)).toBeUndefined();
  });

  it('is refused for a person who was disabled', async () => {
    await commands.add({ name: 'eve', roles: ['Administrator'] });
    await client.query(`update identity.person set disabled_at = now() where name = 'eve'`);
    expect(await commands.add({ name: 'eve', roles: ['Administrator'] })).toMatchObject({
      reason: 'person_disabled',
    });
    expect(await listed('eve')).toMatchObject({ isDisabled: true, roles: [] });
  });
});

describe('a password', () => {
  const PASSWORD = 'five plain words are enough';

  it('is set for a person who exists, and goes with everything else that is revoked', async () => {
    await commands.add({ name: 'pam', roles: [] });
    expect(await commands.setPassword('pam', PASSWORD)).toMatchObject({ name: 'pam', sessions: 0 });
    expect(await commands.revoke({ name: 'pam', roles: ['Auditor'] })).toMatchObject({
      password: false,
    });
    expect(await commands.revoke({ name: 'pam' })).toMatchObject({ password: true });
    expect(await commands.revoke({ name: 'pam' })).toMatchObject({ password: false });
  });

  it('is refused for whom nobody knows, and when it is too easy to guess', async () => {
    expect(await commands.setPassword('nobody', PASSWORD)).toMatchObject({
      reason: 'unknown_person',
    });
    expect(await commands.setPassword('pam', 'pam123')).toMatchObject({ reason: 'bad_password' });
  });
});

describe('revoking', () => {
  it('ends every role and token, and what is granted afterwards is new', async () => {
    await commands.add({ name: 'fay', roles: ['Administrator', 'Auditor'] });
    await commands.add({ name: 'fay', roles: [] });
    const revoked = await commands.revoke({ name: 'fay' });
    expect(revoked).toMatchObject({ tokenIds: [expect.any(String), expect.any(String)] });
    expect(await listed('fay')).toMatchObject({ roles: [], tokens: [], isDisabled: false });
    await commands.add({ name: 'fay', roles: ['Administrator'] });
    expect(await listed('fay')).toMatchObject({ roles: ['Administrator'], tokens: [{}] });
  });

  it('ends one role, or one token', async () => {
    const issued = await commands.add({ name: 'gus', roles: ['Administrator', 'Auditor'] });
    const { tokenId } = issued as { tokenId: string };
    await commands.add({ name: 'gus', roles: [] });
    expect(await commands.revoke({ name: 'gus', roles: ['Auditor', 'Operator'] })).toEqual({
      roles: ['Auditor'],
      tokenIds: [],
      password: false,
      sessions: 0,
    });
    expect(await commands.revoke({ name: 'gus', tokenId })).toEqual({
      roles: [],
      tokenIds: [tokenId],
      password: false,
      sessions: 0,
    });
    expect(await listed('gus')).toMatchObject({ roles: ['Administrator'], tokens: [{}] });
  });

  it('does not end the token of somebody else', async () => {
    const issued = await commands.add({ name: 'hal', roles: [] });
    const { tokenId } = issued as { tokenId: string };
    await commands.add({ name: 'ida', roles: [] });
    expect(await commands.revoke({ name: 'ida', tokenId })).toMatchObject({ tokenIds: [] });
    expect(await listed('hal')).toMatchObject({ tokens: [{ tokenId }] });
  });

  it('is refused for whom nobody knows, and for roles that there are not', async () => {
    expect(await commands.revoke({ name: 'nobody' })).toMatchObject({ reason: 'unknown_person' });
    expect(await commands.revoke({ name: 'ada', roles: ['King'] })).toMatchObject({
      reason: 'unknown_role',
    });
  });
});
