import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ifThere } from '../../src/if-there.ts';
import { identify, isRunning, type ProcessIdentity } from '../process-identity.ts';
import { removeEngineCgroups } from './engine-cgroup.ts';

const prefixes = ['vitrine-engine-', 'vitrine-ground-'] as const;
const [enginePrefix] = prefixes;
const ownerFile = 'owner.json';

/**
 * A temporary folder that names its process in a file. Its own name is short: sockets lie below it,
 * and their paths have 107 characters at most.
 */
export async function makeOwnedFolder(prefix: (typeof prefixes)[number]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  const owner: Owner = { ...(await identify(process.pid))!, namespace: await ownNamespace() };
  await writeFile(join(folder, ownerFile), JSON.stringify(owner));
  return folder;
}

type Owner = ProcessIdentity & { readonly namespace: string };

/** A process id means something only within it. */
function ownNamespace(): Promise<string> {
  return readlink('/proc/self/ns/pid');
}

/**
 * Removes what processes that were killed have left in the temporary folder: their engines' folders
 * and cgroups. A killed engine leaves no process and no mount.
 */
export async function sweepOwnedFolders(): Promise<string[]> {
  const swept: string[] = [];
  const place = tmpdir();
  const namespace = await ownNamespace();
  for (const name of await readdir(place)) {
    if (!prefixes.some((prefix) => name.startsWith(prefix))) continue;
    const text = await ifThere(readFile(join(place, name, ownerFile), 'utf8'));
    // One that has no owner yet is being made; whether one of another namespace runs cannot be seen.
    const owner = text ? (JSON.parse(text) as Owner) : undefined;
    if (owner === undefined || owner.namespace !== namespace || (await isRunning(owner))) continue;
    await removeOwnedFolder(join(place, name));
    swept.push(name);
  }
  return swept;
}

/** With the cgroups of the engines in it, none of which runs. */
export async function removeOwnedFolder(folder: string): Promise<void> {
  const engines = basename(folder).startsWith(enginePrefix)
    ? [basename(folder)]
    : (await readdir(folder)).filter((name) => name.startsWith(enginePrefix));
  for (const engine of engines) await removeEngineCgroups(engine);
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}
