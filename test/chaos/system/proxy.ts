/**
 * A TCP proxy in front of a store: every process has its own, so that one of them can be cut off, stalled, slowed down, or
 * lose exactly the reply to its COMMIT while all others go on.
 */
import { createConnection, createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

export interface Proxy {
  readonly port: number;
  /** Where connections go from now on. Those that stand stay where they are. */
  redirect(port: number): void;
  /** Resets every connection. Returns how many there were. */
  cut(): number;
  /** Lets nothing pass, in neither direction, until `resume`; connections stay open and new ones hang. */
  stall(): void;
  /** Delays everything by so many milliseconds until `resume`, in pieces of so many bytes. */
  slow(delayMs: number, pieceBytes: number): void;
  resume(): void;
  /** Cuts the next connection that sends a COMMIT: before the server hears of it, or before the client hears back. */
  cutNextCommit(when: 'before' | 'after' | undefined): void;
  /** How many stand now. */
  connections(): number;
  /** How many connections were reset since the beginning, COMMITs among them. */
  cuts(): number;
  /** Pieces that were held back. */
  held(): number;
  close(): Promise<void>;
}

/** The frontend message of the simple query `commit`, as the driver sends it at the end of a transaction. */
const COMMIT = Buffer.from([0x51, 0, 0, 0, 0x0b, ...Buffer.from('commit'), 0]);

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** The reply to what was sent last is never delivered. */
  swallows: boolean;
}

export async function openProxy(upstreamPort: number): Promise<Proxy> {
  const links = new Set<Link>();
  let upstream = upstreamPort;
  let stalled = false;
  let pace: { readonly delayMs: number; readonly pieceBytes: number } | undefined;
  let commitCut: 'before' | 'after' | undefined;
  let cuts = 0;
  let held = 0;
  /** What waits for `resume`. */
  let waiting: (() => void)[] = [];

  function end(link: Link): void {
    if (!links.delete(link)) return;
    cuts += 1;
    link.client.resetAndDestroy();
    link.server.destroy();
  }

  /** Passes a piece on, when its time has come; the pieces of one direction keep their order. */
  function forward(from: Socket, to: Socket, piece: Buffer): void {
    if (stalled) {
      held += 1;
      from.pause();
      waiting.push(() => {
        forward(from, to, piece);
        from.resume();
      });
    } else if (pace !== undefined) {
      held += 1;
      from.pause();
      const { delayMs, pieceBytes } = pace;
      setTimeout(() => {
        for (let start = 0; start < piece.length; start += pieceBytes) {
          if (to.writable) to.write(piece.subarray(start, start + pieceBytes));
        }
        from.resume();
      }, delayMs);
    } else if (to.writable && !to.write(piece)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  }

  function fromClient(link: Link, piece: Buffer): void {
    if (commitCut !== undefined && piece.includes(COMMIT)) {
      const when = commitCut;
      commitCut = undefined;
      if (when === 'before') {
        end(link);
        return;
      }
      link.swallows = true;
    }
    forward(link.client, link.server, piece);
  }

  function accept(client: Socket): void {
    const server = createConnection({ port: upstream, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    const link: Link = { client, server, swallows: false };
    links.add(link);
    client.on('data', (piece) => fromClient(link, piece));
    server.on('data', (piece) => {
      if (link.swallows) end(link);
      else forward(server, client, piece);
    });
    const close = () => {
      links.delete(link);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      socket.on('error', () => {});
      socket.on('close', close);
    }
    // A half-open connection would look like a stall.
    client.on('end', () => server.end());
    server.on('end', () => client.end());
  }

  const listener = createServer(accept);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    port: (listener.address() as AddressInfo).port,
    redirect(port) {
      upstream = port;
    },
    cut() {
      const standing = [...links];
      for (const link of standing) end(link);
      return standing.length;
    },
    stall() {
      stalled = true;
    },
    slow(delayMs, pieceBytes) {
      pace = { delayMs, pieceBytes };
    },
    resume() {
      stalled = false;
      pace = undefined;
      const due = waiting;
      waiting = [];
      for (const pass of due) pass();
    },
    cutNextCommit(when) {
      commitCut = when;
    },
    connections: () => links.size,
    cuts: () => cuts,
    held: () => held,
    close() {
      const closed = new Promise<void>((resolve) => {
        listener.close(() => resolve());
      });
      for (const link of links) end(link);
      return closed;
    },
  };
}
