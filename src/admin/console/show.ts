/** Sends pages, each in the frame of the person who asked for it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problems, type Refusal } from '../../domain/problem.ts';
import type { Database } from '../../stores/database.ts';
import { openInboxStore } from '../../stores/inbox.ts';
import { currentSession, type Session } from '../session.ts';
import type { AssetPaths } from './assets.ts';
import type { Html } from './html.ts';
import { layout, type Page } from './layout.ts';
import { problemPage } from './pages/problem.ts';

export interface Show {
  page(
    request: FastifyRequest,
    reply: FastifyReply,
    page: Page,
    status?: number,
  ): Promise<FastifyReply>;
  /** Asks no store, since that may be what is wrong. */
  problem(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply;
}

/** `decision`: sessions of the decision domain. */
export function createShow(assets: AssetPaths, decision: Database): Show {
  return {
    async page(request, reply, page, status = 200) {
      const { person } = currentSession(request);
      const standing =
        person === undefined
          ? undefined
          : await decision.transact((tx) => openInboxStore(tx).standing());
      const formToken = reply.generateCsrf();
      return sendHtml(reply, layout({ assets, person, standing, formToken }, page), status);
    },

    problem(request, reply, refusal) {
      // Not there when the request was refused before its cookie was read.
      const session: Session | undefined = currentSession(request);
      const formToken = session === undefined ? '' : reply.generateCsrf();
      const frame = { assets, person: session?.person, standing: undefined, formToken };
      const page = problemPage(refusal, request.id);
      return sendHtml(reply, layout(frame, page), problems[refusal.reason].status);
    },
  };
}

export function sendHtml(reply: FastifyReply, page: Html, status = 200): FastifyReply {
  return reply.status(status).type('text/html; charset=utf-8').send(page.toString());
}
