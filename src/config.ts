/**
 * The settings, from the environment and from `.env` in the working directory. The only reader of process.env.
 *
 * All faults are reported at once, so that a deployment is mended in one round. Values are never printed: some of them
 * hold passwords.
 */
import { readFile } from 'node:fs/promises';
import envSchema from 'env-schema';
import Type, { type Static } from 'typebox';
import { type Principal, principals } from './domain/domains.ts';
import { nearestTo } from './domain/nearest.ts';

const DOMAIN_URL_SUFFIX = '_DATABASE_URL';
/** Names with this prefix are ours alone, so one that we do not know is a slip of the pen. */
const OWN_PREFIX = 'SENTINELOPS_';
const POSTGRES_URL = {
  pattern: '^postgres(ql)?://\\S+$',
  examples: ['postgres://login@host:5432/database'],
};

const schema = Type.Object({
  DATABASE_URL: Type.Optional(
    Type.String({
      ...POSTGRES_URL,
      description:
        'PostgreSQL 15 to 18. Not set: an embedded one in the data directory, not for production.',
    }),
  ),
  REDIS_URL: Type.Optional(
    Type.String({
      pattern: '^redis(s|-cluster|-sentinel)?://\\S+$',
      examples: ['redis://host:6379/0'],
      description:
        'Redis 6.2 or newer, or Valkey: redis://, rediss://, redis-cluster:// or redis-sentinel://. ' +
        'Not set: the queues live in PostgreSQL.',
    }),
  ),
  SENTINELOPS_DATA_DIR: Type.String({
    default: './data',
    minLength: 1,
    description: 'Where the embedded PostgreSQL keeps its files.',
  }),
  ADMIN_HOST: Type.String({
    default: '127.0.0.1',
    minLength: 1,
    description: 'The address that the HTTP endpoint listens on.',
  }),
  ADMIN_PORT: Type.Integer({
    default: 8484,
    minimum: 0,
    maximum: 65_535,
    description: 'Its port; 0 takes any free one.',
  }),
  LOG_LEVEL: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    default: 'info',
    description:
      'The least level that is logged: trace, debug, info, warn, error, fatal or silent.',
  }),
  SENTINELOPS_URL: Type.String({
    default: 'http://127.0.0.1:8484',
    pattern: '^https?://[^\\s?#]+$',
    examples: ['https://sentinelops.example.com'],
    description: 'Where commands that speak to the API find the HTTP server.',
  }),
  SENTINELOPS_TOKEN: Type.Optional(
    Type.String({
      pattern: '^so_\\S+$',
      examples: ['so_<id>_<secret>'],
      description: 'The token of the person in whose name they speak.',
    }),
  ),
  LEDGER_ORIGIN: Type.Optional(
    Type.String({
      pattern: '^[0-9a-z./_-]{1,150}$',
      examples: ['ledger.example.com/production'],
      description:
        'The name of this ledger: at most 150 of a-z, 0-9 and ./_- (ledger.example.com/production). ' +
        'Fixed by the first migration. Not set: a random name.',
    }),
  ),
  LEDGER_SIGNING_KEY: Type.Optional(
    Type.String({
      pattern: '^(env|file):.+$',
      examples: ['file:/run/secrets/ledger-key'],
      description:
        'Where the key is by which checkpoints are signed: env:NAME or file:/path (ledger key new). ' +
        'Not set: "up" signs nothing; "ledger sign" may be a process of its own.',
    }),
  ),
  LEDGER_STATE_DIR: Type.String({
    default: './ledger-state',
    minLength: 1,
    description:
      'Where the signer keeps what it signed last: outside the database, its disk and its backups.',
  }),
  LEDGER_TRUST_POLICY: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'A file that names the witnesses, with URLs, and their quorum (C2SP tlog-policy). Not set: nobody cosigns.',
    }),
  ),
  EXECUTION_NEEDS: Type.Enum(['committed', 'signed', 'witnessed'], {
    default: 'committed',
    description:
      'What the ledger entry of a decision has to be under before it is executed: committed, signed (a checkpoint), or ' +
      'witnessed (at HIGH, CRITICAL and UNKNOWN one that a quorum has cosigned). The last two need a signer.',
  }),
  TARGETS_FILE: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'The YAML file that names the targets of executions.',
    }),
  ),
  NOTIFICATIONS_FILE: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'The YAML file that says who is told of reviews, and how. Not set: nobody is.',
    }),
  ),
  OIDC_FILE: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'The YAML file that names the OpenID provider by which people sign in. Not set: by password or token.',
    }),
  ),
  POOL_CONNECTIONS_MAX: Type.Integer({
    default: 4,
    minimum: 1,
    maximum: 100,
    description: 'Database connections for each domain, in each process.',
  }),
  SENTINELOPS_MODE: Type.Enum(['production', 'test'], {
    default: 'production',
    description: 'production or test; failpoints work in the latter only.',
  }),
  SENTINELOPS_FAILPOINTS: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'Where a test ends or stops this process: <place>.<point>:crash, :pause, :error or :delay=<ms>, perhaps :<nth>, ' +
        'separated by semicolons.',
    }),
  ),
  DRAIN_TIMEOUT_MS: Type.Integer({
    default: 25_000,
    minimum: 0,
    maximum: 600_000,
    description:
      'How long work under way may take to finish after SIGTERM, in milliseconds; below what the supervisor allows.',
  }),
});
type Known = Static<typeof schema>;

