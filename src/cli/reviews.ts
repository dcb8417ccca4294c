/**
 * `reviews list|show|decide`: what waits for people, and their decisions, over the API as the person whose token it is.
 * A decision names the digest of the review that was read, so that nobody decides on what they have not been shown.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Operations } from '../client/api.ts';
import {
  type AnswerOf,
  type ApiProblem,
  type Client,
  createClient,
  type InputOf,
  type OperationName,
} from '../client/client.ts';
import { roles } from '../domain/authority.ts';
import { type Act, acts } from '../domain/judgement.ts';
import { riskLevels } from '../domain/risk-level.ts';
import { configOrExit } from './run.ts';
import { CommandError, data, exitCodes, json, printable, table, talk } from './terminal.ts';

type ListQuery = NonNullable<Operations['listReviews']['query']>;
type Decision = Operations['decide']['body'];

interface DecideOptions extends Partial<Pick<Decision, 'option' | 'role' | 'justification'>> {
  readonly viewDigest: string;
  /** `<review id>:<digest>` each. */
  readonly together?: readonly string[];
  readonly json?: true;
}

export function addReviewsCommands(program: Command): void {
  const reviews = program
    .command('reviews')
    .description('what waits for people, and decisions')
    .addHelpText(
      'after',
      `
These speak to the HTTP server at SENTINELOPS_URL, as the person whose token is in SENTINELOPS_TOKEN.`,
    );
  reviews
    .command('list')
    .description('open reviews by risk and age, or decided ones, the newest first')
    .addOption(new Option('--state <state>').choices(['open', 'resolved', 'all']).default('open'))
    .addOption(new Option('--level <level>').choices(riskLevels))
    .option('--policy <name>', 'only under this policy')
    .option('--limit <n>', 'how many, 1 to 200', '50')
    .option('--cursor <cursor>', 'where the list before ended')
    .action((_options, command: Command) => list(command.optsWithGlobals<ListOptions>()));
  reviews
    .command('show')
    .argument('<review id>')
    .description('one review: what happened, why it is here, what can be done, and by whom')
    .action((id: string, _options, command: Command) =>
      show(id, command.optsWithGlobals<{ json?: true }>().json),
    );
  reviews
    .command('decide')
    .argument('<review id>')
    .argument('<act>', acts.join(', '), readAct)
    .description('decide on what "reviews show" has shown; it is recorded and cannot be taken back')
    .requiredOption('--view-digest <digest>', 'of what you read; "reviews show" prints it')
    .option(
      '--together <review:digest...>',
      'the reviews that contradict it, as "reviews show" prints them',
    )
    .option('--option <option>', 'what is to be done')
    .addOption(new Option('--role <role>', 'in which of your roles').choices(roles))
    .option('--justification <text>', 'why; required for everything but an approval')
    .action((id: string, act: Act, _options, command: Command) =>
      decide(id, act, command.optsWithGlobals<DecideOptions>()),
    );
}

type ListOptions = ListQuery & { readonly json?: true };

function readAct(text: string): Act {
  const act = acts.find((known) => known === text);
  if (act === undefined) throw new InvalidArgumentError(`It is one of ${acts.join(', ')}.`);
  return act;
}

async function list({ json: asJson, state, level, policy, limit, cursor }: ListOptions) {
  const given = Object.entries({ state, level, policy, limit, cursor });
  const query = Object.fromEntries(given.filter(([, value]) => value !== undefined)) as ListQuery;
  const page = await call('listReviews', { query });
  if (asJson) {
    json(page);
    return;
  }
  if (page.reviews.length === 0) talk('No review is like that.');
  else {
    table(
      ['REVIEW', 'RISK', 'STATE', 'OPENED', 'POLICY', 'SUBJECT'],
      page.reviews.map((review) => [
        review.review_id,
        review.risk_level,
        review.state,
        review.opened_at.slice(0, 19),
        review.policy.name,
        review.event.subject,
      ]),
    );
  }
  if (page.next_cursor !== null) talk(`There are more: --cursor ${page.next_cursor}`);
}

