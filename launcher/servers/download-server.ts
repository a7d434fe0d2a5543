import { rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import type { Server } from '../servers.ts';
import { fetchArchive, NoArchive } from './fetch-archive.ts';
import { mirrorOf } from './mirror.ts';
import { asTar, platform, releaseHere } from './releases.ts';
import type { ServerContext } from './server-context.ts';
import { whyUnfit } from './server-on-path.ts';
import type { ServerSource } from './server-source.ts';
import { unpack } from './unpack.ts';

/** A download may take this long even where the build is quick. */
const shortestMs = 20_000;

/** Gets a server from its official archive, or from the mirror that VITRINE_MIRROR names. */
export async function downloadServer(server: Server, context: ServerContext): Promise<ServerSource> {
  const { aside, env, root, signal, onProgress, elapsedMs } = context;
  const mirror = await mirrorOf(env);
  const [binary] = server.binaries;
  if (server.release === undefined || binary === undefined) throw new NoArchive('nobody publishes it');
  const { path: official, member, sha256: pinned } = releaseHere(server.release, server.version);
  const path = [official, asTar(official)].find((one) => mirror.sha256.has(one)) ?? official;
  const sha256 = mirror.sha256.get(path) ?? pinned;
  const { os, arch } = platform();
  if (sha256 === undefined) throw new NoArchive(`no SHA-256 is known of version ${server.version} for ${os}-${arch}`);
  const url = `${mirror.base}${path}`;
  // Its ending says how to unpack it.
  const archive = join(aside, `archive-${basename(path)}`);
  const unpacked = join(aside, `unpacked-${binary}`);
  await fetchArchive({
    url,
    to: archive,
    sha256,
    msMax: Math.max(shortestMs, (server.coldBuildSeconds * 1000) / availableParallelism()),
    signal,
    onBytes: (bytes, bytesMax) => onProgress({ phase: 'fetching', elapsedMs: elapsedMs(), bytes, bytesMax }),
  });
  await unpack(archive, member, unpacked);
  await rm(archive);
  const unfit = await whyUnfit(server, unpacked, root);
  if (unfit !== undefined) throw new NoArchive(`what ${url} holds ${unfit}`);
  await rename(unpacked, join(aside, binary));
  return { way: 'archive', url, sha256 };
}
