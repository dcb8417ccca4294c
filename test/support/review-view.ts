/** A review as its reviewers see it, for tests of what is bound to it. */
import type { ReviewView } from '../../src/domain/decision.ts';
import { sha256 } from '../../src/domain/digest.ts';
import {
  advisoryIdOf,
  assessmentIdOf,
  evaluationIdOf,
  eventIdOf,
  modelIdOf,
  policyIdOf,
} from '../../src/domain/ids.ts';

/** The view of an event of its own for each `subject`. */
export function reviewView(subject = 'one'): ReviewView {
  const eventId = eventIdOf('https://example.org/source', subject);
  const assessmentId = assessmentIdOf(eventId, 'default');
  const evaluationId = evaluationIdOf(assessmentId);
  const policyId = policyIdOf('branch-protection');
  return {
    eventId,
    eventDigest: sha256(`event ${subject}`),
    assessmentId,
    assessmentDigest: sha256(`assessment ${subject}`),
    modelId: modelIdOf('default'),
    modelVersion: 1,
    evaluationId,
    policyId,
    policyVersion: 3,
    policyDigest: sha256('policy'),
    advisoryId: advisoryIdOf(evaluationId, policyId),
    advisoryVersion: 1,
    advisoryDigest: sha256(`advisory ${subject}`),
    riskLevel: 'LOW',
    conflict: false,
    options: [
      {
        option: 'restore',
        title: 'Restore the protection of main',
        target: 'access-control',
        command: { branch: 'main', action: 'restore' },
      },
    ],
    requirement: { seats: [['Administrator', 'Senior Authority']], roles: 1 },
    round: 1,
    validForS: 3_600,
  };
}
