import { execFile } from 'node:child_process';
import { access, constants, readFile, realpath, stat, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Server } from '../servers.ts';
import type { ServerSource } from './server-source.ts';

/** Why no program of the PATH will do, as it ends a sentence about the server. */
export class NotOnPath extends Error {
  override readonly name = 'NotOnPath';
}

/** Links the server of the right version that the PATH has into `folder`. */
export async function linkFromPath(
  server: Server,
  folder: string,
  { env, root }: { env: NodeJS.ProcessEnv; root: string },
): Promise<ServerSource> {
  const [binary] = server.binaries;
  const reasons: string[] = [];
  for (const name of [binary, ...(server.otherNames ?? [])]) {
    const program = name === undefined ? undefined : await onPath(name, env);
    if (program === undefined || binary === undefined) continue;
    const unfit = await whyUnfit(server, program, root);
    if (unfit !== undefined) {
      reasons.push(`${program} ${unfit}`);
      continue;
    }
    const { size, mtimeMs } = await stat(program);
    await symlink(program, join(folder, binary));
    return { way: 'path', program, bytes: size, changedMs: mtimeMs };
  }
  throw new NotOnPath(reasons.length > 0 ? reasons.join(' and ') : 'the PATH has none');
}

/** Undefined where the program is this server in this version, with all needed parts. */
export async function whyUnfit(server: Server, program: string, root: string): Promise<string | undefined> {
  const said = await output(program, server.versionArguments);
  if (said === undefined) return 'cannot be run';
  const found = said.split(/[\s,]+/).map((word) => word.replace(/^v(?=\d)/, ''));
  if (!found.includes(server.version)) {
    const version = found.find((word) => /^\d+\.\d+/.test(word));
    return `is ${version ?? 'of an unknown version'}, and ${server.version} is needed`;
  }
  if (server.parts === undefined) return undefined;
  const has = new Set((await output(program, server.parts.listedBy))?.split(/\s+/));
  const manifest = await readFile(join(root, server.folder, server.parts.manifest), 'utf8');
  const missing = [...manifest.matchAll(/gomod: (\S+)/g)].flatMap(([, part = '']) => (has.has(part) ? [] : [part]));
  return missing.length === 0 ? undefined : `lacks ${missing.join(', ')}`;
}

async function onPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, name);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return realpath(path);
  }
  return undefined;
}

async function output(program: string, parameters: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, [...parameters], {
      timeout: 10_000,
      maxBuffer: 16e6,
    });
    return `${stdout}\n${stderr}`;
  } catch {
    return undefined;
  }
}
