/** A person at the reviewers' endpoint: reads a review, then approves the first option of exactly what was read. */

export interface Reviewer {
  /** `onDecide` is called when the approval is about to be sent. @throws Error when it is not accepted. */
  approve(reviewId: string, onDecide: () => void): Promise<void>;
}

interface ReviewDocument {
  readonly view_digest: string;
  readonly advisory: { readonly options: readonly { readonly option: string }[] };
}

export function openReviewer(endpoint: string, token: string): Reviewer {
  const headers = { authorization: `Bearer ${token}` };
  async function answerOf(response: Response): Promise<unknown> {
    const answer: unknown = await response.json();
    if (response.ok) return answer;
    throw new Error(`${response.status} ${JSON.stringify(answer)}`);
  }
  return {
    async approve(reviewId, onDecide) {
      const path = `${endpoint}/v1/reviews/${reviewId}`;
      const review = (await answerOf(await fetch(path, { headers }))) as ReviewDocument;
      const { view_digest, advisory } = review;
      const act = { act: 'approve', option: advisory.options[0]?.option, view_digest };
      onDecide();
      await answerOf(
        await fetch(`${path}/decisions`, {
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json' },
          body: JSON.stringify(act),
        }),
      );
    },
  };
}
