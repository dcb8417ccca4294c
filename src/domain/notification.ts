/**
 * What people are told of reviews. A route of the notifications file says who hears of what; a notification is one
 * occasion for one route; a message is what is sent for it, or for all that a digest has gathered.
 */
import type { Role } from './authority.ts';
import type { Finding } from './conditions.ts';
import type { DecisionState } from './decision.ts';
import { type DecisionId, type ReviewId, uuidOf } from './ids.ts';
import type { RiskLevel } from './risk-level.ts';
import type { Timestamp } from './time.ts';

export const notificationKinds = ['new', 'due_soon', 'escalated', 'decided'] as const;
export type NotificationKind = (typeof notificationKinds)[number];

/** Who hears of what. What is left out does not narrow anything. */
export interface NotificationRoute {
  readonly name: string;
  readonly kinds: readonly NotificationKind[];
  /** Only rounds in which a person of one of these roles may be needed. */
  readonly roles: readonly Role[];
  readonly levels: readonly RiskLevel[];
  /** Minutes for which notifications are gathered into one message; 0 sends each by itself. */
  readonly digestMinutes: number;
  readonly templates: Templates;
  /** Where the console is, for links. */
  readonly consoleUrl: string;
}

/** One occasion with what can be said of it: names and states, never what an event carries. */
export interface Notification {
  readonly route: string;
  readonly kind: NotificationKind;
  readonly decisionId: DecisionId;
  readonly reviewId: ReviewId;
  readonly riskLevel: RiskLevel;
  readonly policyName: string;
  readonly policyVersion: number;
  readonly policyTitle: string;
  readonly eventSource: string;
  readonly eventType: string;
  readonly eventSubject: string | null;
  readonly round: number;
  readonly state: DecisionState;
  readonly startedAt: Timestamp;
  readonly dueAt: Timestamp;
  readonly finalizedAt: Timestamp | null;
}

export interface Message {
  /** The same at every attempt: `webhook-id`, and part of the `Message-ID` of a mail. */
  readonly messageId: string;
  readonly route: string;
  readonly subject: string;
  /** For people. */
  readonly content: string;
  /** For programs: JSON. */
  readonly body: string;
  readonly notifications: readonly Notification[];
}

// Templates

export interface Template {
  readonly subject: string;
  readonly text: string;
}
export type Templates = Readonly<Record<NotificationKind, Template>>;

const about = `{{title}} ({{policy}}, version {{version}})
Risk: {{level}}. Subject: {{subject}}, {{type}} from {{source}}.`;

export const defaultTemplates: Templates = {
  new: {
    subject: '{{level}}: {{title}}',
    text: `A review waits for you.\n\n${about}\nDecide until {{due}}.\n{{url}}`,
  },
  due_soon: {
    subject: 'Due {{due}}: {{title}}',
    text: `A review has little time left.\n\n${about}\nDecide until {{due}}. Waiting never decides it.\n{{url}}`,
  },
  escalated: {
    subject: 'Escalated: {{level}}: {{title}}',
    text: `A review was escalated; round {{round}} has begun.\n\n${about}\nDecide until {{due}}.\n{{url}}`,
  },
  decided: {
    subject: '{{state}}: {{title}}',
    text: `A review is decided: {{state}}.\n\n${about}\n{{url}}`,
  },
};

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;

const values = {
  kind: ({ kind }) => kind.replace('_', ' '),
  level: ({ riskLevel }) => riskLevel,
  title: ({ policyTitle }) => policyTitle,
  policy: ({ policyName }) => policyName,
  version: ({ policyVersion }) => String(policyVersion),
  subject: ({ eventSubject }) => eventSubject ?? 'none',
  type: ({ eventType }) => eventType,
  source: ({ eventSource }) => eventSource,
  round: ({ round }) => String(round),
  state: ({ state }) => state,
  due: ({ dueAt }) => `${dueAt.slice(0, 10)} ${dueAt.slice(11, 16)} UTC`,
} as const satisfies Record<string, (of: Notification) => string>;
const names = [...Object.keys(values), 'url'];

/** Every placeholder of a template that stands for nothing. */
export function checkTemplateText(text: string, at: Finding['at']): readonly Finding[] {
  return [...text.matchAll(PLACEHOLDER)]
    .map(([, inner = '']) => inner.trim())
    .filter((name) => !names.includes(name))
    .map((name) => ({
      at,
      problem: `{{${name}}} is no placeholder; there are ${names.join(', ')}`,
    }));
}

function fill(template: string, of: Notification, url: string): string {
  return template.replaceAll(PLACEHOLDER, (_whole, inner: string) => {
    const name = inner.trim();
    return name === 'url' ? url : values[name as keyof typeof values](of);
  });
}

// Messages

/** The messages of one route for what it has to tell: one for each, or one for all of them in a digest. */
export function composeMessages(
  route: NotificationRoute,
  notifications: readonly Notification[],
): readonly Message[] {
  if (notifications.length === 0) return [];
  if (route.digestMinutes === 0) return notifications.map((one) => compose(route, [one]));
  return [compose(route, notifications)];
}

/** `told` is not empty. */
function compose(route: NotificationRoute, told: readonly Notification[]): Message {
  const [first] = told;
  // A notification is told of once, so the first of a message names it.
  const messageId: string = uuidOf(
    'sentinelops-notification/v1',
    route.name,
    first!.kind,
    first!.decisionId,
  );
  const parts = told.map((one) => {
    const { subject, text } = route.templates[one.kind];
    const url = urlOf(route, one);
    return { subject: fill(subject, one, url), text: fill(text, one, url) };
  });
  return {
    messageId,
    route: route.name,
    subject: parts.length === 1 ? parts[0]!.subject : digestSubject(told),
    content: parts.map(({ text }) => text).join('\n\n---\n\n'),
    body: JSON.stringify({
      type: 'sentinelops.reviews',
      message_id: messageId,
      route: route.name,
      notifications: told.map((one) => documentOf(one, urlOf(route, one))),
    }),
    notifications: told,
  };
}

function digestSubject(told: readonly Notification[]): string {
  const counts = Map.groupBy(told, ({ kind }) => kind);
  const parts = notificationKinds.flatMap((kind) => {
    const count = counts.get(kind)?.length ?? 0;
    return count === 0 ? [] : [`${count} ${kind.replace('_', ' ')}`];
  });
  return `Reviews: ${parts.join(', ')}`;
}

function urlOf({ consoleUrl }: NotificationRoute, { reviewId }: Notification): string {
  return `${consoleUrl.replace(/\/$/, '')}/console/reviews/${reviewId}`;
}

function documentOf(one: Notification, url: string): object {
  return {
    kind: one.kind,
    review_id: one.reviewId,
    decision_id: one.decisionId,
    url,
    risk_level: one.riskLevel,
    policy: { name: one.policyName, version: one.policyVersion, title: one.policyTitle },
    event: { source: one.eventSource, type: one.eventType, subject: one.eventSubject },
    round: one.round,
    state: one.state,
    started_at: one.startedAt,
    due_at: one.dueAt,
    finalized_at: one.finalizedAt,
  };
}
