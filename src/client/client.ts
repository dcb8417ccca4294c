/**
 * A client of the API. What it can call, with which parameters and what comes back, is generated from the API's own
 * description (api.ts); this file only sends and reads.
 */
import { type Operations, places } from './api.ts';

export type OperationName = keyof Operations;
export type AnswerOf<Name extends OperationName> = Operations[Name]['answer'];

/** What an operation takes: only the parts that it has. */
export type InputOf<Name extends OperationName> = {
  readonly [Part in 'path' | 'query' | 'body' as undefined extends Operations[Name][Part]
    ? never
    : Part]: Operations[Name][Part];
};

/** A problem document (RFC 9457), as far as every one of them goes. */
export interface ApiProblem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly remedy: string;
}

export type Answered<Name extends OperationName> =
  | { readonly answer: AnswerOf<Name> }
  | { readonly problem: ApiProblem };

export interface ClientOptions {
  /** Where the HTTP server of SentinelOps is: `http://127.0.0.1:8484`. */
  readonly url: string;
  /** A bearer token of a person. */
  readonly token?: string | undefined;
}

export interface Client {
  /** Calls one operation. Rejects when the server does not answer, or with something that is not the API. */
  call<Name extends OperationName>(name: Name, input: InputOf<Name>): Promise<Answered<Name>>;
}

const TIMEOUT_MS = 30_000;

export function createClient({ url, token }: ClientOptions): Client {
  return {
    async call(name, input) {
      const { path = {}, query = {}, body } = input as Parts;
      const { method, path: template } = places[name];
      const address = new URL(placeOf(template, path), url);
      for (const [key, value] of Object.entries(query)) {
        if (value !== undefined) address.searchParams.set(key, value);
      }
      const response = await fetch(address, {
        method,
        // The token must not follow to another address.
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return readAnswer(response);
    },
  };
}

interface Parts {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
}

function placeOf(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{(\w+)\}/g, (_whole, name: string) =>
    encodeURIComponent(values[name]!),
  );
}

async function readAnswer<Name extends OperationName>(response: Response): Promise<Answered<Name>> {
  const type = response.headers.get('content-type')?.split(';')[0] ?? 'nothing';
  if (type === 'application/problem+json') {
    return { problem: (await response.json()) as ApiProblem };
  }
  if (!response.ok || !['application/json', 'text/plain'].includes(type)) {
    throw new Error(`${response.url} answered ${response.status} with ${type}: not SentinelOps`);
  }
  const answer: unknown = type === 'text/plain' ? await response.text() : await response.json();
  return { answer: answer as AnswerOf<Name> };
}
