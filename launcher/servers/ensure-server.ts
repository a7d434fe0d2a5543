import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeFolder } from '../../src/make-folder.ts';
import { cacheFolder } from '../cache-folder.ts';
import { diskFull } from '../go-command.ts';
import { takeLock } from '../process-lock.ts';
import { type Server, type ServerName, servers } from '../servers.ts';
import { StackFailure } from '../stack-failure.ts';
import { buildFlags, buildServer } from './build-server.ts';
import { downloadServer } from './download-server.ts';
import { NoArchive } from './fetch-archive.ts';
import type { ServerContext, ServerProgress } from './server-context.ts';
import { linkFromPath, NotOnPath } from './server-on-path.ts';
import { isCurrent, readSource, type ServerSource, writeSource } from './server-source.ts';

export type EnsureServerOptions = {
  onProgress?: (progress: ServerProgress) => void;
  signal?: AbortSignal;
  env?: NodeJS.ProcessEnv;
  root?: string;
};

const checkout = resolve(import.meta.dirname, '../..');

/**
 * The folder that holds a server's binaries. When it is not in the cache, it is got: from the
 * official archive, else from the PATH, else by a build. The folder's name carries the hash of what
 * decides a build, so clones share it and a changed pin gets a new one. Everything happens aside and
 * is renamed into place: a folder that is there is whole. Two processes at once do it once.
 */
export async function ensureServer(name: ServerName | Server, options: EnsureServerOptions = {}): Promise<string> {
  const { onProgress = () => undefined, signal, env = process.env, root = checkout } = options;
  const server: Server = typeof name === 'string' ? servers[name] : name;
  const startedAt = performance.now();
  const elapsedMs = () => Math.round(performance.now() - startedAt);

  const folder = await serverFolder(server, { env, root });
  if (await isThere(folder)) {
    onProgress({ phase: 'done', elapsedMs: elapsedMs(), found: undefined });
    return folder;
  }
  for (;;) {
    signal?.throwIfAborted();
    const lock = await takeLock(`${folder}.lock`);
    if ('owner' in lock) {
      onProgress({ phase: 'waiting', elapsedMs: elapsedMs() });
      await pause(250, undefined, signal && { signal });
      continue;
    }
    try {
      const aside = `${folder}.building-${process.pid}`;
      const context = { onProgress, signal, env, root, elapsedMs, aside };
      const found = (await isThere(folder)) ? undefined : await getServer(server, folder, context);
      onProgress({ phase: 'done', elapsedMs: elapsedMs(), found });
      return folder;
    } finally {
      await lock.release();
    }
  }
}

/** Where a server's binaries are, or will be. */
export async function serverFolder(
  server: Server,
  { env = process.env, root = checkout }: Pick<EnsureServerOptions, 'env' | 'root'> = {},
): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([server.packages, server.binaries, buildFlags(server), process.platform, process.arch]));
  const module = join(root, server.folder);
  const sources = (await readdir(module)).filter((file) => /\.go$|^go\.(mod|sum)$/.test(file)).sort();
  for (const file of sources) hash.update(file).update(await readFile(join(module, file)));
  return join(cacheFolder(env), 'servers', `${server.binaries[0]}-${hash.digest('hex').slice(0, 16)}`);
}

async function isThere(folder: string): Promise<boolean> {
  return existsSync(folder) && (await isCurrent(await readSource(folder)));
}

/** Tries each way in its order; why one is closed is shown, and is in the failure of the last. */
async function getServer(server: Server, folder: string, context: ServerContext): Promise<ServerSource> {
  await removeAbandoned(folder);
  const ways = server.release === undefined ? [buildServer] : [downloadServer, linkServer, buildServer];
  const refused: string[] = [];
  // What was decided by the person who starts it needs no line, only a word where nothing else works.
  if (context.env.VITRINE_MIRROR === 'none' && ways[0] === downloadServer) {
    ways.shift();
    refused.push('VITRINE_MIRROR is none');
  }
  try {
    for (const way of ways) {
      await rm(context.aside, { recursive: true, force: true });
      await makeFolder(context.aside);
      try {
        const source = await way(server, context);
        await writeSource(context.aside, source);
        await rename(context.aside, folder);
        return source;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw diskFull(server.title, dirname(folder), error);
        if (!(error instanceof NoArchive || error instanceof NotOnPath)) throw withReasons(error, refused);
        refused.push(error.message);
        context.onProgress({ phase: 'refused', elapsedMs: context.elapsedMs(), why: error.message });
      }
    }
    throw new Error('The last way either succeeds or throws');
  } finally {
    await rm(context.aside, { recursive: true, force: true });
  }
}

function linkServer(server: Server, { aside, env, root }: ServerContext): Promise<ServerSource> {
  return linkFromPath(server, aside, { env, root });
}

function withReasons(error: unknown, refused: readonly string[]): unknown {
  if (!(error instanceof StackFailure) || refused.length === 0) return error;
  const text = `${error.message} It has to be built because ${refused.join(', and because ')}; VITRINE_MIRROR can name a mirror that has it.`;
  return new StackFailure(text, { cause: error });
}

// Only the owner of the lock comes here. What stands beside the folder was left by starts that were
// killed. A folder of that name links to a program that has changed.
async function removeAbandoned(folder: string): Promise<void> {
  await makeFolder(dirname(folder));
  await rm(folder, { recursive: true, force: true });
  for (const entry of await readdir(dirname(folder))) {
    if (!entry.startsWith(`${basename(folder)}.building-`)) continue;
    const path = join(dirname(folder), entry);
    if ((await stat(path)).isDirectory()) await rm(path, { recursive: true, force: true });
  }
}