/** What is read back from the schema for people. */
interface Property {
  readonly description?: string;
  readonly default?: string | number;
  readonly examples?: unknown;
  readonly enum?: readonly string[];
}
const properties = schema.properties as Readonly<Record<string, Property>>;

export interface Config {
  /** Undefined: the embedded PostgreSQL. */
  readonly databaseUrl: string | undefined;
  /** The domains that have a login of their own. */
  readonly domainDatabaseUrls: Readonly<Partial<Record<Principal, string>>>;
  /** Undefined: BullMQ's Postgres backend. */
  readonly redisUrl: string | undefined;
  readonly dataDirectory: string;
  readonly adminHost: string;
  readonly adminPort: number;
  readonly logLevel: Known['LOG_LEVEL'];
  /** Where this process, as a client, finds the HTTP server. */
  readonly adminUrl: string;
  readonly token: string | undefined;
  readonly ledgerOrigin: string | undefined;
  /** A reference for readSecret. */
  readonly ledgerSigningKey: string | undefined;
  readonly ledgerStateDirectory: string;
  readonly ledgerTrustPolicy: string | undefined;
  readonly executionNeeds: 'committed' | 'signed' | 'witnessed';
  readonly targetsFile: string | undefined;
  readonly notificationsFile: string | undefined;
  readonly oidcFile: string | undefined;
  readonly poolConnectionsMax: number;
  readonly drainTimeoutMs: number;
  /** Undefined outside of tests; see actors/failpoint.ts. */
  readonly failpoints: string | undefined;
}

/** One row of README's configuration table. */
export interface Setting {
  readonly name: string;
  /** Undefined: nothing is assumed; `meaning` says what happens then. */
  readonly default: string | undefined;
  readonly meaning: string;
}

const domainSetting: Setting = {
  name: `<DOMAIN>${DOMAIN_URL_SUFFIX}`,
  default: undefined,
  meaning:
    `A login that holds that domain's role only, for ${principals.map((domain) => domain.toUpperCase()).join(', ')}. ` +
    'Not set: DATABASE_URL, and the role is taken by SET ROLE.',
};

export const settings: readonly Setting[] = [
  ...Object.entries(properties).map(([name, property]) => ({
    name,
    default: property.default === undefined ? undefined : String(property.default),
    meaning: property.description ?? '',
  })),
  domainSetting,
];

