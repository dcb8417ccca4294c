/** The daemon's log: one JSON object a line on standard error, so that standard output stays data. */
import { destination, type Logger, pino } from 'pino';

export interface LogOptions {
  readonly level: string;
  /** Which process speaks: `up`, `work risk`, `admin`, … */
  readonly role: string;
}

/** Ids and codes are logged, never payloads; the redaction is for what slips through. */
const REDACTED = [
  'authorization',
  '*.authorization',
  'token',
  '*.token',
  'secret',
  '*.secret',
  'password',
  '*.password',
];
const STDERR = 2;

export function createLog({ level, role }: LogOptions): Logger {
  return pino(
    {
      level,
      base: { service: 'sentinelops', role },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err, cause: pino.stdSerializers.err },
      redact: { paths: REDACTED, censor: '[redacted]' },
    },
    destination({ fd: STDERR, sync: true }),
  );
}
