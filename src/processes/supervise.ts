import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { makeForOwnerAlone, openDataFolder } from '../data-folder.ts';
import { type SharedEntrance, SharedPorts } from './shared-ports.ts';
import { type LeasedQuotas, Supervisor, type SupervisorConfig } from './supervisor.ts';

type Limits = SupervisorConfig &
  Pick<Config, 'data' | 'bind' | 'servicePort' | 'grpcPort' | 'replicaPort' | 'connectionsMax'>;

/**
 * Runs the service as several processes, of which this one is the first: it serves nothing itself.
 * It ends when they have ended.
 */
export async function supervise(config: Limits, count: number, quotas: LeasedQuotas): Promise<void> {
  const data = openDataFolder({ data: config.data, part: 'processes', who: 'service with several processes' });
  const ports = await SharedPorts.open(config, entrancesOf(config), () => supervisor.processes);
  const folder = socketFolder(data.path);
  const seat = { count, ports: ports.ports, folder, secret: randomBytes(32).toString('hex') };
  const supervisor = new Supervisor({ config, ports, seat, quotas });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => supervisor.stop(signal));
  process.on('SIGHUP', () => supervisor.restartAll());
  const code = await supervisor.run();
  rmSync(folder, { recursive: true, force: true });
  await data[Symbol.asyncDispose]();
  process.exit(code);
}

function entrancesOf({ servicePort, grpcPort, replicaPort }: Limits): SharedEntrance[] {
  const entrances: SharedEntrance[] = [{ name: 'http', value: servicePort, setting: 'VITRINE_PORT' }];
  if (grpcPort !== 0) entrances.push({ name: 'grpc', value: grpcPort, setting: 'VITRINE_GRPC_PORT' });
  if (replicaPort !== 0) entrances.push({ name: 'replicas', value: replicaPort, setting: 'VITRINE_REPLICA_PORT' });
  return entrances;
}

/**
 * Where the processes have their private sockets: in the data folder, unless its path is too long
 * for one.
 */
function socketFolder(data: string): string {
  const folder = join(data, 'sockets');
  if (Buffer.byteLength(folder) > socketFolderBytesMax) return mkdtempSync(join(tmpdir(), 'vitrine-'));
  rmSync(folder, { recursive: true, force: true });
  makeForOwnerAlone(folder);
  return folder;
}

/** A socket's path has 107 bytes on Linux and 103 on macOS. */
const socketFolderBytesMax = 103 - '/256.sock'.length;
