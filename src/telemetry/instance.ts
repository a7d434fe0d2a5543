import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ServiceError } from '../errors.ts';
import { ifThereNow } from '../if-there.ts';
import { makeFolderNow } from '../make-folder.ts';
import { ours, say } from '../sentence.ts';

/**
 * The service's instance id: the same over restarts, since Prometheus knows the instance by it, so
 * it lives in the data folder. Two services must not share a data folder.
 */
export function instanceId(dataFolder: string): string {
  const file = fileIn(dataFolder);
  try {
    makeFolderNow(dataFolder);
    const known = readInstanceId(dataFolder);
    if (known !== undefined) return known;
    const id = randomUUID();
    writeFileSync(`${file}.part`, `${id}\n`);
    renameSync(`${file}.part`, file);
    return id;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServiceError(
      'invalid_setting',
      say`Cannot start: ${ours(file)} cannot be read or written (${ours(reason)}); see that the folder of VITRINE_DATA can be, and its disk is not full.`,
      { cause },
    );
  }
}

/**
 * The id of the service that has this folder; undefined while none has begun there. One that cannot
 * be read is not none: it must not be replaced.
 */
export function readInstanceId(dataFolder: string): string | undefined {
  const text = ifThereNow(() => readFileSync(fileIn(dataFolder), 'utf8'));
  if (text && !text.endsWith('\n')) throw new Error('it was not read whole');
  return text?.trim() || undefined;
}

function fileIn(dataFolder: string): string {
  return join(dataFolder, 'instance-id');
}
