/** Every kind of fault that the harness can inject. A new one is a line in the list of its file. */
import type { FaultKind } from './fault.ts';
import { failpointFaults } from './failpoints.ts';
import { postgresFaults } from './postgres.ts';
import { processFaults } from './processes.ts';
import { redisFaults } from './redis.ts';
import { surroundingFaults } from './surroundings.ts';

export const faultKinds: readonly FaultKind[] = [
  ...processFaults,
  ...failpointFaults,
  ...redisFaults,
  ...postgresFaults,
  ...surroundingFaults,
];