/** The settings of this process. Throws one error that lists every fault. */
export function readConfig(): Config {
  try {
    process.loadEnvFile('.env');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return parseConfig(process.env);
}

/** The same from any environment. An empty value counts as not set, as a line `REDIS_URL=` means it. */
export function parseConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  ) as Readonly<Record<string, string>>;
  const faults: string[] = [];
  const known = parseKnown(given, faults);
  const domainDatabaseUrls = parseDomainUrls(given, faults);
  faults.push(...unknownNames(given));
  if (known?.SENTINELOPS_FAILPOINTS !== undefined && known.SENTINELOPS_MODE !== 'test') {
    faults.push('SENTINELOPS_FAILPOINTS is for tests: remove it, or set SENTINELOPS_MODE=test');
  }
  if (known === undefined || faults.length > 0) {
    const list = faults.map((fault) => `  ${fault}`).join('\n');
    throw new Error(`The configuration has faults:\n${list}`);
  }
  return Object.freeze({
    databaseUrl: known.DATABASE_URL,
    domainDatabaseUrls,
    redisUrl: known.REDIS_URL,
    dataDirectory: known.SENTINELOPS_DATA_DIR,
    adminHost: known.ADMIN_HOST,
    adminPort: known.ADMIN_PORT,
    logLevel: known.LOG_LEVEL,
    adminUrl: known.SENTINELOPS_URL,
    token: known.SENTINELOPS_TOKEN,
    ledgerOrigin: known.LEDGER_ORIGIN,
    ledgerSigningKey: known.LEDGER_SIGNING_KEY,
    ledgerStateDirectory: known.LEDGER_STATE_DIR,
    ledgerTrustPolicy: known.LEDGER_TRUST_POLICY,
    executionNeeds: known.EXECUTION_NEEDS,
    targetsFile: known.TARGETS_FILE,
    notificationsFile: known.NOTIFICATIONS_FILE,
    oidcFile: known.OIDC_FILE,
    poolConnectionsMax: known.POOL_CONNECTIONS_MAX,
    drainTimeoutMs: known.DRAIN_TIMEOUT_MS,
    failpoints: known.SENTINELOPS_FAILPOINTS,
  });
}

/** Adds to `faults`, and returns undefined then. */
function parseKnown(given: Readonly<Record<string, string>>, faults: string[]): Known | undefined {
  try {
    return envSchema<Known>({ schema, env: false, data: { ...given } });
  } catch (error) {
    const { errors } = error as { readonly errors?: readonly SchemaError[] };
    if (errors === undefined) throw error;
    faults.push(...errors.map(explain));
    return undefined;
  }
}

/** What ajv says of one value. */
interface SchemaError {
  /** `/ADMIN_PORT` */
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: string;
}

function explain({ instancePath, keyword, message }: SchemaError): string {
  const name = instancePath.slice(1);
  const property = properties[name];
  if (keyword === 'pattern') return `${name} must look like ${String(property?.examples)}`;
  if (keyword === 'enum') return `${name} must be one of ${property?.enum?.join(', ')}`;
  return `${name} ${message ?? 'is not valid'}`;
}

function parseDomainUrls(
  given: Readonly<Record<string, string>>,
  faults: string[],
): Config['domainDatabaseUrls'] {
  const urls: Partial<Record<Principal, string>> = {};
  for (const domain of principals) {
    const name = domain.toUpperCase() + DOMAIN_URL_SUFFIX;
    const url = given[name];
    if (url === undefined) continue;
    urls[domain] = url;
    if (!new RegExp(POSTGRES_URL.pattern).test(url)) {
      faults.push(`${name} must look like ${POSTGRES_URL.examples.join()}`);
    }
  }
  return Object.freeze(urls);
}

function unknownNames(given: Readonly<Record<string, string>>): readonly string[] {
  const known = [
    ...Object.keys(properties),
    ...principals.map((domain) => domain.toUpperCase() + DOMAIN_URL_SUFFIX),
  ];
  return Object.keys(given)
    .filter((name) => name.startsWith(OWN_PREFIX) && !known.includes(name))
    .map((name) => {
      // Most settings have no prefix, so it does not count as a difference.
      const meant = nearestTo(name, known) ?? nearestTo(name.replace(OWN_PREFIX, ''), known);
      return `${name} is no setting${meant === undefined ? '' : `; the nearest one is ${meant}`}`;
    });
}

/**
 * The secret behind a reference: `env:NAME`, or `file:/path` for a mounted secret, without its final line end.
 * Rejects with a message for the operator that names the reference and never the secret.
 */
export async function readSecret(reference: string): Promise<string> {
  const [, scheme, rest = ''] = /^(env|file):(.+)$/.exec(reference) ?? [];
  if (scheme === 'env') {
    const value = process.env[rest];
    if (value === undefined || value === '') throw new Error(`${reference} is not set`);
    return value;
  }
  if (scheme === 'file') {
    const text = await readFile(rest, 'utf8').catch((cause: unknown) => {
      throw new Error(`${reference} cannot be read`, { cause });
    });
    return text.replace(/\r?\n$/, '');
  }
  throw new Error(`"${reference}" is no reference to a secret: write env:NAME or file:/path`);
}
