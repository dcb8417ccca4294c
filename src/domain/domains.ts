/**
 * The domains. Each owns one Postgres schema of the same name, one owner role `sentinelops_<domain>_owner` that
 * cannot log in, and one application role `sentinelops_<domain>`. `audit` owns no table: it reads all, writes nothing.
 */
export const domains = [
  'identity',
  'event',
  'policy',
  'risk',
  'advisory',
  'decision',
  'execution',
  'ledger',
  'audit',
] as const;
export type Domain = (typeof domains)[number];

export const roleOf = (domain: Domain): string => `sentinelops_${domain}`;
