import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The folder that all clones share. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.VITRINE_CACHE) return resolve(env.VITRINE_CACHE);
  const home = env.HOME || homedir();
  if (process.platform === 'darwin') return join(home, 'Library', 'Caches', 'vitrine');
  return join(env.XDG_CACHE_HOME || join(home, '.cache'), 'vitrine');
}
