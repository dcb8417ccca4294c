/** The sections, in the order in which they run. */
import type { Section } from '../bench.ts';
import { batches } from './batches.ts';
import { history } from './history.ts';
import { latency } from './latency.ts';
import { ledger } from './ledger.ts';
import { memory } from './memory.ts';
import { payloads } from './payloads.ts';
import { pipeline } from './pipeline.ts';
import { policies } from './policies.ts';
import { postgresBackend } from './postgres-backend.ts';
import { scale } from './scale.ts';

export const sections: readonly Section[] = [
  pipeline,
  batches,
  policies,
  payloads,
  latency,
  ledger,
  scale,
  postgresBackend,
  history,
  memory,
];
