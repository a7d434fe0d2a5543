import { createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Config } from '../../config.ts';
import { recordedReason } from '../../errors.ts';
import { makeFolder } from '../../make-folder.ts';
import { onDisk } from '../../resilience/disk-failure.ts';
import type { TaskRequest } from '../../tasks/task-types.ts';
import { log } from '../../telemetry/logger.ts';
import type { JobResult } from '../job.ts';
import { freeName } from '../keep-result.ts';
import { filesMissing } from './files-failure.ts';
import { sha256Of, verified } from './hash-of.ts';
import type { JobFiles, KnownJobs } from './job-files.ts';
import type { ObjectStore } from './object-store.ts';

type Settings = Pick<Config, 'filesLinks' | 'filesAbandonedMs'>;

/** An upload as it is stored: versions before wrote no sum. */
type StoredUpload = TaskRequest['files'][number] & { readonly sha256?: string };

const uploads = 'uploads/';
const results = 'results/';

/**
 * Files where all replicas reach them: uploads/<job>/<file> and results/<job>/<attempt>/<file>. Every
 * attempt has keys of its own, so a slow replica overwrites nothing; the end of the job names the
 * attempt that counts.
 */
export function sharedFiles(objects: ObjectStore, { filesLinks, filesAbandonedMs }: Settings): JobFiles {
  return {
    isShared: true,
    keepUploads: async (id, folder, request) => {
      const files = [];
      for (const file of request.files) {
        const path = join(folder, file.path);
        const sha256 = await onDisk(() => sha256Of(path));
        const { sizeBytes } = file;
        await objects.put(keyOfUpload(id, file.path), path, { sizeBytes, sha256, contentType: octets });
        files.push({ ...file, sha256 });
      }
      return { ...request, files };
    },
    fetchUploads: async ({ id, request }, folder, signal) => {
      for (const { path, sizeBytes, sha256 } of request.files as readonly StoredUpload[]) {
        const target = join(folder, path);
        await onDisk(() => makeFolder(dirname(target)));
        const bytes = await objects.get(keyOfUpload(id, path), sizeBytes, signal);
        const part = `${target}.part`;
        await onDisk(async () => {
          const right = verified(bytes, { sha256, sizeBytes }, () => filesMissing(undefined));
          await pipeline(Readable.from(right, { objectMode: false }), createWriteStream(part), { signal });
          await rename(part, target);
        });
      }
    },
    keepResult: async ({ id, attempt }, { contentType, file, fileName, parts = [], facts }, folder, signal) => {
      const files: JobResult['files'][number][] = [];
      const kept = new Set<string>();
      for (const each of [{ name: fileName, contentType, file }, ...parts]) {
        const path = resolve(folder, each.file);
        // The result itself may stand among its parts.
        if (kept.has(path)) continue;
        kept.add(path);
        const name = freeName(each.name, files);
        const { size: sizeBytes } = await onDisk(() => stat(path));
        const sha256 = await onDisk(() => sha256Of(path));
        await objects.put(
          `${results}${id}/${attempt}/${name}`,
          path,
          { sizeBytes, sha256, contentType: each.contentType },
          signal,
        );
        files.push({ name, contentType: each.contentType, sizeBytes, sha256 });
        // What is stored needs no room here any more.
        await rm(path, { force: true }).catch(() => undefined);
      }
      return { attempt, files, facts };
    },
    open: async ({ id, result }, file, signal) => {
      const key = `${results}${id}/${result?.attempt ?? ''}/${file.name}`;
      const link = filesLinks === 'signed' ? await objects.link(key, file) : undefined;
      if (link !== undefined) return { link };
      const bytes = await objects.get(key, file.sizeBytes, signal);
      return {
        bytes: Readable.from(
          verified(bytes, file, () => filesMissing(undefined)),
          { objectMode: false },
        ),
      };
    },
    removeUploads: (id) => removed(objects, `${uploads}${id}/`),
    removeResult: (id) => removed(objects, `${results}${id}/`),
    removeAttempt: (id, attempt) => removed(objects, `${results}${id}/${attempt}/`),
    sweep: async (known) => {
      await objects.removeUnfinished(filesAbandonedMs);
      await sweep(objects, { prefix: uploads, which: 'live', known, ageMs: filesAbandonedMs });
      await sweep(objects, { prefix: results, which: 'all', known, ageMs: filesAbandonedMs });
    },
  };
}

const octets = 'application/octet-stream';

function keyOfUpload(id: string, path: string): string {
  return `${uploads}${id}/${basename(path)}`;
}

async function removed(objects: ObjectStore, prefix: string): Promise<void> {
  try {
    await objects.remove(prefix);
  } catch (error) {
    log(
      'app',
      'warn',
      `Files of a job could not be removed; those without a job are removed by age: ${recordedReason(error)}`,
      {
        event_type: 'files_not_removed',
      },
    );
  }
}

type Sweep = {
  readonly prefix: string;
  readonly which: 'all' | 'live';
  readonly known: KnownJobs;
  readonly ageMs: number;
};

async function sweep(objects: ObjectStore, { prefix, which, known, ageMs }: Sweep): Promise<void> {
  let ids: string[] = [];
  const removeUnknown = async () => {
    const owned = new Set(await known(ids, which));
    for (const id of ids) if (!owned.has(id)) await removed(objects, `${prefix}${id}/`);
    ids = [];
  };
  for await (const id of objects.olderThan(prefix, ageMs)) {
    ids.push(id);
    if (ids.length === 500) await removeUnknown();
  }
  if (ids.length > 0) await removeUnknown();
}
