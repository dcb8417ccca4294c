/** The kinds of target. The list is the documentation: what stands here can be named in a targets file. */
import { logTarget } from './log.ts';
import { queueTarget } from './queue.ts';
import type { TargetKind } from './target.ts';
import { webhookTarget } from './webhook.ts';

export const targetKinds: readonly TargetKind<never>[] = [webhookTarget, queueTarget, logTarget];
