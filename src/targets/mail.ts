/**
 * Mail by SMTP. The `Message-ID` comes from the message, so a server or reader that has seen it can tell a repeat. Over
 * TLS, by STARTTLS or from the start, to anything but this machine.
 */
import { createTransport } from 'nodemailer';
import type { Delivery } from '../domain/delivery.ts';
import type { Channel } from './channel.ts';
import { oneLine, unlessAborted } from './target.ts';

export interface MailServer {
  /** `smtp://login:password@host:587`, or `smtps://` for TLS from the start. */
  readonly url: string;
  readonly from: string;
  /** On this machine: plain SMTP will do. */
  readonly loopback: boolean;
  /** PEM of the only certificate authority that counts. */
  readonly certificateAuthority?: string | undefined;
}

const CONNECT_MS_MAX = 10_000;
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** @throws Error that says what is wrong with the address and never what it is: it may hold a password. */
export function openMailChannel(
  { url: text, from, loopback, certificateAuthority: ca }: MailServer,
  to: readonly string[],
): Channel {
  const url = URL.parse(text);
  if (url === null || !['smtp:', 'smtps:'].includes(url.protocol)) {
    throw new Error('the mail server is written as smtp://login:password@host:587 or smtps://…');
  }
  if (loopback && !LOOPBACK.has(url.hostname)) {
    throw new Error('"loopback: true" is for a mail server on this machine');
  }
  const secure = url.protocol === 'smtps:';
  const transport = createTransport({
    host: url.hostname.replaceAll(/[[\]]/g, ''),
    port: Number(url.port || (secure ? 465 : 587)),
    secure,
    requireTLS: !secure && !loopback,
    ignoreTLS: loopback,
    ...(url.username === ''
      ? {}
      : {
          auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
        }),
    ...(ca === undefined ? {} : { tls: { ca } }),
    connectionTimeout: CONNECT_MS_MAX,
    greetingTimeout: CONNECT_MS_MAX,
    socketTimeout: CONNECT_MS_MAX,
    // What a message says is text; it names neither files nor addresses to fetch.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const domain = from.replace(/^.*@/, '').replaceAll(/[>\s]/g, '');
  return {
    async deliver({ messageId, subject, content, composedAt }, _attemptedAtMs, signal) {
      const sending = transport.sendMail({
        from,
        to: [...to],
        subject: oneLine(subject),
        text: content,
        messageId: `<${messageId}@${domain}>`,
        date: composedAt,
        headers: { 'Auto-Submitted': 'auto-generated' },
      });
      try {
        // The library's own time limits end what is left under way.
        const { response } = await unlessAborted(sending, signal);
        return { kind: 'acknowledged', detail: oneLine(response), answer: {} };
      } catch (error) {
        return outcomeOf(error as SmtpError);
      }
    },
  };
}

interface SmtpError extends Error {
  readonly responseCode?: number;
}

/** 5yz is a no for good (RFC 5321 §4.2.1), save that of a login: a password is mended, and the mail should go then. */
function outcomeOf({ responseCode = 0, message }: SmtpError): Delivery {
  const detail = oneLine(message);
  const isLogin = responseCode === 530 || responseCode === 534 || responseCode === 535;
  if (responseCode >= 500 && !isLogin) {
    return { kind: 'failed', failure: 'rejected', detail, answer: {} };
  }
  return { kind: 'retry', detail, bytesLeft: true, answer: {} };
}
