/**
 * People who decide, over HTTP as real ones: several of each role, several at once on one review, with second thoughts
 * about nothing: an act without an answer is sent again as it was.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Act } from '../checker/evidence.ts';
import type { RunFolder } from '../journal.ts';
import { createRandom, type Random } from '../random.ts';

export interface ChaosPerson {
  readonly name: string;
  readonly role: string;
  readonly personId: string;
  readonly token: string;
}

/** Enough of each role for the highest review that an escalation can make. */
export const people: readonly { readonly name: string; readonly role: string }[] = [
  { name: 'chaos-administrator', role: 'Administrator' },
  { name: 'chaos-administrator-2', role: 'Administrator' },
  { name: 'chaos-senior', role: 'Senior Authority' },
  { name: 'chaos-senior-2', role: 'Senior Authority' },
  { name: 'chaos-compliance', role: 'Compliance Officer' },
  { name: 'chaos-compliance-2', role: 'Compliance Officer' },
  { name: 'chaos-board', role: 'Governance Board' },
  { name: 'chaos-board-2', role: 'Governance Board' },
  { name: 'chaos-board-3', role: 'Governance Board' },
];

/** Writes the policies, and decides nothing. */
export const AUTHOR = 'chaos-author';

export interface ReviewersOptions {
  readonly httpUrls: () => readonly string[];
  readonly people: readonly ChaosPerson[];
  readonly folder: RunFolder;
  readonly seed: number;
}

export interface Reviewers {
  readonly counts: Readonly<Record<Act['outcome'], number>>;
  /** How many reviews were open at the last look; undefined when it failed. */
  open(): Promise<number | undefined>;
  stop(): Promise<void>;
}

const REVIEWS_AT_ONCE = 6;
const PAGE = 50;
const IDLE_MS = 500;
const ANSWER_MS_MAX = 8_000;
const TRIES_MAX = 4;
const RETRY_MS = 300;

interface ReviewDocument {
  readonly review_id: string;
  readonly risk_level: string;
  readonly view_digest: string;
  readonly contradictions: readonly {
    readonly review_id: string;
    readonly view_digest: string | null;
  }[];
  readonly advisory: { readonly options: readonly { readonly option: string }[] };
  readonly decision: {
    readonly state: string;
    readonly round: number;
    readonly option: string | null;
    readonly approvals: readonly { readonly option?: string | null }[];
    readonly seats_needed: readonly (readonly string[])[];
  };
  readonly you: {
    readonly acts: readonly {
      readonly act: string;
      readonly allowed: boolean;
      readonly roles: readonly string[];
    }[];
  };
}

/** What people make of a review: the same whoever looks at it, since it is drawn from its id. */
type Plan = 'approve' | 'reject' | 'escalate' | 'override';

