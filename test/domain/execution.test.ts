import { describe, expect, it } from 'vitest';
import { viewDigest } from '../../src/domain/decision.ts';
import { type Digest, sha256 } from '../../src/domain/digest.ts';
import {
  executionDigest,
  type ExecutionStatus,
  executionTransitions,
  isFinal,
  type LedgeredDecision,
  mayBecome,
  requestOf,
} from '../../src/domain/execution.ts';
import { executionIdOf } from '../../src/domain/ids.ts';
import type { Timestamp } from '../../src/domain/time.ts';
import { reviewView } from '../support/review-view.ts';

const NOW = '2026-03-01T12:00:00.000001Z' as Timestamp;
const LATER = '2026-03-01T12:00:00.000002Z' as Timestamp;

function ledgered(changed: Partial<LedgeredDecision> = {}): LedgeredDecision {
  const view = changed.view ?? reviewView();
  return {
    decisionId: '10000000-0000-4000-8000-000000000000' as LedgeredDecision['decisionId'],
    optionId: 'restore',
    expiresAt: LATER,
    boundDigest: viewDigest(reviewView()),
    rowDigest: sha256('decision'),
    entryDigest: sha256('decision'),
    ledger: { stream: '0', seq: '17', hash: sha256('entry') },
    ...changed,
    view,
  };
}

describe('the states of an execution', () => {
  const statuses = Object.keys(executionTransitions) as ExecutionStatus[];

  it('end in acknowledged or failed', () => {
    expect(statuses.filter(isFinal)).toEqual(['acknowledged', 'failed']);
  });

  it('never go back', () => {
    const allowed = statuses.flatMap((from) =>
      statuses.filter((to) => mayBecome(from, to)).map((to) => `${from} → ${to}`),
    );
    expect(allowed).toEqual([
      'requested → dispatched',
      'requested → failed',
      'dispatched → acknowledged',
      'dispatched → failed',
    ]);
  });
});

describe('the request of a ledgered decision', () => {
  it('is open when what would run is what was shown', () => {
    const request = requestOf(ledgered(), NOW);
    expect(request).toMatchObject({
      executionId: executionIdOf(ledgered().decisionId, 1),
      target: 'access-control',
      command: '{"action":"restore","branch":"main"}',
      commandSha256: sha256('{"action":"restore","branch":"main"}'),
      requestedAt: NOW,
      expiresAt: LATER,
      ending: null,
      rowDigest: null,
    });
  });

  it('names target, action, decision, expiry and ledger entry in its bytes', () => {
    const { executionId, requestBody } = requestOf(ledgered(), NOW);
    expect(JSON.parse(requestBody)).toEqual({
      type: 'sentinelops.execution.requested.v1',
      timestamp: NOW,
      data: {
        execution_id: executionId,
        decision_id: ledgered().decisionId,
        event_id: reviewView().eventId,
        action_no: '1',
        target: 'access-control',
        action: 'restore',
        command: { branch: 'main', action: 'restore' },
        expires_at: LATER,
        ledger: { stream: '0', seq: '17', hash: sha256('entry') },
      },
    });
  });

  it('is the same for the same decision at the same instant, byte for byte', () => {
    expect(requestOf(ledgered(), NOW)).toEqual(requestOf(ledgered(), NOW));
  });

  it.each([
    ['the event', { eventDigest: sha256('other') }],
    ['the assessment', { assessmentDigest: sha256('other') }],
    ['the policy version', { policyVersion: 4 }],
    ['the policy text', { policyDigest: sha256('other') }],
    ['the advisory', { advisoryDigest: sha256('other') }],
    ['the risk level', { riskLevel: 'HIGH' }],
    ['the required people', { requirement: { seats: [['Administrator']], roles: 1 } }],
    ['the time to act', { validForS: 999_999 }],
  ] as const)('is refused when %s is not what was shown', (_, changed) => {
    const view = { ...reviewView(), ...changed } as LedgeredDecision['view'];
    expect(requestOf(ledgered({ view }), NOW).ending).toEqual({
      status: 'failed',
      failureReason: 'refused',
      completedAt: NOW,
      responseSha256: null,
    });
  });

  it.each([
    ['command', { command: { action: 'delete', branch: 'main' } }],
    ['target', { target: 'elsewhere' }],
  ])('is refused when its %s is not what was shown', (_, changed) => {
    const [option] = reviewView().options;
    const view = { ...reviewView(), options: [{ ...option!, ...changed }] };
    expect(requestOf(ledgered({ view }), NOW).ending?.failureReason).toBe('refused');
  });

  it('is refused when the entry is about another state of the decision', () => {
    const entryDigest = sha256('before the change') as Digest;
    expect(requestOf(ledgered({ entryDigest }), NOW).ending?.failureReason).toBe('refused');
  });

  it('is refused when the approved option is not among those shown', () => {
    const request = requestOf(ledgered({ optionId: 'another' }), NOW);
    expect(request).toMatchObject({ target: 'none', ending: { failureReason: 'refused' } });
  });

  it('is expired from the very microsecond of its expiry on', () => {
    expect(requestOf(ledgered({ expiresAt: NOW }), NOW).ending?.failureReason).toBe('expired');
    expect(requestOf(ledgered({ expiresAt: LATER }), NOW).ending).toBeNull();
  });

  it('carries its digest when it has ended', () => {
    const request = requestOf(ledgered({ expiresAt: NOW }), NOW);
    expect(request.rowDigest).toBe(executionDigest(request, request.ending!));
  });
});

describe('the digest of a finished execution', () => {
  const open = requestOf(ledgered(), NOW);
  const ending = {
    status: 'acknowledged',
    failureReason: null,
    completedAt: LATER,
    responseSha256: sha256('{}'),
  } as const;

  it.each([
    ['target', { ...open, target: 'elsewhere' }, ending],
    ['body', { ...open, requestBody: '{}' }, ending],
    ['answer', open, { ...ending, responseSha256: sha256('{"ok":true}') }],
    ['status', open, { ...ending, status: 'failed', failureReason: 'rejected' }],
    ['completion', open, { ...ending, completedAt: NOW }],
  ] as const)('changes with its %s', (_, changedOpen, changedEnding) => {
    expect(executionDigest(changedOpen, changedEnding)).not.toBe(executionDigest(open, ending));
  });
});
