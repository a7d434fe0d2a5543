import { availableParallelism } from 'node:os';
import type { Config } from '../config.ts';
import type { PlacesConfig } from '../engine/places/place-source.ts';
import { ServiceError } from '../errors.ts';
import { procText } from '../proc.ts';
import { say } from '../sentence.ts';

/** As many processes as a machine has any use for; each has models and threads of its own. */
const processesMax = 256;

/** How many processes VITRINE_PROCESSES asks for. */
export async function processCount(config: Pick<Config, 'processes'> & PlacesConfig): Promise<number> {
  const { processes } = config;
  const given = processes.trim().toLowerCase();
  if (given === 'auto') return processesFor(await coresOfService(), await threadsOfModels(config));
  const count = Number(given);
  if (/^\d+$/.test(given) && count >= 1 && count <= processesMax) return count;
  throw new ServiceError(
    'invalid_setting',
    say`Cannot use VITRINE_PROCESSES: it is "${processes.slice(0, 80)}"; give a whole number from 1 to ${processesMax}, or auto, or leave it out for one.`,
  );
}

/** Each process needs a core for its event loop, and those that its models work on. */
export function processesFor(cores: number, modelThreads: number): number {
  return Math.min(processesMax, Math.max(1, Math.floor(cores / (1 + modelThreads))));
}

/** The container's share in whole processors, or the machine's. */
async function coresOfService(): Promise<number> {
  const [quota, period] = ((await procText('/sys/fs/cgroup/cpu.max')) ?? '').split(/\s+/).map(Number);
  const share = quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : Infinity;
  return Math.max(1, Math.floor(Math.min(share, availableParallelism())));
}

/**
 * The threads that the most demanding model wants by its manifest. One that takes what is there
 * counts as one thread, since it makes do with it.
 */
async function threadsOfModels(config: PlacesConfig): Promise<number> {
  const { readManifest } = await import('../engine/registry/model-folder.ts');
  const { ModelRepository } = await import('../engine/places/model-repository.ts');
  await using repository = new ModelRepository(config);
  let most = 1;
  for (const { folder } of await repository.scan()) {
    // What cannot be read is said when it is loaded.
    const manifest = await readManifest(folder).catch(() => undefined);
    if (manifest === undefined || !('lanes' in manifest)) continue;
    const { lanes, session } = manifest;
    most = Math.max(most, (lanes?.count ?? 1) * Math.max(1, session?.intra_op_threads ?? 1));
  }
  return most;
}
