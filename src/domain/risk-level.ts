/** The levels of risk, lowest first. */
export const riskLevels = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'UNKNOWN'] as const;
export type RiskLevel = (typeof riskLevels)[number];
export type KnownRiskLevel = Exclude<RiskLevel, 'UNKNOWN'>;

/** UNKNOWN ranks above CRITICAL: what could not be weighed passes every minimum, it is never treated as zero. */
export function isAtLeast(level: RiskLevel, minimum: RiskLevel): boolean {
  return riskLevels.indexOf(level) >= riskLevels.indexOf(minimum);
}
