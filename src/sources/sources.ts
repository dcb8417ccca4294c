/** Every kind of source that this release knows. A new one is a file beside this one, and a line here. */
import type { SourceKind } from '../domain/source.ts';
import { cloudevents } from './cloudevents.ts';
import { github } from './github.ts';

export const sourceKinds: readonly SourceKind[] = [
  cloudevents, // CloudEvents 1.0; Standard Webhooks signatures
  github, // webhooks of organisations and repositories; X-Hub-Signature-256
];
