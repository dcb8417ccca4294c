/** Reviews: what waits for people. One for each advisory; its rounds are decision rows. */
import { parsePolicyAuthority, type PolicyAuthority, requirementFor } from './authority.ts';
import { APPROVAL_VALID_S, type ReviewView, type Round, viewDigest } from './decision.ts';
import { newSalt } from './digest.ts';
import { decisionIdOf, type PersonId, reviewIdOf } from './ids.ts';

/** An advisory with all that its reviewers rely on. */
export interface PresentedAdvisory extends Omit<ReviewView, 'requirement' | 'round' | 'validForS'> {
  /** 1 is shown first, 5 last. */
  readonly priorityLevel: number;
  readonly policyAuthor: PersonId;
  /** `required_authority` of the policy's definition; null when it asks for nothing. */
  readonly policyAuthority: unknown;
}

/** Round `round` of the review of an advisory. Every round before it was escalated, and each asked for a role more. */
export function startRound(advisory: PresentedAdvisory, round: number): Round {
  const requirement = requirementFor(advisory.riskLevel, {
    raisedBy: round - 1 + (advisory.conflict ? 1 : 0),
    policy: authorityAskedBy(advisory),
  });
  const validForS = APPROVAL_VALID_S;
  return {
    decisionId: decisionIdOf(advisory.advisoryId, round),
    advisoryId: advisory.advisoryId,
    reviewId: reviewIdOf(advisory.advisoryId),
    eventId: advisory.eventId,
    round,
    riskLevel: advisory.riskLevel,
    requirement,
    validForS,
    viewDigest: viewDigest({ ...advisory, requirement, round, validForS }),
    salt: newSalt(),
  };
}

/** A policy that asks for something that cannot be read asks for the most: it must not count as nothing. */
function authorityAskedBy({ policyAuthority }: PresentedAdvisory): PolicyAuthority | undefined {
  if (policyAuthority === null) return undefined;
  return parsePolicyAuthority(policyAuthority) ?? 'CRITICAL';
}
