import fc from 'fast-check';
import { expect, it } from 'vitest';
import { riskLevels } from '../../src/domain/risk-level.ts';
import { PROOF_MINUTES_MAX, refuseStaleProof } from '../../src/domain/step-up.ts';
import type { Timestamp } from '../../src/domain/time.ts';

const at = (ms: number) => new Date(ms).toISOString() as Timestamp;
const FIRST_MS = Date.parse('2026-11-25T10:00:00Z');

it('asks for a proof of at most five minutes at HIGH and above, and never below', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...riskLevels),
      fc.integer({ min: 0, max: 86_400_000 }),
      (level, ageMs) => {
        const refusal = refuseStaleProof(level, at(FIRST_MS), at(FIRST_MS + ageMs));
        const isStale = ageMs > PROOF_MINUTES_MAX * 60_000;
        const isHigh = level !== 'LOW' && level !== 'MEDIUM';
        expect(refusal?.reason).toBe(isHigh && isStale ? 'step_up_required' : undefined);
      },
    ),
  );
});
