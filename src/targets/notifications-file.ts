/**
 * The notifications file: who is told of reviews, and how, in YAML or JSON.
 *
 *     console_url: https://sentinelops.example.com
 *     mail: { server: env:SMTP_URL, from: SentinelOps <sentinelops@example.com> }
 *     routes:
 *       - name: officers
 *         kinds: [new, due_soon, escalated]
 *         roles: [Compliance Officer]
 *         mail: { to: [officers@example.com] }
 */
import { type Reading, documentKind } from '../documents/document.ts';
import { checkName, name, text } from '../documents/shapes.ts';
import { decidingRoles, type Role } from '../domain/authority.ts';
import type { Finding } from '../domain/conditions.ts';
import {
  checkTemplateText,
  defaultTemplates,
  type NotificationKind,
  notificationKinds,
  type NotificationRoute,
  type Template,
} from '../domain/notification.ts';
import { type RiskLevel, riskLevels } from '../domain/risk-level.ts';
import { type Channel, type NotificationWebhook, openWebhookChannel } from './channel.ts';
import { openMailChannel } from './mail.ts';
import type { TargetTools } from './target.ts';
import { reference, webhookProperties, webhookTarget } from './webhook.ts';

interface MailSettings {
  /** Reference to the address of the SMTP server, which may hold a password. */
  readonly server: string;
  readonly from: string;
  readonly loopback?: true;
  readonly certificate_authority?: string;
}

interface RouteEntry {
  readonly name: string;
  readonly kinds?: readonly NotificationKind[];
  readonly roles?: readonly Role[];
  readonly levels?: readonly RiskLevel[];
  readonly digest_minutes?: number;
  readonly templates?: Readonly<Partial<Record<NotificationKind, Template>>>;
  readonly webhook?: NotificationWebhook;
  readonly mail?: { readonly to: readonly string[] };
}

export interface NotificationsFile {
  readonly console_url: string;
  readonly mail?: MailSettings;
  readonly routes: readonly RouteEntry[];
}

/** What the notifier is made of. */
export interface Notifications {
  readonly routes: readonly NotificationRoute[];
  readonly channels: ReadonlyMap<string, Channel>;
}

const ROUTES_MAX = 50;
const DIGEST_MINUTES_MAX = 1_440;

const oneOf = (values: readonly string[]) => ({
  type: 'array',
  minItems: 1,
  uniqueItems: true,
  items: { enum: [...values], description: `one of ${values.join(', ')}` },
  description: `a list of ${values.join(', ')}`,
});
const closed = (description: string, required: readonly string[], properties: object) => ({
  type: 'object',
  description,
  additionalProperties: false,
  required: [...required],
  properties,
});

const notificationsDocument = documentKind<NotificationsFile>(
  closed('a mapping with console_url and routes', ['console_url', 'routes'], {
    console_url: {
      type: 'string',
      maxLength: 500,
      description: 'the https address of the console',
    },
    mail: closed('a mapping with server and from', ['server', 'from'], {
      server: reference,
      from: {
        type: 'string',
        pattern: '^[^\\r\\n]*@[^\\s@]+$',
        maxLength: 200,
        description: 'an address such as SentinelOps <sentinelops@example.com>',
      },
      loopback: { const: true, description: 'true, or left out' },
      certificate_authority: reference,
    }),
    routes: {
      type: 'array',
      maxItems: ROUTES_MAX,
      description: `a list of at most ${ROUTES_MAX} routes`,
      items: closed('a mapping with name and one of webhook, mail', ['name'], {
        name,
        kinds: oneOf(notificationKinds),
        roles: oneOf(decidingRoles),
        levels: oneOf(riskLevels),
        digest_minutes: {
          type: 'integer',
          minimum: 1,
          maximum: DIGEST_MINUTES_MAX,
          description: `a number of minutes from 1 to ${DIGEST_MINUTES_MAX}`,
        },
        templates: closed(
          'a mapping of kinds to templates',
          [],
          Object.fromEntries(
            notificationKinds.map((kind) => [
              kind,
              closed('a mapping with subject and text', ['subject', 'text'], {
                subject: text(200),
                text: text(4_000),
              }),
            ]),
          ),
        ),
        webhook: closed('a mapping with url and keys', ['url', 'keys'], webhookProperties),
        mail: closed('a mapping with to', ['to'], {
          to: {
            type: 'array',
            minItems: 1,
            maxItems: 50,
            items: {
              type: 'string',
              pattern: '^[^\\s@<>,;]+@[^\\s@<>,;]+$',
              maxLength: 200,
              description: 'one mail address',
            },
            description: 'a list of 1 to 50 mail addresses',
          },
        }),
      }),
    },
  }),
  checkFile,
);

