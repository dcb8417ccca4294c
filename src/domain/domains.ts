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

/**
 * Who works in the database: the domains, and the signer of the ledger, which owns nothing there. It may read entries and
 * call the few functions by which checkpoints are released.
 */
export const principals = [...domains, 'signer'] as const;
export type Principal = (typeof principals)[number];

export const roleOf = (principal: Principal): string => `sentinelops_${principal}`;
