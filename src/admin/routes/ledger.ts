/**
 * The ledger as strangers check it: texts that say what they say whoever sends them, so nobody has to sign in for them.
 *
 *     GET /v1/ledger/checkpoint                   the newest checkpoint (C2SP tlog-checkpoint)
 *     GET /v1/ledger/proof/:seq                   that entry `seq` is under a checkpoint (C2SP tlog-proof)
 *     GET /v1/ledger/consistency?old=N&new=M      that the tree of N entries is the beginning of that of M
 *
 * They tell how many entries there are and hashes over them, and nothing of what the entries are about.
 */
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { STREAM } from '../../domain/ledger.ts';
import { parseSize } from '../../domain/ledger/checkpoint.ts';
import { hashLines, inclusionProofText } from '../../domain/ledger/proof-text.ts';
import { isRefusal, type Refusal, refuse } from '../../domain/problem.ts';
import type { Database } from '../../stores/database.ts';
import { type CheckpointReader, openCheckpointReader } from '../../stores/ledger-checkpoint.ts';
import { proveConsistency, proveInclusion } from '../../stores/ledger-proofs.ts';
import { describe } from '../openapi.ts';
import { sendProblem } from '../problem.ts';
import type { AdminRoutes } from '../server.ts';

export interface LedgerRoutesOptions {
  /** Sessions of the audit role. */
  readonly audit: Database;
}

const text = { response: { 200: Type.String() } };
const Seq = Type.Object({ seq: Type.String() });
const Sizes = Type.Object({
  old: Type.Optional(Type.Unknown({ description: 'The number of entries of the smaller tree.' })),
  new: Type.Optional(Type.Unknown({ description: 'The number of entries of the larger tree.' })),
});

const ofLedger = { tag: 'Ledger', caller: 'anybody', produces: 'text/plain' } as const;
const operations = {
  checkpoint: {
    ...ofLedger,
    operationId: 'showCheckpoint',
    summary: 'The newest checkpoint (C2SP tlog-checkpoint).',
  },
  proof: {
    ...ofLedger,
    operationId: 'proveInclusion',
    summary: 'That an entry is under a checkpoint (C2SP tlog-proof).',
  },
  consistency: {
    ...ofLedger,
    operationId: 'proveConsistency',
    summary: 'That a smaller tree is the beginning of a larger one.',
  },
} as const;

export function ledgerRoutes({ audit }: LedgerRoutesOptions): AdminRoutes {
  const read = <T>(work: (reader: CheckpointReader) => Promise<T>) =>
    audit.transact((tx) => work(openCheckpointReader(tx, STREAM, 'audit')));
  return (server) => {
    server.get(
      '/v1/ledger/checkpoint',
      { schema: describe(operations.checkpoint, text) },
      async (_request, reply) => {
        const newest = await read((reader) => reader.newest());
        return newest === undefined
          ? sendProblem(reply, refuse('not_sealed', 'nothing has been signed yet'))
          : sendText(reply, newest.note);
      },
    );

    server.get<{ Params: { seq: string } }>(
      '/v1/ledger/proof/:seq',
      { schema: describe(operations.proof, { ...text, params: Seq }) },
      async (request, reply) => {
        const seq = sizeFrom(request.params.seq);
        if (isNoSize(seq)) return sendProblem(reply, seq);
        const proof = await read((reader) => proveInclusion(reader, seq));
        return isRefusal(proof)
          ? sendProblem(reply, proof)
          : sendText(reply, inclusionProofText(proof.seq, proof.hashes, proof.checkpoint.note));
      },
    );

    server.get<{ Querystring: { old?: unknown; new?: unknown } }>(
      '/v1/ledger/consistency',
      { schema: describe(operations.consistency, { ...text, querystring: Sizes }) },
      async (request, reply) => {
        const old = sizeFrom(request.query.old);
        if (isNoSize(old)) return sendProblem(reply, old);
        const size = sizeFrom(request.query.new);
        if (isNoSize(size)) return sendProblem(reply, size);
        const proof = await read((reader) => proveConsistency(reader, old, size));
        return isRefusal(proof) ? sendProblem(reply, proof) : sendText(reply, hashLines(proof));
      },
    );
  };
}

function sizeFrom(text: unknown): number | Refusal {
  const size = typeof text === 'string' ? parseSize(text) : undefined;
  // Beyond 2^53 there is no entry of ours, and a number would not be exact.
  return size === undefined || size > BigInt(Number.MAX_SAFE_INTEGER)
    ? refuse('bad_range', 'places and sizes are numbers in decimal, without leading zeros')
    : Number(size);
}

function isNoSize(size: number | Refusal): size is Refusal {
  return typeof size === 'object';
}

function sendText(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('text/plain; charset=utf-8').send(text);
}
