/**
 * Reviewers for the demonstration: people with every role that decides, who work through the open reviews over HTTP as
 * real ones would. They are asked like everybody else: what their roles do not allow, the endpoint refuses them too.
 */
import type { ReviewerCommands } from '../actors/reviewers.ts';
import type { DecidingRole } from '../domain/authority.ts';
import type { PersonId } from '../domain/ids.ts';
import { isRefusal } from '../domain/problem.ts';

export interface DemoPerson {
  readonly name: string;
  readonly role: DecidingRole;
  readonly personId: PersonId;
  readonly token: string;
}

/** Writes the example policies, so may not decide on what follows from them. */
export const POLICY_AUTHOR = 'demo-policy-author';

/** Lowest role first. Two of each role that may override: an unknown risk takes three of them. */
const people: readonly { readonly name: string; readonly role: DecidingRole }[] = [
  { name: 'demo-administrator', role: 'Administrator' },
  { name: 'demo-senior-authority', role: 'Senior Authority' },
  { name: 'demo-compliance-officer', role: 'Compliance Officer' },
  { name: 'demo-compliance-officer-2', role: 'Compliance Officer' },
  { name: 'demo-governance-board', role: 'Governance Board' },
  { name: 'demo-governance-board-2', role: 'Governance Board' },
];

const TOKEN_DAYS = 1;

export async function addDemoPeople(
  commands: ReviewerCommands,
): Promise<{ readonly author: DemoPerson; readonly reviewers: readonly DemoPerson[] }> {
  const add = async (name: string, role: DecidingRole): Promise<DemoPerson> => {
    const issued = await commands.add({ name, roles: [role], days: TOKEN_DAYS });
    if (isRefusal(issued)) throw new Error(`${name} could not be added: ${issued.detail}`);
    return { name, role, personId: issued.personId, token: issued.token };
  };
  const reviewers: DemoPerson[] = [];
  for (const { name, role } of people) reviewers.push(await add(name, role));
  return { author: await add(POLICY_AUTHOR, 'Compliance Officer'), reviewers };
}

interface OpenReview {
  readonly review_id: string;
  readonly risk_level: string;
}

interface ReviewDocument extends OpenReview {
  readonly advisory: { readonly options: readonly { readonly option: string }[] };
  readonly decision: {
    readonly state: string;
    readonly seats_needed: readonly (readonly string[])[];
  };
  readonly you: {
    readonly acts: readonly {
      readonly act: string;
      readonly allowed: boolean;
      readonly roles: readonly string[];
    }[];
  };
  readonly view_digest: string;
  /** They are decided together with it; those that are decided have no digest. */
  readonly contradictions: readonly {
    readonly review_id: string;
    readonly view_digest: string | null;
  }[];
}

export interface ReviewDesk {
  /** Resolves every review that is open now, and returns how many there were. */
  resolveOpen(): Promise<number>;
  /** The most urgent open review, as the person reads it; undefined when none is open. */
  first(person: DemoPerson, level?: string): Promise<ReviewDocument | undefined>;
}

const AT_ONCE = 8;
const PAGE_MAX = 200;

export function openReviewDesk(url: string, reviewers: readonly DemoPerson[]): ReviewDesk {
  async function call<Answer>(person: DemoPerson, path: string, body?: object): Promise<Answer> {
    const response = await fetch(`${url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${person.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.json();
    if (!response.ok) {
      throw new Error(
        `${person.name} got ${response.status} for ${path}: ${JSON.stringify(answer)}`,
      );
    }
    return answer as Answer;
  }

  async function openReviews(level?: string): Promise<readonly OpenReview[]> {
    const filter = level === undefined ? '' : `&level=${level}`;
    const page = await call<{ reviews: readonly OpenReview[] }>(
      reviewers[0]!,
      `/v1/reviews?state=open&limit=${PAGE_MAX}${filter}`,
    );
    return page.reviews;
  }

  /** Each reviewer in turn reads the review and does what it still takes, as far as the own role goes. */
  async function resolve({ review_id: id }: OpenReview): Promise<void> {
    for (const person of reviewers) {
      const review = await call<ReviewDocument>(person, `/v1/reviews/${id}`);
      if (review.decision.state !== 'pending') return;
      const together = review.contradictions.flatMap(({ review_id, view_digest }) =>
        view_digest === null ? [] : [{ review_id, view_digest }],
      );
      // Of those that contradict each other one is worked on, and the others end with it.
      if (together.some((other) => other.review_id < id)) return;
      const act = actOf(review, person);
      if (act === undefined) continue;
      await call(person, `/v1/reviews/${id}/decisions`, {
        ...act,
        view_digest: review.view_digest,
        together,
      });
    }
  }

  return {
    async resolveOpen() {
      let resolved = 0;
      for (let open = await openReviews(); open.length > 0; open = await openReviews()) {
        const before = resolved;
        for (let start = 0; start < open.length; start += AT_ONCE) {
          await Promise.all(open.slice(start, start + AT_ONCE).map(resolve));
        }
        resolved += open.length;
        const left = await openReviews();
        // Reviews that nobody here can resolve would be read again for ever.
        if (left.length === open.length && left[0]?.review_id === open[0]?.review_id) {
          throw new Error(
            `review ${left[0]!.review_id} cannot be resolved by the demo's reviewers`,
          );
        }
        if (before === resolved) break;
      }
      return resolved;
    },
    async first(person, level) {
      const [review] = await openReviews(level);
      return review && call<ReviewDocument>(person, `/v1/reviews/${review.review_id}`);
    },
  };
}

interface Act {
  readonly act: 'approve' | 'reject' | 'override';
  readonly role: DecidingRole;
  readonly option?: string;
  readonly justification: string;
}

/** Low risk is accepted as it is; everything else is acted on, by the first option that the policy recommends. */
function actOf(review: ReviewDocument, { role }: DemoPerson): Act | undefined {
  const may = (act: string) =>
    review.you.acts.some((one) => one.act === act && one.allowed && one.roles.includes(role));
  if (review.risk_level === 'LOW') {
    return may('reject')
      ? { act: 'reject', role, justification: 'Low risk, accepted as it is.' }
      : undefined;
  }
  if (!review.decision.seats_needed.some((seat) => seat.includes(role))) return undefined;
  const option = review.advisory.options[0]?.option;
  if (option === undefined) return undefined;
  const justification = 'The evidence holds; the recommended measure is proportionate.';
  if (may('approve')) return { act: 'approve', role, option, justification };
  if (may('override')) return { act: 'override', role, option, justification };
  return undefined;
}
