import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unpack } from '../../src/domain/evidence/archive.ts';
import { verifyEvidence } from '../../src/domain/evidence/verification.ts';
import type { EventId } from '../../src/domain/ids.ts';
import { isPolicyFault, parseTrustPolicy } from '../../src/domain/ledger/trust.ts';
import { isRefusal } from '../../src/domain/problem.ts';
import { exportEvidence } from '../../src/stores/evidence.ts';
import { LedgerDamaged } from '../../src/stores/ledger-proofs.ts';
import { openRecordedEvents, type RecordedEvents } from '../support/recorded-events.ts';
import { alterBehind } from '../support/weighed.ts';

let recorded: RecordedEvents;
let decided: EventId;
let cleared: EventId;
let waiting: EventId;
let rejected: EventId;
let escalated: EventId;
beforeAll(async () => {
  recorded = await openRecordedEvents();
  cleared = await recorded.record({ bad: false });
  await recorded.seal();
  decided = await recorded.record({ bad: true }, ['approve', 'approve']);
  rejected = await recorded.record({ bad: true }, ['reject']);
  escalated = await recorded.record({ bad: true }, ['escalate']);
  waiting = await recorded.record({ bad: true });
  await recorded.seal();
});
afterAll(() => recorded.close());

async function bundle(eventId: EventId): Promise<Buffer> {
  const made = await exportEvidence(recorded.audit, eventId);
  if (isRefusal(made)) throw new Error(made.detail);
  return made;
}

function ownPolicy() {
  const policy = parseTrustPolicy(recorded.policy);
  if (isPolicyFault(policy)) throw new Error(policy.detail);
  return policy;
}

function textsOf(archive: Buffer): ReadonlyMap<string, string> {
  const files = unpack(archive);
  if ('fault' in files) throw new Error(files.detail);
  return new Map([...files].map(([name, bytes]) => [name, bytes.toString()]));
}

describe('the evidence of an event', () => {
  it.each([
    ['decided and executed', () => decided, 6],
    ['cleared', () => cleared, 5],
    ['rejected', () => rejected, 6],
    ['escalated', () => escalated, 6],
    ['waiting for people', () => waiting, 5],
  ] as const)('that is %s verifies with the keys of the verifier', async (_what, event, least) => {
    const verdict = verifyEvidence(await bundle(event()), { policy: ownPolicy() });
    expect(verdict).toMatchObject({
      status: 'OK',
      code: 0,
      event: event(),
      keysFrom: 'policy',
      cosigners: [{ name: 'witness.example/w' }],
    });
    expect(verdict.entries).toBeGreaterThanOrEqual(least);
  });

  it('is the same bytes each time', async () => {
    expect((await bundle(decided)).equals(await bundle(decided))).toBe(true);
  });

  it('shows who decided in which role and why, what they were shown, and what was done', async () => {
    const report = textsOf(await bundle(decided)).get('report.html')!;
    for (const said of ['carla', 'dora', 'Senior Authority', 'has looked into it', 'Mend it']) {
      expect(report).toContain(said);
    }
    expect(report).toContain('&lt;b&gt;It&lt;/b&gt; is right.');
    expect(report).toContain('Attempt 1');
    expect(report).not.toMatch(/<script|https?:\/\/|<b>/);
  });

  it('brings the policy and the model in the versions that were applied', async () => {
    const texts = [...textsOf(await bundle(decided)).values()];
    expect(texts.some((text) => text.includes('"policy":"mend-bad-things"'))).toBe(true);
    expect(texts.some((text) => text.includes('"risk_model":"plain"'))).toBe(true);
  });

  it('leads from the checkpoint before the decision to that above it', async () => {
    const texts = textsOf(await bundle(decided));
    const sizeOf = (name: string) => Number(texts.get(name)!.split('\n')[1]);
    expect(sizeOf('checkpoint.before')).toBeLessThan(sizeOf('checkpoint'));
    expect(texts.get('consistency')).toMatch(/^[0-9A-Za-z+/=\n]+$/);
  });

  it('leads on to the newest checkpoint where that is not cosigned yet', async () => {
    await recorded.record({ bad: false }, []);
    expect(textsOf(await bundle(cleared)).has('checkpoint.newest')).toBe(false);
    await recorded.seal({ isCosigned: false });
    const texts = textsOf(await bundle(cleared));
    expect(texts.get('checkpoint.newest')).not.toBe(texts.get('checkpoint'));
    expect(texts.has('consistency.newest')).toBe(true);
    expect(verifyEvidence(await bundle(cleared), { policy: ownPolicy() }).status).toBe('OK');
  });
});

describe('no evidence is given', () => {
  it('of an event that is not known', async () => {
    const unknown = '00000000-0000-8000-8000-000000000000';
    expect(await exportEvidence(recorded.audit, unknown)).toMatchObject({ reason: 'not_found' });
  });

  it('as long as a fact has no entry under a checkpoint', async () => {
    const young = await recorded.record({ bad: false });
    expect(await exportEvidence(recorded.audit, young)).toMatchObject({ reason: 'not_sealed' });
    await recorded.seal();
    expect(verifyEvidence(await bundle(young)).status).toBe('OK');
  });

  it('of a row that was changed behind its entry', async () => {
    const { client } = recorded;
    await alterBehind(
      client,
      'decision.decision',
      `update decision.decision set justification = 'another' where event_id = '${rejected}'`,
    );
    await expect(exportEvidence(recorded.audit, rejected)).rejects.toThrow(LedgerDamaged);
  });
});
