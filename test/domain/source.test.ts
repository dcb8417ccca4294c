import { describe, expect, it } from 'vitest';
import { isRefusal, refuse } from '../../src/domain/problem.ts';
import {
  admit,
  type Inbound,
  type RegisteredSource,
  readInbound,
  type SigningWindow,
  type SourceKind,
  type Statement,
  sourcesClaimed,
  type Transport,
} from '../../src/domain/source.ts';
import { timestampOfMs } from '../../src/domain/time.ts';

const now = timestampOfMs(1_767_323_045_000);
const MINUTE_MS = 60_000;

/** A kind whose body is a list of `source id` lines, signed by the word in its only header. */
function linesKind(name: string) {
  const windows: SigningWindow[] = [];
  const kind: SourceKind = {
    name,
    headers: ['word'],
    idHeaders: [],
    read: ({ body }) => ({
      batch: body.split('\n').map((text) => {
        const [source = '', id = ''] = text.split(' ');
        const claim = { source, id, type: 't', subject: null, time: null, correlationId: null };
        return { text, claim: id === '' ? refuse('wrong_shape', 'no id') : { ...claim, data: id } };
      }),
    }),
    verify({ headers }, keys, window) {
      windows.push(window);
      const word = headers?.word;
      if (word === undefined) return null;
      const holds = keys.some(({ material }) => material.toString() === word);
      return holds ? word : refuse('signature_wrong', 'another word');
    },
  };
  return { kind, windows };
}

const source: RegisteredSource = {
  name: 'acme',
  kind: 'lines',
  signatureRequired: true,
  queueAgeMaxS: 3_600,
  retired: false,
  keys: [{ algorithm: 'hmac-sha256', material: Buffer.from('open sesame') }],
};

function statementsOf(kind: SourceKind, inbound: Inbound): readonly Statement[] {
  const read = readInbound([kind], inbound);
  return 'batch' in read ? read.batch : [read];
}

function judge(
  inbound: Partial<Inbound>,
  registered: readonly RegisteredSource[] = [source],
  transport: Transport = 'http',
) {
  const { kind, windows } = linesKind('lines');
  const statements = statementsOf(kind, { kind: 'lines', body: 'acme e-1', ...inbound });
  const sources = new Map(registered.map((each) => [each.name, each]));
  const verdicts = admit(statements, sources, transport, now);
  const reasons = verdicts.map((verdict) => (isRefusal(verdict) ? verdict.reason : 'accepted'));
  return { verdicts, reasons, windows };
}

const signed = { headers: { word: 'open sesame' } };

describe('a message of a registered source', () => {
  it('is accepted with the signature that held', () => {
    const { verdicts } = judge(signed);
    expect(verdicts).toMatchObject([
      { source: 'acme', externalId: 'e-1', receivedAt: now, integritySignature: 'open sesame' },
    ]);
  });

  it('needs no signature where the registry says so', () => {
    const { verdicts } = judge({}, [{ ...source, signatureRequired: false }]);
    expect(verdicts).toMatchObject([{ externalId: 'e-1', integritySignature: null }]);
  });

  it.each([
    ['signature_missing', {}, source],
    ['signature_wrong', { headers: { word: 'x' } }, source],
    ['signature_wrong', { headers: { word: 'x' } }, { ...source, signatureRequired: false }],
    ['signature_wrong', signed, { ...source, signatureRequired: false, keys: [] }],
    ['source_retired', signed, { ...source, retired: true }],
    ['source_mismatch', { ...signed, source: 'other' }, source],
    ['source_mismatch', signed, { ...source, kind: 'other' }],
    ['unknown_source', signed, { ...source, name: 'other' }],
    ['unknown_source_kind', { ...signed, kind: 'gitlab' }, source],
  ] as const)('is refused as %s', (reason, inbound, registered) => {
    expect(judge(inbound, [registered]).reasons).toEqual([reason]);
  });

  it('may be signed five minutes ago over HTTP, and as long ago as the registry says on a queue', () => {
    const futureMsMax = 5 * MINUTE_MS;
    expect(judge(signed).windows).toEqual([{ now, pastMsMax: 5 * MINUTE_MS, futureMsMax }]);
    expect(judge(signed, [source], 'queue').windows).toEqual([
      { now, pastMsMax: 3_600_000, futureMsMax },
    ]);
  });
});

describe('a batch', () => {
  const body = 'acme e-1\nbeta e-2\nacme\ngamma e-3\nacme e-4';
  const beta = { ...source, name: 'beta', keys: [] };

  it('is judged event by event, in order', () => {
    const { verdicts, reasons } = judge({ ...signed, body }, [source, beta]);
    expect(reasons).toEqual([
      'accepted',
      'signature_wrong',
      'wrong_shape',
      'unknown_source',
      'accepted',
    ]);
    expect(verdicts[1]).toMatchObject({ source: 'beta', externalId: 'e-2' });
  });

  it('has its signature checked once for each source', () => {
    expect(judge({ ...signed, body }, [source, beta]).windows).toHaveLength(2);
  });

  it('names each source once', () => {
    const { kind } = linesKind('lines');
    const statements = statementsOf(kind, { kind: 'lines', body });
    expect(sourcesClaimed(statements)).toEqual(['acme', 'beta', 'gamma']);
  });
});

it('reads a message without a kind as a CloudEvent', () => {
  const { kind } = linesKind('cloudevents');
  expect(statementsOf(kind, { body: 'acme e-1' })).toMatchObject([{ claim: { id: 'e-1' } }]);
});
