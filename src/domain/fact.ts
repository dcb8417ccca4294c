/** The kinds of fact that the ledger records, in the order in which one batch appends them (ledger specification §1). */
export const factTypes = [
  'EVENT',
  'RISK_ASSESSMENT',
  'EVALUATION',
  'ADVISORY',
  'DECISION',
  'EXECUTION',
  'POLICY',
  'RISK_MODEL',
  'DEAD_LETTER',
  'ERASURE',
] as const;
export type FactType = (typeof factTypes)[number];
