/**
 * Real input for the demonstration: the webhook payloads that GitHub's users have collected in the npm package
 * `@octokit/webhooks-examples`, as deliveries signed the way GitHub signs them.
 *
 * https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
 */
import { createHmac, randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';

export interface Delivery {
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface ExampleEvent {
  readonly name: string;
  readonly examples: readonly object[];
}

const PACKAGE = '@octokit/webhooks-examples';

/** A fresh delivery of every example, in the package's order. Each call draws new ids, as each delivery of GitHub does. */
export function githubDeliveries(secret: string): Delivery[] {
  return examples().flatMap(({ name, examples: payloads }) =>
    payloads.map((payload) => delivery(name, JSON.stringify(payload), secret)),
  );
}

function examples(): readonly ExampleEvent[] {
  try {
    return createRequire(import.meta.url)(PACKAGE) as readonly ExampleEvent[];
  } catch (cause) {
    throw new Error(
      `The demonstration needs the package ${PACKAGE}: install with "npm ci" (it is a development dependency).`,
      { cause },
    );
  }
}

function delivery(event: string, body: string, secret: string): Delivery {
  const id = randomUUID();
  return {
    id,
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'GitHub-Hookshot/demo',
      'x-github-event': event,
      'x-github-delivery': id,
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
  };
}
