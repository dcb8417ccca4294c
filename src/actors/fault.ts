/**
 * What an error means for the messages of a batch. Decided here, once: a store or an actor lets errors through.
 *
 * - `transient`: the world fails (a connection, a lost race, a full disk). Nothing is wrong with the messages, so they
 *   are neither bisected nor counted; their jobs are retried for ever.
 * - `contended`: transient, and likely over in milliseconds; worth another try before the jobs go back.
 * - `data`: the database refuses what one message would write (SQLSTATE 22 and 23). Bisected; the message that stands
 *   alone becomes a dead letter at once.
 * - `halt`: a promise of ours is broken; going on would spread it.
 * - `unexplained`: anything else, most likely a mistake of ours. Bisected so that the others go on; a message alone
 *   is given up only after several claims.
 */
import { Halt, Unavailable } from './actor.ts';

export type Fault = 'transient' | 'contended' | 'data' | 'halt' | 'unexplained';

const CONTENDED = new Set(['40001', '40P01', '55P03']);
/** 08 connection, 53 resources, 57P01-03 shutdown and start-up, 25006 read-only after a failover. */
const TRANSIENT_SQLSTATE = /^(08...|53...|57P0[123]|25006|25P0[23])$/;
const TRANSIENT_SYSTEM = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/** The driver reports a lost or refused connection as a plain Error; these are its words. */
const TRANSIENT_WORDS =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Connection is closed|Client was closed|driver has already been destroyed|Stream isn't writeable|Reached the max retries)/i;

export function faultOf(error: unknown): Fault {
  if (error instanceof Halt) return 'halt';
  if (error instanceof Unavailable) return 'transient';
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string') {
    if (CONTENDED.has(code)) return 'contended';
    if (TRANSIENT_SQLSTATE.test(code) || TRANSIENT_SYSTEM.has(code)) return 'transient';
    if (/^2[23]...$/.test(code)) return 'data';
  }
  return typeof message === 'string' && TRANSIENT_WORDS.test(message) ? 'transient' : 'unexplained';
}

/** A short name of an error for a dead letter: its SQLSTATE or class, never its text, which may quote the message. */
export function errorClassOf(error: unknown): string {
  const { code, constraint, name } = error as { code?: string; constraint?: string; name?: string };
  return [code ?? name ?? typeof error, constraint].filter(Boolean).join(' ').slice(0, 100);
}
