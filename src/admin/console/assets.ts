/**
 * What pages load besides themselves: one style sheet and two scripts, all from here. Their addresses change with their
 * content, so a browser asks for each of them once.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { sha256 } from '../../domain/digest.ts';

const own = (name: string) => new URL(`./assets/${name}`, import.meta.url).href;

const sources = {
  style: { file: own('console.css'), extension: 'css', type: 'text/css; charset=utf-8' },
  icon: { file: own('icon.svg'), extension: 'svg', type: 'image/svg+xml' },
  script: { file: own('console.js'), extension: 'js', type: 'text/javascript; charset=utf-8' },
  htmx: {
    file: import.meta.resolve('htmx.org/dist/htmx.min.js'),
    extension: 'js',
    type: 'text/javascript; charset=utf-8',
  },
} as const;
type AssetName = keyof typeof sources;

/** Where each of them is found. */
export type AssetPaths = Readonly<Record<AssetName, string>>;

interface Asset {
  readonly path: string;
  readonly type: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer;
}

const A_YEAR_S = 31_536_000;
const DIGEST_CHARACTERS = 16;

export async function readAssets(): Promise<{
  readonly paths: AssetPaths;
  addRoutes(server: FastifyInstance): void;
}> {
  const names = Object.keys(sources) as AssetName[];
  const assets = await Promise.all(names.map(readAsset));
  const entries = names.map((name, index) => [name, assets[index]!.path] as const);
  return {
    paths: Object.fromEntries(entries) as AssetPaths,
    addRoutes(server) {
      for (const asset of assets) addRoute(server, asset);
    },
  };
}

async function readAsset(name: AssetName): Promise<Asset> {
  const { file, extension, type } = sources[name];
  const bytes = await readFile(fileURLToPath(file));
  const digest = sha256(bytes).slice(0, DIGEST_CHARACTERS);
  const path = `/console/assets/${name}-${digest}.${extension}`;
  return { path, type, bytes, gzipped: await promisify(gzip)(bytes) };
}

function addRoute(server: FastifyInstance, { path, type, bytes, gzipped }: Asset): void {
  server.get(path, (request, reply) => {
    reply.header('cache-control', `public, max-age=${A_YEAR_S}, immutable`);
    reply.header('vary', 'accept-encoding').type(type);
    const isUnderstood = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    return isUnderstood
      ? reply.header('content-encoding', 'gzip').send(gzipped)
      : reply.send(bytes);
  });
}