export function startReviewers(options: ReviewersOptions): Reviewers {
  const counts = { ok: 0, refused: 0, unknown: 0 };
  const stopped = new AbortController();

  async function call<Answer>(
    person: ChaosPerson,
    path: string,
    body?: object,
  ): Promise<{ status: number; answer: Answer } | undefined> {
    const urls = options.httpUrls();
    const url = urls[Math.floor(Math.random() * urls.length)]!;
    try {
      const response = await fetch(`${url}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          authorization: `Bearer ${person.token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      });
      return { status: response.status, answer: (await response.json()) as Answer };
    } catch {
      return undefined;
    }
  }

  /** Acts, and again with the same words until there is an answer. */
  async function act(person: ChaosPerson, review: ReviewDocument, said: object): Promise<void> {
    const path = `/v1/reviews/${review.review_id}/decisions`;
    const together = review.contradictions.flatMap(({ review_id, view_digest }) =>
      view_digest === null ? [] : [{ review_id, view_digest }],
    );
    const body = { ...said, view_digest: review.view_digest, together };
    for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
      const startedAt = Date.now();
      const answered = await call<{ decision_id?: string; state?: string }>(person, path, body);
      const outcome = outcomeOf(answered?.status);
      counts[outcome] += 1;
      await options.folder.note('acts', {
        ...{ reviewId: review.review_id, personId: person.personId },
        ...{ act: (said as { act: string }).act, viewDigest: review.view_digest },
        ...{ startedAt, endedAt: Date.now(), outcome, status: answered?.status ?? null },
        decisionId: answered?.answer.decision_id ?? null,
        state: answered?.answer.state ?? null,
      });
      if (outcome !== 'unknown' && answered?.status !== 503) return;
      await sleep(RETRY_MS * tries);
    }
  }

  /** One person looks and does what the plan still needs of the role. False when nothing was left to do. */
  async function visit(person: ChaosPerson, reviewId: string, plan: Plan): Promise<boolean> {
    const found = await call<ReviewDocument>(person, `/v1/reviews/${reviewId}`);
    if (found === undefined || found.status !== 200) return true;
    const review = found.answer;
    if (review.decision.state !== 'pending') return false;
    const said = wordsOf(review, person, plan);
    if (said !== undefined) await act(person, review, said);
    return true;
  }

  async function resolve(reviewId: string): Promise<void> {
    const random = createRandom(Number.parseInt(reviewId.slice(0, 8), 16) ^ options.seed);
    const plan = planOf(random);
    const order = random.shuffle(options.people);
    for (let index = 0; index < order.length; index += 2) {
      // Two at once: of two last approvals the second has to find it decided.
      const visits = order.slice(index, index + 2).map((person) => visit(person, reviewId, plan));
      if ((await Promise.all(visits)).includes(false) || stopped.signal.aborted) return;
    }
  }

  async function look(): Promise<readonly string[] | undefined> {
    const found = await call<{ reviews?: readonly { readonly review_id: string }[] }>(
      options.people.at(-1)!,
      `/v1/reviews?state=open&limit=${PAGE}`,
    );
    return found?.answer.reviews?.map(({ review_id: id }) => id);
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      const open = (await look()) ?? [];
      const waiting = [...open];
      await Promise.all(
        Array.from({ length: REVIEWS_AT_ONCE }, async () => {
          for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
            if (stopped.signal.aborted) return;
            await resolve(next);
          }
        }),
      );
      if (open.length < PAGE) {
        await sleep(IDLE_MS, undefined, { signal: stopped.signal }).catch(() => undefined);
      }
    }
  }

  const running = run();
  return {
    counts,
    open: async () => (await look())?.length,
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

function outcomeOf(status: number | undefined): Act['outcome'] {
  if (status === undefined) return 'unknown';
  return status === 200 || status === 201 ? 'ok' : 'refused';
}

function planOf(random: Random): Plan {
  if (random.chance(0.3)) return 'reject';
  if (random.chance(0.2)) return 'escalate';
  return random.chance(0.05) ? 'override' : 'approve';
}

function wordsOf(review: ReviewDocument, { role }: ChaosPerson, plan: Plan): object | undefined {
  const { decision, advisory, you } = review;
  const may = (act: string) =>
    you.acts.some((one) => one.act === act && one.allowed && one.roles.includes(role));
  const wanted = plan === 'escalate' && decision.round > 1 ? 'approve' : plan;
  const justification = `As a ${role} I ${wanted} this.`;
  if ((wanted === 'reject' || wanted === 'escalate') && may(wanted)) {
    return { act: wanted, role, justification };
  }
  if (!decision.seats_needed.some((seat) => seat.includes(role))) return undefined;
  const options = advisory.options.map(({ option }) => option);
  const option =
    decision.approvals[0]?.option ?? options[review.review_id.charCodeAt(0) % options.length];
  const acting = [wanted, 'approve', 'override'].find(
    (act) => act !== 'reject' && act !== 'escalate' && may(act),
  );
  if (acting === undefined) return undefined;
  // Nothing is on offer where no command could be filled in: then all that is left is to say no.
  if (option === undefined)
    return may('reject') ? { act: 'reject', role, justification } : undefined;
  return { act: acting, role, option, justification };
}
