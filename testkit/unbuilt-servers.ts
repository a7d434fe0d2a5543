import { existsSync } from 'node:fs';
import { component, defaultComponents } from '../launcher/components.ts';
import { serverFolder } from '../launcher/servers/ensure-server.ts';
import { servers } from '../launcher/servers.ts';
import { readConfig } from '../src/config.ts';

/**
 * Why a set of stores cannot be tested now: its servers that no start has built yet. Undefined when
 * it can. The default set is built by whatever test needs it.
 */
export async function unbuiltServers(backends: string): Promise<string | undefined> {
  if (backends === 'prometheus,tempo,loki') return undefined;
  const names = defaultComponents(readConfig({ VITRINE_BACKENDS: backends }));
  const needed = [...new Set(names.flatMap((name) => component(name).server ?? []))];
  const folders = await Promise.all(needed.map((name) => serverFolder(servers[name])));
  const missing = needed.filter((_, at) => !existsSync(folders[at]!)).map((name) => servers[name].title);
  if (missing.length === 0) return undefined;
  return `${missing.join(' and ')} not built: VITRINE_BACKENDS=${backends} npm start builds them`;
}
