import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkTemplateText,
  composeMessages,
  defaultTemplates,
  type Notification,
  type NotificationRoute,
} from '../../src/domain/notification.ts';

const route: NotificationRoute = {
  name: 'officers',
  kinds: ['new'],
  roles: [],
  levels: [],
  digestMinutes: 0,
  templates: defaultTemplates,
  consoleUrl: 'https://console.example.org/',
};
const notification = {
  route: 'officers',
  kind: 'new',
  decisionId: 'd1',
  reviewId: 'r1',
  riskLevel: 'HIGH',
  policyName: 'deploy-key',
  policyVersion: 2,
  policyTitle: 'A deploy key with write access',
  eventSource: 'github',
  eventType: 'com.github.deploy_key.created',
  eventSubject: 'octo/repo',
  round: 1,
  state: 'pending',
  startedAt: '2026-11-25T10:00:00.000000Z',
  dueAt: '2026-11-26T10:00:00.000000Z',
  finalizedAt: null,
} as unknown as Notification;
const of = (decisionId: string, more: object = {}) =>
  ({ ...notification, decisionId, ...more }) as Notification;

describe('a message', () => {
  it('says what it is about, until when, and where to decide', () => {
    const [message] = composeMessages(route, [notification]);
    expect(message!.subject).toBe('HIGH: A deploy key with write access');
    expect(message!.content).toContain('Decide until 2026-11-26 10:00 UTC.');
    expect(message!.content).toContain('https://console.example.org/console/reviews/r1');
    expect(JSON.parse(message!.body)).toMatchObject({
      message_id: message!.messageId,
      notifications: [{ kind: 'new', review_id: 'r1', policy: { name: 'deploy-key', version: 2 } }],
    });
  });

  it('inserts what an event says once, and never reads it as a template', () => {
    const subject = '{{url}} {{due}}';
    const [message] = composeMessages(route, [of('d1', { eventSubject: subject })]);
    expect(message!.content).toContain(`Subject: ${subject}, `);
  });

  it('is one for each notification, or one for all of them in a digest', () => {
    const told = [of('d1'), of('d2'), of('d3', { kind: 'escalated' })];
    expect(composeMessages(route, told)).toHaveLength(3);
    const digest = composeMessages({ ...route, digestMinutes: 5 }, told);
    expect(digest).toHaveLength(1);
    expect(digest[0]!.subject).toBe('Reviews: 2 new, 1 escalated');
    expect(composeMessages(route, [])).toEqual([]);
  });

  it('has the same id whenever it is composed, and another for another route, kind or round', () => {
    const key = fc.tuple(fc.string(), fc.constantFrom('new', 'decided'), fc.uuid());
    const idOf = ([name, kind, decisionId]: readonly [string, string, string]) =>
      composeMessages({ ...route, name: JSON.stringify(name) }, [of(decisionId, { kind })])[0]!
        .messageId;
    fc.assert(
      fc.property(key, key, (one, other) => {
        expect(idOf(one) === idOf(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
        expect(idOf(one)).toBe(idOf(one));
      }),
    );
  });
});

it('a placeholder that stands for nothing is found', () => {
  expect(checkTemplateText('{{title}} {{ url }}', [])).toEqual([]);
  expect(checkTemplateText('{{titel}} {{constructor}}', ['at'])).toEqual([
    { at: ['at'], problem: expect.stringContaining('{{titel}} is no placeholder') },
    { at: ['at'], problem: expect.stringContaining('{{constructor}}') },
  ]);
  for (const { subject, text } of Object.values(defaultTemplates)) {
    expect(checkTemplateText(subject + text, [])).toEqual([]);
  }
});
