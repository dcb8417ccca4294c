/** A person at the reviewers' endpoint: reads a review, then approves the first option of exactly what was read. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Reviewer {
  /** `onDecide` is called when the approval is about to be sent. @throws Error when it is not accepted. */
  approve(reviewId: string, onDecide: () => void): Promise<void>;
}

interface ReviewDocument {
  readonly view_digest: string;
  readonly advisory: { readonly options: readonly { readonly option: string }[] };
}

const UNAVAILABLE = 503;
const TRIES_MAX = 30;

export function openReviewer(endpoint: string, token: string): Reviewer {
  const headers = { authorization: `Bearer ${token}` };
  /** What was not accepted because a store was busy is sent again, as the answer asks for. */
  async function call(path: string, request: RequestInit): Promise<unknown> {
    for (let tries = 1; ; tries += 1) {
      const response = await fetch(`${endpoint}/v1/reviews/${path}`, request);
      const answer: unknown = await response.json();
      if (response.ok) return answer;
      if (response.status !== UNAVAILABLE || tries === TRIES_MAX) {
        throw new Error(`${response.status} ${JSON.stringify(answer)}`);
      }
      await sleep(Number(response.headers.get('retry-after') ?? 1) * 1_000);
    }
  }
  return {
    async approve(reviewId, onDecide) {
      const review = (await call(reviewId, { headers })) as ReviewDocument;
      const { view_digest, advisory } = review;
      const act = { act: 'approve', option: advisory.options[0]?.option, view_digest };
      onDecide();
      await call(`${reviewId}/decisions`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(act),
      });
    },
  };
}