async function show(id: string, asJson: true | undefined): Promise<void> {
  const review = await call('showReview', { path: { id } });
  if (asJson) json(review);
  else for (const line of linesOf(review)) data(line);
}

async function decide(id: string, act: Act, options: DecideOptions): Promise<void> {
  const { viewDigest, together, option, role, justification } = options;
  const answer = await call('decide', {
    path: { id },
    body: {
      act,
      view_digest: viewDigest,
      ...(together === undefined ? {} : { together: together.map(shownReview) }),
      ...(option === undefined ? {} : { option }),
      ...(role === undefined ? {} : { role }),
      ...(justification === undefined ? {} : { justification }),
    },
  });
  if (options.json) {
    json(answer);
    return;
  }
  talk(
    answer.finalized_at === null
      ? `Recorded. Round ${answer.round} is ${answer.state}; ${answer.seats_needed.length} more must agree.`
      : `Recorded, and final: ${answer.state}.`,
  );
  data(answer.decision_id);
}

function shownReview(text: string): { review_id: string; view_digest: string } {
  const [review_id = '', view_digest = ''] = text.split(':');
  return { review_id, view_digest };
}

function* linesOf(review: AnswerOf<'showReview'>): Generator<string> {
  const { event, policy, assessment, advisory, decision, you } = review;
  yield row('review', `${review.review_id}, ${review.risk_level}, ${decision.state}`);
  yield row('event', `${printable(event.type)} from ${printable(event.source)}`);
  yield row('subject', event.subject);
  yield row('policy', `${policy.name}@${policy.version}: ${policy.title}`);
  yield row('serves', policy.regulatory_reference);
  yield row('score', assessment.score);
  for (const line of advisory.justification.split('\n')) yield row('', line);
  for (const { option, title, target } of advisory.options) {
    yield row('option', `${option}: ${title} (at ${target})`);
  }
  for (const approval of decision.approvals) {
    yield row('said', `${approval.name ?? approval.person_id}, ${approval.role}: ${approval.act}`);
  }
  for (const seat of decision.seats_needed) yield row('needed', seat.join(' or '));
  for (const { act, allowed, why_not: whyNot } of you.acts) {
    yield row('you may', allowed ? act : `not ${act}: ${whyNot?.detail ?? ''}`);
  }
  yield row('digest', review.view_digest);
  for (const { review_id, policy: other, view_digest } of review.contradictions) {
    if (view_digest !== null)
      yield row('together', `${review_id}:${view_digest} (${other} contradicts it)`);
  }
}

function row(name: string, value: string | null): string {
  return `${name.padEnd(10)}${printable(value)}`;
}

/** One call as the configured person. A problem ends the command with what is wrong and what to do. */
async function call<Name extends OperationName>(
  name: Name,
  input: InputOf<Name>,
): Promise<AnswerOf<Name>> {
  const answered = await clientOf().call(name, input).catch(explain);
  if ('answer' in answered) return answered.answer;
  const { title, detail, remedy } = answered.problem;
  throw new CommandError(`${title}: ${detail}. ${remedy}`, exitCodeOf(answered.problem));
}

function clientOf(): Client {
  const { adminUrl: url, token } = configOrExit();
  if (token === undefined) {
    throw new CommandError(
      'SENTINELOPS_TOKEN is not set: put your token there ("reviewer add" prints one).',
      exitCodes.configuration,
    );
  }
  return createClient({ url, token });
}

function explain(error: unknown): never {
  const { cause, message } = error as Error;
  const why = cause instanceof Error ? cause.message : message;
  throw new CommandError(
    `The HTTP server does not answer: ${why}. Check SENTINELOPS_URL.`,
    exitCodes.unavailable,
  );
}

function exitCodeOf({ status }: ApiProblem): number {
  if (status === 404) return exitCodes.notFound;
  if (status === 503) return exitCodes.unavailable;
  return status === 400 || status === 422 ? exitCodes.usage : exitCodes.failed;
}
