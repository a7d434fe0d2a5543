import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { syncToDisk } from '../sync-to-disk.ts';
import type { TaskResult } from '../tasks/task-types.ts';
import type { JobResult } from './job.ts';

/**
 * Moves the results of a task to where the job's results are stored, all or nothing, and syncs them:
 * a folder under the attempt's number is complete. It replaces what a killed attempt had put there.
 */
export async function keepResult(
  result: TaskResult,
  folder: string,
  ofJob: string,
  attempt: number,
): Promise<JobResult> {
  const kept = join(ofJob, String(attempt));
  const part = `${kept}.part`;
  await rm(ofJob, { recursive: true, force: true });
  await mkdir(ofJob);
  await mkdir(part);
  const { contentType, file, fileName, parts = [] } = result;
  const files: JobResult['files'][number][] = [];
  const moved = new Set<string>();
  for (const each of [{ name: fileName, contentType, file }, ...parts]) {
    const from = resolve(folder, each.file);
    // The result itself may stand among its parts.
    if (moved.has(from)) continue;
    moved.add(from);
    const name = freeName(each.name, files);
    const target = join(part, name);
    await rename(from, target);
    await syncToDisk(target);
    files.push({ name, contentType: each.contentType, sizeBytes: (await stat(target)).size });
  }
  await syncToDisk(part);
  await rename(part, kept);
  await syncToDisk(ofJob);
  await syncToDisk(dirname(ofJob));
  return { attempt, files, facts: result.facts };
}

/** A plain name that no other file of the result has. */
export function freeName(wanted: string, files: readonly { readonly name: string }[]): string {
  const plain = basename(wanted).replace(/[^\w.() -]/g, '_') || 'result';
  let name = plain;
  for (let at = 2; files.some((file) => file.name === name); at += 1) name = `${at}-${plain}`;
  return name;
}
