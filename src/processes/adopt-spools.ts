import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openDataFolder } from '../data-folder.ts';
import { ServiceError } from '../errors.ts';
import { ifThereNow } from '../if-there.ts';
import { makeFolderNow } from '../make-folder.ts';
import { numberOfPart, processPart } from './process-part.ts';

/**
 * Takes over what processes have left that there are no more: with fewer than before, nobody else
 * would send what waits in their spools. Their instance ids stay for when they come back. One that
 * still works in its folder has it until the next start.
 */
export async function adoptSpools(data: string, count: number): Promise<void> {
  for (const part of ifThereNow(() => readdirSync(data)) ?? []) {
    const number = numberOfPart(part);
    if (number === undefined || number <= count) continue;
    try {
      await using folder = openDataFolder({ data, part, who: 'process of the service' });
      moveSpool(folder.path, join(data, processPart(1)));
      // Uploads of requests whose callers have gone.
      rmSync(join(folder.path, 'work'), { recursive: true, force: true });
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
    }
  }
}

/** A name begins with a number that each process counts for itself. */
function moveSpool(from: string, to: string): void {
  for (const signal of ifThereNow(() => readdirSync(join(from, 'spool'))) ?? []) {
    const files = ifThereNow(() => readdirSync(join(from, 'spool', signal)), ['ENOTDIR']) ?? [];
    makeFolderNow(join(to, 'spool', signal));
    for (const name of files)
      if (name.endsWith('.otlp')) {
        const isTaken = existsSync(join(to, 'spool', signal, name));
        renameSync(join(from, 'spool', signal, name), join(to, 'spool', signal, isTaken ? `9${name}` : name));
      }
  }
}
