/** How a message about reviews leaves: a webhook or a mail, by the same outcome as a call to a target. */
import type { Delivery } from '../domain/delivery.ts';
import type { ExecutionId } from '../domain/ids.ts';
import type { Message } from '../domain/notification.ts';
import type { Timestamp } from '../domain/time.ts';
import type { TargetTools } from './target.ts';
import { type WebhookSettings, webhookTarget } from './webhook.ts';

export interface OutgoingMessage
  extends Pick<Message, 'messageId' | 'subject' | 'content' | 'body'> {
  readonly composedAt: Timestamp;
  readonly attemptNo: number;
}

export interface Channel {
  /** Makes one attempt and says how it ended; never rejects. It may send again what has arrived already. */
  deliver(message: OutgoingMessage, attemptedAtMs: number, signal: AbortSignal): Promise<Delivery>;
}

/** Settings of a webhook of notifications: a repeat carries the id of the first, so every receiver counts as idempotent. */
export type NotificationWebhook = Omit<WebhookSettings, 'idempotent'>;

export async function openWebhookChannel(
  name: string,
  settings: NotificationWebhook,
  tools: TargetTools,
): Promise<Channel> {
  const target = await webhookTarget.open(name, { ...settings, idempotent: true }, tools);
  return {
    deliver: ({ messageId, body, attemptNo }, attemptedAtMs, signal) =>
      // What is sent under an id is all the same to a webhook; its word for that id is the execution's.
      target.deliver(
        { executionId: messageId as ExecutionId, body, attemptNo, attemptedAtMs },
        signal,
      ),
  };
}
