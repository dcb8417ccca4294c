import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/domain/canonical.ts';
import {
  type DecisionState,
  decisionDigest,
  decisionTransitions,
  type EndedRound,
  type GivenApproval,
  isApproving,
  isFinalised,
  mayBecome,
  type ReviewView,
  viewDigest,
  viewDocument,
} from '../../src/domain/decision.ts';
import { sha256 } from '../../src/domain/digest.ts';
import {
  advisoryIdOf,
  approvalIdOf,
  decisionIdOf,
  eventIdOf,
  evaluationIdOf,
  modelIdOf,
  personIdOf,
  policyIdOf,
  reviewIdOf,
} from '../../src/domain/ids.ts';
import { timestampOfMs } from '../../src/domain/time.ts';
import { reviewView } from '../support/review-view.ts';

const states = Object.keys(decisionTransitions) as DecisionState[];

describe('the states of a decision', () => {
  it('are left from pending only, and never for pending', () => {
    const moves = states.flatMap((from) =>
      states.filter((to) => mayBecome(from, to)).map((to) => `${from} → ${to}`),
    );
    expect(moves).toEqual([
      'pending → approved',
      'pending → rejected',
      'pending → escalated',
      'pending → override',
    ]);
  });

  it('are final but for pending and escalated, and permit an execution when approved or overridden', () => {
    expect(states.filter(isFinalised)).toEqual(['approved', 'rejected', 'override']);
    expect(states.filter(isApproving)).toEqual(['approved', 'override']);
  });
});

describe('the digest of what reviewers are shown', () => {
  const view = reviewView();
  const [option] = view.options;
  const other = sha256('other');

  it('is that of the published document', () => {
    expect(viewDigest(view)).toBe(sha256(canonicalJson(viewDocument(view))));
  });

  it('does not depend on the order of members, nor on what else a row holds', () => {
    const mixed = Object.fromEntries(Object.entries(view).toReversed()) as unknown as ReviewView;
    expect(viewDigest({ ...mixed, ...{ title: 'not shown' } })).toBe(viewDigest(view));
  });

  it.each<[string, Partial<ReviewView>]>([
    ['event', { eventId: eventIdOf('s', 'other') }],
    ['content of the event', { eventDigest: other }],
    ['assessment', { assessmentDigest: other }],
    ['risk model', { modelId: modelIdOf('other') }],
    ['version of the model', { modelVersion: 2 }],
    ['absence of a model', { modelId: null, modelVersion: null }],
    ['evaluation', { evaluationId: evaluationIdOf(view.assessmentId.replace('a', 'b') as never) }],
    ['policy', { policyId: policyIdOf('other') }],
    ['version of the policy', { policyVersion: 4 }],
    ['text of the policy', { policyDigest: other }],
    ['advisory', { advisoryId: advisoryIdOf(view.evaluationId, policyIdOf('other')) }],
    ['version of the advisory', { advisoryVersion: 2 }],
    ['text of the advisory', { advisoryDigest: other }],
    ['level', { riskLevel: 'CRITICAL' }],
    ['conflict', { conflict: true }],
    ['command', { options: [{ ...option!, command: { branch: 'other', action: 'restore' } }] }],
    ['target', { options: [{ ...option!, target: 'other' }] }],
    ['title of an option', { options: [{ ...option!, title: 'Other' }] }],
    ['name of an option', { options: [{ ...option!, option: 'other' }] }],
    ['set of options', { options: [] }],
    ['required authority', { requirement: { seats: [['Governance Board']], roles: 1 } }],
    ['round', { round: 2 }],
    ['validity', { validForS: 1 }],
  ])('changes with the %s', (_, change) => {
    expect(viewDigest({ ...view, ...change })).not.toBe(viewDigest(view));
  });

  it('holds for commands of any length', () => {
    const command = { text: 'x'.repeat(100_000) };
    expect(viewDigest({ ...view, options: [{ ...option!, command }] })).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('the digest of a finalised decision', () => {
  const advisoryId = reviewView().advisoryId;
  const decisionId = decisionIdOf(advisoryId, 1);
  const ada = personIdOf('ada');
  const decision: EndedRound = {
    decisionId,
    advisoryId,
    reviewId: reviewIdOf(advisoryId),
    eventId: reviewView().eventId,
    round: 1,
    riskLevel: 'LOW',
    requirement: { seats: [['Administrator']], roles: 1 },
    validForS: 60,
    viewDigest: viewDigest(reviewView()),
    salt: '0'.repeat(64),
    state: 'approved',
    optionId: 'restore',
    makerId: ada,
    makerRole: 'Administrator',
    justification: 'Administrator: it is right',
    createdAt: timestampOfMs(0),
    finalizedAt: timestampOfMs(1),
    escalatedAt: null,
    proof: null,
    expiresAt: timestampOfMs(60_001),
  };
  const approval: GivenApproval = {
    approvalId: approvalIdOf(decisionId, ada),
    personId: ada,
    role: 'Administrator',
    act: 'approve',
    optionId: 'restore',
    onBehalfOf: null,
    delegationId: null,
    bulkId: null,
    justification: 'it is right',
    viewDigest: decision.viewDigest,
    approvedAt: timestampOfMs(1),
  };
  const digest = decisionDigest(decision, [approval]);

  it.each<[string, Partial<EndedRound>]>([
    ['type', { state: 'override' }],
    ['option', { optionId: 'ignore' }],
    ['maker', { makerId: personIdOf('bob') }],
    ['role', { makerRole: 'Senior Authority' }],
    ['justification', { justification: 'other' }],
    ['requirement', { requirement: { seats: [['Senior Authority']], roles: 1 } }],
    ['view', { viewDigest: sha256('other') }],
    ['instant', { finalizedAt: timestampOfMs(2) }],
    ['expiry', { expiresAt: null }],
    ['proof', { proof: { seats: [], roles: 1, excluded: [] } }],
    ['instant of its escalation', { escalatedAt: timestampOfMs(2) }],
    ['salt', { salt: '1'.repeat(64) }],
  ])('changes with the %s', (_, change) => {
    expect(decisionDigest({ ...decision, ...change }, [approval])).not.toBe(digest);
  });

  it.each<[string, readonly GivenApproval[]]>([
    ['absence', []],
    ['person', [{ ...approval, personId: personIdOf('bob') }]],
    ['role', [{ ...approval, role: 'Senior Authority' }]],
    ['act', [{ ...approval, act: 'override' }]],
    ['justification', [{ ...approval, justification: 'other' }]],
    ['instant', [{ ...approval, approvedAt: timestampOfMs(2) }]],
    ['company', [approval, approval]],
  ])('changes with the %s of an approval', (_, approvals) => {
    expect(decisionDigest(decision, approvals)).not.toBe(digest);
  });

  it('does not depend on the order in which the acts are read', () => {
    const second = { ...approval, personId: personIdOf('bob') };
    expect(decisionDigest(decision, [second, approval])).toBe(
      decisionDigest(decision, [approval, second]),
    );
  });
});
