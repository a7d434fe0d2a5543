import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { checkGo, explainGoFailure, runGo } from './go-command.ts';
import { takeLock } from './process-lock.ts';
import { type Server, type ServerName, servers } from './servers.ts';

export type BuildProgress =
  | { phase: 'waiting'; elapsedMs: number } // Another process builds the same; its result will be used.
  | { phase: 'downloading'; elapsedMs: number; modules: number }
  | { phase: 'compiling'; elapsedMs: number; packages: number; packagesMax: number } // What the compile cache has is not counted.
  | { phase: 'done'; elapsedMs: number; built: boolean };

export type EnsureServerOptions = {
  onProgress?: (progress: BuildProgress) => void;
  signal?: AbortSignal;
  env?: NodeJS.ProcessEnv;
  root?: string;
};

const checkout = resolve(import.meta.dirname, '..');

/**
 * The folder that holds a server's binaries, built first when it is not in the cache. The folder's
 * name carries the hash of everything that decides the result, so clones share it and a changed pin
 * builds again. A build happens aside and is renamed into place: a folder that is there is whole.
 * Two processes at once build once.
 */
export async function ensureServer(name: ServerName | Server, options: EnsureServerOptions = {}): Promise<string> {
  const { onProgress = () => undefined, signal, env = process.env, root = checkout } = options;
  const server: Server = typeof name === 'string' ? servers[name] : name;
  const startedAt = performance.now();
  const elapsedMs = () => Math.round(performance.now() - startedAt);

  const folder = await serverFolder(server, { env, root });
  if (existsSync(folder)) {
    onProgress({ phase: 'done', elapsedMs: elapsedMs(), built: false });
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
      const built = !existsSync(folder);
      if (built) await build(server, folder, { onProgress, signal, env, root, elapsedMs });
      onProgress({ phase: 'done', elapsedMs: elapsedMs(), built });
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

/** The folder that all clones share. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.VITRINE_CACHE) return resolve(env.VITRINE_CACHE);
  const home = env.HOME || homedir();
  if (process.platform === 'darwin') return join(home, 'Library', 'Caches', 'vitrine');
  return join(env.XDG_CACHE_HOME || join(home, '.cache'), 'vitrine');
}

/**
 * Nobody debugs these binaries: leaving debug information out saves a quarter of the compiler's
 * work. See bench/LOG.md.
 */
function buildFlags({ tags, version, versionVariable }: Server): string[] {
  const stamp = versionVariable === '' ? '' : ` -X=${versionVariable}=${version}`;
  return [
    '-mod=readonly',
    '-buildvcs=false',
    '-trimpath',
    `-ldflags=-s -w${stamp}`,
    '-gcflags=all=-dwarf=false',
    ...(tags === '' ? [] : ['-tags', tags]),
  ];
}

type BuildContext = Required<Pick<EnsureServerOptions, 'onProgress' | 'env' | 'root'>> & {
  signal: AbortSignal | undefined;
  elapsedMs: () => number;
};

async function build(server: Server, folder: string, context: BuildContext): Promise<void> {
  const { onProgress, signal, env, root, elapsedMs } = context;
  const module = join(root, server.folder);
  // Without cgo no C compiler is needed, and the binary runs on any distribution.
  const go = { title: server.title, module, env: { ...env, CGO_ENABLED: '0', GOWORK: 'off' }, signal };
  const aside = `${folder}.building-${process.pid}`;
  await removeAbandoned(folder);
  let modules = 0;
  onProgress({ phase: 'downloading', elapsedMs: elapsedMs(), modules });
  await checkGo(go);

  try {
    const listed = await runGo(go, ['list', ...buildFlags(server), '-deps', ...server.packages], (line) => {
      if (line.startsWith('go: downloading '))
        onProgress({ phase: 'downloading', elapsedMs: elapsedMs(), modules: ++modules });
    });
    const packagesMax = listed.split('\n').filter((line) => line !== '').length;

    let packages = 0;
    const report = () => onProgress({ phase: 'compiling', elapsedMs: elapsedMs(), packages, packagesMax });
    report();
    await mkdir(aside, { recursive: true });
    const [only] = server.binaries;
    const output = server.packages.length === 1 && only !== undefined ? join(aside, only) : `${aside}/`;
    await runGo(go, ['build', '-v', ...buildFlags(server), '-o', output, ...server.packages], (line) => {
      if (/^[\w.-]+(\/[\w.~-]+)*$/.test(line)) packages += 1; // With -v, each package compiled is a line of its own.
      report();
    });
    await rename(aside, folder);
  } catch (error) {
    throw explainGoFailure(error, { ...go, cache: dirname(folder) });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

// Only the owner of the lock comes here: what stands beside the folder was left by builds that were
// killed.
async function removeAbandoned(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  for (const entry of await readdir(dirname(folder))) {
    if (!entry.startsWith(`${basename(folder)}.building-`)) continue;
    const path = join(dirname(folder), entry);
    if ((await stat(path)).isDirectory()) await rm(path, { recursive: true, force: true });
  }
}
