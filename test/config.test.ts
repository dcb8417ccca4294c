import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { parseConfig, readConfig, readSecret, settings } from '../src/config.ts';

const messageOf = (environment: Record<string, string>): string => {
  try {
    parseConfig(environment);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};

describe('an environment without faults', () => {
  it('needs nothing: the embedded database, the queues in it, the loopback interface', () => {
    expect(parseConfig({})).toEqual({
      adminUrl: 'http://127.0.0.1:8484',
      token: undefined,
      oidcFile: undefined,
      notificationsFile: undefined,
      databaseUrl: undefined,
      domainDatabaseUrls: {},
      redisUrl: undefined,
      dataDirectory: './data',
      adminHost: '127.0.0.1',
      adminPort: 8484,
      logLevel: 'info',
      ledgerOrigin: undefined,
      ledgerSigningKey: undefined,
      ledgerStateDirectory: './ledger-state',
      ledgerTrustPolicy: undefined,
      executionNeeds: 'committed',
      targetsFile: undefined,
      poolConnectionsMax: 4,
      drainTimeoutMs: 25_000,
      failpoints: undefined,
    });
  });

  it('gives numbers as numbers and leaves alone what is not ours', () => {
    const config = parseConfig({
      ADMIN_PORT: '0',
      DRAIN_TIMEOUT_MS: '100',
      PATH: '/bin',
      PORT: 'x',
    });
    expect(config).toMatchObject({ adminPort: 0, drainTimeoutMs: 100 });
    expect(Object.values(config)).not.toContain('/bin');
  });

  it('gives a domain its own login', () => {
    const url = 'postgres://risk:secret@db:5432/sentinelops';
    expect(parseConfig({ RISK_DATABASE_URL: url }).domainDatabaseUrls).toEqual({ risk: url });
  });

  it('takes an empty value as not set', () => {
    expect(parseConfig({ REDIS_URL: '', ADMIN_PORT: '' })).toEqual(parseConfig({}));
  });

  it.each([
    'redis://localhost:6379/0',
    'rediss://:secret@cache.example.com:6380',
    'redis-cluster://a:1,b:2',
    'redis-sentinel://a:1,b:2/main',
  ])('takes %s as a Redis', (url) => {
    expect(parseConfig({ REDIS_URL: url }).redisUrl).toBe(url);
  });

  it('cannot be changed afterwards', () => {
    const config = parseConfig({});
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.domainDatabaseUrls)).toBe(true);
  });
});

describe('faults', () => {
  it('are all named at once', () => {
    const message = messageOf({
      DATABASE_URL: 'mysql://db',
      LEDGER_DATABASE_URL: 'db',
      REDIS_URL: 'localhost:6379',
      ADMIN_PORT: '99999',
      LOG_LEVEL: 'loud',
      LEDGER_ORIGIN: 'Ledger of ACME',
      POOL_CONNECTIONS_MAX: 'many',
      SENTINELOPS_DATADIR: '/var/lib/sentinelops',
    });
    expect(message.split('\n').slice(1).sort()).toEqual([
      '  ADMIN_PORT must be <= 65535',
      '  DATABASE_URL must look like postgres://login@host:5432/database',
      '  LEDGER_DATABASE_URL must look like postgres://login@host:5432/database',
      '  LEDGER_ORIGIN must look like ledger.example.com/production',
      '  LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent',
      '  POOL_CONNECTIONS_MAX must be integer',
      '  REDIS_URL must look like redis://host:6379/0',
      '  SENTINELOPS_DATADIR is no setting; the nearest one is SENTINELOPS_DATA_DIR',
    ]);
  });

  it('of failpoints: they are refused outside of tests', () => {
    const armed = { SENTINELOPS_FAILPOINTS: 'risk.claimed:crash' };
    expect(messageOf(armed)).toContain('set SENTINELOPS_MODE=test');
    expect(messageOf({ ...armed, SENTINELOPS_MODE: 'production' })).toContain('is for tests');
    expect(messageOf({ ...armed, SENTINELOPS_MODE: 'tests' })).toContain('production, test');
    const config = parseConfig({ ...armed, SENTINELOPS_MODE: 'test' });
    expect(config.failpoints).toBe('risk.claimed:crash');
  });

  it('never show the value, which may hold a password', () => {
    const names = settings.map(({ name }) => name.replace('<DOMAIN>', 'EVENT'));
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.stringMatching(/^[A-Z]{12}!$/), (name, value) => {
        expect(messageOf({ [name]: value })).not.toContain(value);
      }),
    );
  });

  it.each([
    ['SENTINELOPS_REDIS_URL', 'REDIS_URL'],
    ['SENTINELOPS_LOGLEVEL', 'LOG_LEVEL'],
    ['SENTINELOPS_LEDGERS_DATABASE_URL', 'LEDGER_DATABASE_URL'],
  ])('of a name: %s is nearest to %s', (name, nearest) => {
    expect(messageOf({ [name]: 'x' })).toContain(`the nearest one is ${nearest}`);
  });

  it('of a ledger origin: the length counts', () => {
    expect(messageOf({ LEDGER_ORIGIN: 'a'.repeat(150) })).toBe('');
    expect(messageOf({ LEDGER_ORIGIN: 'a'.repeat(151) })).toContain('LEDGER_ORIGIN');
  });
});

describe('a secret', () => {
  it('stands in the environment or in a mounted file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sentinelops-test-secret-'));
    const file = join(directory, 'key');
    await writeFile(file, 'two\nlines\n');
    process.env['A_TEST_SECRET'] = 'one line';
    try {
      expect(await readSecret('env:A_TEST_SECRET')).toBe('one line');
      expect(await readSecret(`file:${file}`)).toBe('two\nlines');
    } finally {
      delete process.env['A_TEST_SECRET'];
      await rm(directory, { recursive: true });
    }
  });

  it.each([
    ['env:NOT_SET_ANYWHERE', 'env:NOT_SET_ANYWHERE is not set'],
    ['file:/no/such/file', 'file:/no/such/file cannot be read'],
    ['plain', 'write env:NAME or file:/path'],
  ])('%s is refused with its reference', async (reference, message) => {
    await expect(readSecret(reference)).rejects.toThrow(message);
  });
});

describe('.env in the working directory', () => {
  const home = process.cwd();
  const before = { ...process.env };
  afterEach(() => {
    process.chdir(home);
    process.env = { ...before };
  });

  it('is read where there is one, and the environment wins over it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sentinelops-test-config-'));
    try {
      process.chdir(directory);
      process.env['ADMIN_PORT'] = '9001';
      delete process.env['ADMIN_HOST'];
      expect(readConfig()).toMatchObject({ adminPort: 9001, adminHost: '127.0.0.1' });
      await writeFile('.env', 'ADMIN_PORT=9002\nADMIN_HOST=0.0.0.0\n');
      expect(readConfig()).toMatchObject({ adminPort: 9001, adminHost: '0.0.0.0' });
    } finally {
      process.chdir(home);
      await rm(directory, { recursive: true });
    }
  });
});

describe("README's configuration table", () => {
  it('names every setting', () => {
    const readme = readFileSync('README.md', 'utf8');
    const missing = settings.filter(({ name }) => !readme.includes(`\`${name}\``));
    expect(missing.map(({ name }) => name)).toEqual([]);
  });
});
