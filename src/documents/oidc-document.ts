/**
 * The OIDC file: which provider people sign in with, and what its claims mean here.
 *
 *     issuer: https://login.example.com
 *     client_id: sentinelops
 *     client_secret: env:OIDC_SECRET
 *     console_url: https://sentinelops.example.com
 *     roles:
 *       - { claim: compliance, role: Compliance Officer }
 */
import type { Role } from '../domain/authority.ts';
import { roles } from '../domain/authority.ts';
import type { Finding } from '../domain/conditions.ts';
import { documentKind, type Reading } from './document.ts';
import { text } from './shapes.ts';

export interface OidcFile {
  readonly issuer: string;
  readonly client_id: string;
  /** Reference to a secret. */
  readonly client_secret: string;
  /** Where people find the console; the provider sends them back there. */
  readonly console_url: string;
  readonly signature?: (typeof signatures)[number];
  /** The claim that becomes the name of a person here. */
  readonly name_claim?: string;
  /** The claim that lists what `roles` maps. */
  readonly roles_claim?: string;
  readonly scopes?: readonly string[];
  readonly roles: readonly { readonly claim: string; readonly role: Role }[];
  /** The provider is on this machine: plain http will do. */
  readonly loopback?: true;
}

const signatures = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const;
const claimName = { ...text(100), description: 'the name of a claim' };

const oidcDocument = documentKind<OidcFile>(
  {
    type: 'object',
    description: 'a mapping with issuer, client_id, client_secret, console_url and roles',
    additionalProperties: false,
    required: ['issuer', 'client_id', 'client_secret', 'console_url', 'roles'],
    properties: {
      issuer: text(500),
      client_id: text(200),
      client_secret: {
        type: 'string',
        pattern: '^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$',
        description: 'a reference to a secret: env:NAME or file:/path',
      },
      console_url: text(500),
      signature: { enum: [...signatures], description: `one of ${signatures.join(', ')}` },
      name_claim: claimName,
      roles_claim: claimName,
      scopes: { type: 'array', maxItems: 20, items: text(100), description: 'a list of scopes' },
      roles: {
        type: 'array',
        minItems: 1,
        maxItems: 100,
        description: 'a list of claims and what role each gives',
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['claim', 'role'],
          description: 'a mapping with claim and role',
          properties: {
            claim: text(200),
            role: { enum: [...roles], description: `one of ${roles.join(', ')}` },
          },
        },
      },
      loopback: { const: true, description: 'true, or left out' },
    },
  },
  (file) => [...findingsOf(file, 'issuer'), ...findingsOf(file, 'console_url')],
);

/** Reads an OIDC file: what it defines, or everything that is wrong with it, with line and column. */
export function readOidcFile(file: string, content: string): Reading<OidcFile> {
  return oidcDocument.read(file, content);
}

function findingsOf(file: OidcFile, member: 'issuer' | 'console_url'): readonly Finding[] {
  const url = URL.parse(file[member]);
  const isHttps = url?.protocol === 'https:';
  if (isHttps || (url?.protocol === 'http:' && file.loopback === true)) return [];
  return [{ at: [member], problem: 'write an https URL; plain http is for "loopback: true" only' }];
}
