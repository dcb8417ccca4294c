import { describe, expect, it } from 'vitest';
import { requirementFor } from '../../src/domain/authority.ts';
import { viewDigest } from '../../src/domain/decision.ts';
import { decisionIdOf, personIdOf, reviewIdOf } from '../../src/domain/ids.ts';
import { type PresentedAdvisory, startRound } from '../../src/domain/review.ts';
import { reviewView } from '../support/review-view.ts';

const { requirement: _, round: __, validForS: ___, ...shown } = reviewView();
const advisory: PresentedAdvisory = {
  ...shown,
  priorityLevel: 3,
  policyAuthor: personIdOf('author'),
  policyAuthority: null,
};

describe('a round of a review', () => {
  it('has ids that follow from the advisory and its number, and the digest of what it shows', () => {
    const round = startRound(advisory, 1);
    const { requirement, validForS } = round;
    expect(round).toMatchObject({
      decisionId: decisionIdOf(advisory.advisoryId, 1),
      reviewId: reviewIdOf(advisory.advisoryId),
      round: 1,
      riskLevel: 'LOW',
      viewDigest: viewDigest({ ...advisory, requirement, round: 1, validForS }),
    });
    expect(startRound(advisory, 1).salt).not.toBe(round.salt);
  });

  it('takes one role more than the one before it, and one more in a conflict', () => {
    const raised = (by: number) => requirementFor('LOW', { raisedBy: by });
    expect(startRound(advisory, 1).requirement).toEqual(raised(0));
    expect(startRound(advisory, 2).requirement).toEqual(raised(1));
    expect(startRound({ ...advisory, conflict: true }, 1).requirement).toEqual(raised(1));
    expect(startRound({ ...advisory, conflict: true }, 2).requirement).toEqual(raised(2));
  });

  it('takes what the policy asks for, and the most when that cannot be read', () => {
    const asked = (policyAuthority: unknown) =>
      startRound({ ...advisory, policyAuthority }, 1).requirement;
    expect(asked('HIGH')).toEqual(requirementFor('HIGH'));
    expect(asked({ seats: [['Governance Board']], roles: 1 }).seats).toEqual([
      ['Governance Board'],
    ]);
    expect(asked('SOME')).toEqual(requirementFor('CRITICAL'));
  });
});
