import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The service's instance id: the same over restarts, since Prometheus knows the instance by it, so it lives in the data folder.
 * Two services must not share a data folder.
 */
export function instanceId(dataFolder: string): string {
  mkdirSync(dataFolder, { recursive: true });
  const known = readInstanceId(dataFolder);
  if (known !== undefined) return known;
  const file = fileIn(dataFolder);
  const id = randomUUID();
  writeFileSync(`${file}.part`, `${id}\n`);
  renameSync(`${file}.part`, file);
  return id;
}

/** The id of the service that has this folder; undefined while none has begun there. */
export function readInstanceId(dataFolder: string): string | undefined {
  const file = fileIn(dataFolder);
  return (existsSync(file) && readFileSync(file, 'utf8').trim()) || undefined;
}

function fileIn(dataFolder: string): string {
  return join(dataFolder, 'instance-id');
}
