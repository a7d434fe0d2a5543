import { createReadStream, createWriteStream } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Pack, pack } from 'tar-stream';
import { Progress } from '../../launcher/progress.ts';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import { asTar, releaseHere } from '../../launcher/servers/releases.ts';
import { type Server, servers } from '../../launcher/servers.ts';
import { StackFailure } from '../../launcher/stack-failure.ts';
import { sha256Of } from '../../src/hash-of-file.ts';
import { makeFolder } from '../../src/make-folder.ts';

/**
 * Writes what this machine runs as archives into a folder, laid out as on the host of releases, with
 * their SHA256SUMS. Any web server makes the folder a mirror.
 */
export async function archives({ folder, only }: { folder: string; only?: string }): Promise<number> {
  const sums: string[] = [];
  for (const [path, files] of await findArchives(chosen(only))) {
    const to = join(resolve(folder), path);
    await makeFolder(dirname(to));
    await write(to, files);
    const sum = await sha256Of(to);
    sums.push(`${sum}  ${path}`);
    process.stdout.write(`${to}  ${((await stat(to)).size / 1e6).toFixed(1)} MB\n`);
  }
  const list = join(resolve(folder), 'SHA256SUMS');
  await writeFile(list, `${sums.join('\n')}\n`);
  process.stdout.write(
    `${list}\nServe the folder with any web server, copy SHA256SUMS to each machine in a way that you trust, and start there with VITRINE_MIRROR=<address> VITRINE_MIRROR_SHA256SUMS=<copy>.\n`,
  );
  return 0;
}

function chosen(only: string | undefined): Server[] {
  const all: Record<string, Server> = servers;
  const released = Object.keys(all).filter((name) => all[name]?.release !== undefined);
  const names = only?.split(',') ?? released;
  const unknown = names.filter((name) => !released.includes(name));
  if (unknown.length > 0)
    throw new StackFailure(
      `Cannot write archives: ${unknown.join(', ')} is none of the servers; name some of ${released.join(', ')} (--only).`,
    );
  return names.map((name) => all[name]!);
}

/** For each archive, where its files are and what they are called in it. */
async function findArchives(released: readonly Server[]): Promise<Map<string, { member: string; binary: string }[]>> {
  const found = new Map<string, { member: string; binary: string }[]>();
  const progress = new Progress(process.stdout);
  try {
    for (const [index, server] of released.entries()) {
      if (server.release === undefined) continue;
      const { path, member } = releaseHere(server.release, server.version);
      const at = await ensureServer(server, {
        onProgress: (now) =>
          progress.show({
            kind: 'build',
            title: server.title,
            progress: now,
            number: index + 1,
            of: released.length,
          }),
      });
      const file = { member, binary: join(at, server.binaries[0] ?? '') };
      found.set(asTar(path), [...(found.get(asTar(path)) ?? []), file]);
    }
  } finally {
    progress.close();
  }
  return found;
}

async function write(to: string, files: readonly { member: string; binary: string }[]): Promise<void> {
  const archive = pack();
  const writing = pipeline(archive, createGzip(), createWriteStream(to));
  for (const { member, binary } of files) await add(archive, member, binary);
  archive.finalize();
  await writing;
}

/** The same bytes from the same binary: without a time. */
async function add(archive: Pack, name: string, binary: string): Promise<void> {
  const { size } = await stat(binary);
  const entry = archive.entry({ name, size, mode: 0o755, mtime: new Date(0) });
  await pipeline(createReadStream(binary), entry);
}
