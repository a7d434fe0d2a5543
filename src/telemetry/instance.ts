import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The service's instance id: the same over restarts, since Prometheus knows the instance by it, so it lives in the data folder.
 * Two services must not share a data folder.
 */
export function instanceId(dataFolder: string): string {
  mkdirSync(dataFolder, { recursive: true });
  const file = join(dataFolder, 'instance-id');
  if (existsSync(file)) {
    const known = readFileSync(file, 'utf8').trim();
    if (known !== '') return known;
  }
  const id = randomUUID();
  writeFileSync(`${file}.part`, `${id}\n`);
  renameSync(`${file}.part`, file);
  return id;
}