/** Reads a notifications file: what it defines, or everything that is wrong with it, with line and column. */
export function readNotifications(file: string, content: string): Reading<NotificationsFile> {
  return notificationsDocument.read(file, content);
}

function checkFile(file: NotificationsFile): Finding[] {
  const findings: Finding[] = [];
  const url = URL.parse(file.console_url);
  if (url === null || !['https:', 'http:'].includes(url.protocol)) {
    findings.push({
      at: ['console_url'],
      problem: 'write a whole URL, such as https://example.org',
    });
  }
  file.routes.forEach((route, index) => {
    const at = ['routes', index];
    findings.push(...checkName(route, file.routes, at));
    if ((route.webhook === undefined) === (route.mail === undefined)) {
      findings.push({ at, problem: `"${route.name}" needs exactly one of webhook, mail` });
    }
    if (route.mail !== undefined && file.mail === undefined) {
      findings.push({
        at: [...at, 'mail'],
        problem: 'say above, under "mail", which server sends it',
      });
    }
    for (const [kind, { subject, text: body }] of Object.entries(route.templates ?? {})) {
      findings.push(...checkTemplateText(subject, [...at, 'templates', kind, 'subject']));
      findings.push(...checkTemplateText(body, [...at, 'templates', kind, 'text']));
    }
    if (route.webhook !== undefined) {
      const found = webhookTarget.check({ ...route.webhook, idempotent: true });
      findings.push(...found.map((one) => ({ ...one, at: [...at, 'webhook', ...one.at] })));
    }
  });
  return findings;
}

/**
 * Opens every route of a file that has been read.
 * @throws Error that names the route whose keys, certificates or mail server cannot be used, for the operator.
 */
export async function openNotifications(
  file: NotificationsFile,
  tools: TargetTools,
): Promise<Notifications> {
  const channels = await Promise.all(
    file.routes.map(async (route) => {
      try {
        return [route.name, await openChannel(file, route, tools)] as const;
      } catch (error) {
        throw new Error(`route ${route.name}: ${(error as Error).message}`, { cause: error });
      }
    }),
  );
  return {
    channels: new Map(channels),
    routes: file.routes.map((route) => ({
      name: route.name,
      kinds: route.kinds ?? notificationKinds,
      roles: route.roles ?? [],
      levels: route.levels ?? [],
      digestMinutes: route.digest_minutes ?? 0,
      templates: { ...defaultTemplates, ...route.templates },
      consoleUrl: file.console_url,
    })),
  };
}

async function openChannel(
  { mail: server }: NotificationsFile,
  { name: route, webhook, mail }: RouteEntry,
  tools: TargetTools,
): Promise<Channel> {
  if (webhook !== undefined) return openWebhookChannel(route, webhook, tools);
  const { server: reference, from, loopback, certificate_authority: authority } = server!;
  return openMailChannel(
    {
      url: await tools.readSecret(reference),
      from,
      loopback: loopback === true,
      certificateAuthority: authority === undefined ? undefined : await tools.readSecret(authority),
    },
    mail!.to,
  );
}
