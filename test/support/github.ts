/** Real input: the webhook payloads that GitHub documents, each as a body that GitHub would send. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export interface GithubPayload {
  /** What `X-GitHub-Event` says. */
  readonly event: string;
  readonly body: string;
}

interface Example {
  readonly name: string;
  readonly examples: readonly object[];
}

export function githubPayloads(): readonly GithubPayload[] {
  const path = createRequire(import.meta.url).resolve(
    '@octokit/webhooks-examples/api.github.com/index.json',
  );
  const events = JSON.parse(readFileSync(path, 'utf8')) as readonly Example[];
  return events.flatMap(({ name, examples }) =>
    examples.map((example) => ({ event: name, body: JSON.stringify(example) })),
  );
}
