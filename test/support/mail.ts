/** A real SMTP server on the loopback address, that keeps what it is sent or refuses it. */
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';
import { localhostCertificate } from './certificate.ts';

export interface ReceivedMail {
  readonly to: readonly string[];
  readonly isEncrypted: boolean;
  readonly login: string | undefined;
  /** As it came over the wire. */
  readonly source: string;
}

export interface MailServer {
  readonly port: number;
  readonly received: readonly ReceivedMail[];
  /** The next mails are refused with these codes, in order. */
  refuse(...codes: readonly number[]): void;
  close(): Promise<void>;
}

export interface MailServerOptions {
  /** Offers STARTTLS and takes mail from this login only. */
  readonly login?: { readonly user: string; readonly password: string };
}

export async function openMailServer({ login }: MailServerOptions = {}): Promise<MailServer> {
  const received: ReceivedMail[] = [];
  const refusals: number[] = [];
  const server = new SMTPServer({
    ...localhostCertificate,
    hideSTARTTLS: login === undefined,
    authOptional: login === undefined,
    onAuth({ username, password }, _session, done) {
      if (username === login?.user && password === login?.password) done(null, { user: username });
      else done(Object.assign(new Error('wrong login'), { responseCode: 535 }));
    },
    onData(stream, { envelope, secure, user }, done) {
      text(stream).then((source) => {
        const code = refusals.shift();
        if (code !== undefined) {
          done(Object.assign(new Error('refused by the test'), { responseCode: code }));
          return;
        }
        const to = envelope.rcptTo.map(({ address }) => address);
        received.push({
          to,
          isEncrypted: secure === true,
          login: user as string | undefined,
          source,
        });
        done();
      }, done);
    },
  });
  // What a client breaks off is the client's affair.
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    refuse: (...codes) => refusals.push(...codes),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
