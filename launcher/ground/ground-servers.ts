import { existsSync } from 'node:fs';
import { BuildEstimate } from '../build-estimate.ts';
import { ensureServer, serverFolder } from '../servers/ensure-server.ts';
import { type Server, servers } from '../servers.ts';

/** Docker Compose, from its Go module: Debian's engine comes without. */
export const composeProgram: Server = {
  title: 'Docker Compose',
  folder: 'compose/checker',
  packages: ['github.com/docker/compose/v2/cmd'],
  tags: '',
  binaries: ['docker-compose'],
  version: '2.40.3',
  versionVariable: 'github.com/docker/compose/v2/internal.Version',
  versionArguments: ['version'],
  coldBuildSeconds: 120,
};

/** What the tests of the ground need beside the images; each is built where it is missing. */
export const groundServers: readonly Server[] = [
  composeProgram,
  servers.collector,
  servers.alertmanager,
  servers.prometheus,
  servers.promtool,
  servers.tempo,
  servers.loki,
];

/** How long the builds of those that are missing will take here. */
export async function groundMinutes(): Promise<number> {
  const missing = [];
  for (const server of groundServers) if (!existsSync(await serverFolder(server))) missing.push(server);
  return missing.length === 0 ? 0 : new BuildEstimate(missing).minutesLeft();
}

export async function ensureGroundServers({ onStep, signal }: StepOptions): Promise<void> {
  for (const server of groundServers) {
    if (!existsSync(await serverFolder(server))) onStep(`Building ${server.title} …`);
    await ensureServer(server, { signal });
  }
}

type StepOptions = { readonly onStep: (text: string) => void; readonly signal: AbortSignal };
