import { createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Config } from '../../config.ts';
import { recordedReason } from '../../errors.ts';
import { sha256Of } from '../../hash-of-file.ts';
import { makeFolder } from '../../make-folder.ts';
import { onDisk } from '../../resilience/disk-failure.ts';
import type { TaskRequest, TaskResult } from '../../tasks/task-types.ts';
import { log } from '../../telemetry/logger.ts';
import type { Job, JobResult } from '../job.ts';
import { freeName } from '../keep-result.ts';
import { filesMissing } from './files-failure.ts';
import type { JobFiles, KeptFile, KnownJobs, OpenedFile } from './job-files.ts';
import type { ObjectStore } from './object-store.ts';
import { verified } from './verified.ts';

type Settings = Pick<Config, 'filesLinks' | 'filesAbandonedMs'>;

/** An upload as it is stored: versions before wrote no sum. */
type StoredUpload = TaskRequest['files'][number] & { readonly sha256?: string };

const uploads = 'uploads/';
const results = 'results/';

/**
 * Files where all replicas reach them: uploads/<job>/… and results/<job>/<attempt>/…. Every
 * attempt has keys of its own, so a slow replica overwrites nothing; the end of the job names the
 * attempt that counts.
 */
export class SharedFiles implements JobFiles {
  readonly isShared = true;
  readonly #objects: ObjectStore;
  readonly #settings: Settings;

  constructor(objects: ObjectStore, settings: Settings) {
    this.#objects = objects;
    this.#settings = settings;
  }

  async keepUploads(id: string, folder: string, request: TaskRequest): Promise<TaskRequest> {
    const files: StoredUpload[] = [];
    for (const file of request.files) {
      const path = join(folder, file.path);
      const sha256 = await onDisk(() => sha256Of(path));
      const { sizeBytes } = file;
      await this.#objects.put(keyOfUpload(id, file.path), path, { sizeBytes, sha256, contentType: octets });
      files.push({ ...file, sha256 });
    }
    return { ...request, files };
  }

  async fetchUploads({ id, request }: Job, folder: string, signal: AbortSignal): Promise<void> {
    for (const { path, sizeBytes, sha256 } of request.files as readonly StoredUpload[]) {
      const target = join(folder, path);
      await onDisk(() => makeFolder(dirname(target)));
      const bytes = await this.#objects.get(keyOfUpload(id, path), sizeBytes, signal);
      await onDisk(async () => {
        const right = verified(bytes, { sha256, sizeBytes }, () => filesMissing(undefined));
        const part = `${target}.part`;
        await pipeline(Readable.from(right, { objectMode: false }), createWriteStream(part), { signal });
        await rename(part, target);
      });
    }
  }

  async keepResult(job: Job, result: TaskResult, folder: string, signal: AbortSignal): Promise<JobResult> {
    const { id, attempt } = job;
    const { contentType, file, fileName, parts = [], facts } = result;
    const files: JobResult['files'][number][] = [];
    const kept = new Set<string>();
    for (const each of [{ name: fileName, contentType, file }, ...parts]) {
      const path = resolve(folder, each.file);
      // The result itself may stand among its parts.
      if (kept.has(path)) continue;
      kept.add(path);
      const name = freeName(each.name, files);
      const { size: sizeBytes } = await onDisk(() => stat(path));
      const facts = { sizeBytes, sha256: await onDisk(() => sha256Of(path)), contentType: each.contentType };
      await this.#objects.put(keyOfResult(id, attempt, name), path, facts, signal);
      files.push({ name, ...facts });
      // What is stored needs no room here any more.
      await rm(path, { force: true }).catch(() => undefined);
    }
    return { attempt, files, facts };
  }

  async open({ id, result }: Job, file: KeptFile, signal: AbortSignal): Promise<OpenedFile> {
    const key = keyOfResult(id, result?.attempt ?? 0, file.name);
    const link = this.#settings.filesLinks === 'signed' ? await this.#objects.link(key, file) : undefined;
    if (link !== undefined) return { link };
    const bytes = await this.#objects.get(key, file.sizeBytes, signal);
    return {
      bytes: Readable.from(
        verified(bytes, file, () => filesMissing(undefined)),
        { objectMode: false },
      ),
    };
  }

  removeUploads(id: string): Promise<void> {
    return removed(this.#objects, `${uploads}${id}/`);
  }

  removeResult(id: string): Promise<void> {
    return removed(this.#objects, `${results}${id}/`);
  }

  removeAttempt(id: string, attempt: number): Promise<void> {
    return removed(this.#objects, keyOfResult(id, attempt, ''));
  }

  async sweep(known: KnownJobs): Promise<void> {
    const { filesAbandonedMs: ageMs } = this.#settings;
    await this.#objects.removeUnfinished(ageMs);
    await sweep(this.#objects, { prefix: uploads, which: 'live', known, ageMs });
    await sweep(this.#objects, { prefix: results, which: 'all', known, ageMs });
  }
}

const octets = 'application/octet-stream';

function keyOfUpload(id: string, path: string): string {
  return `${uploads}${id}/${basename(path)}`;
}

function keyOfResult(id: string, attempt: number, name: string): string {
  return `${results}${id}/${attempt}/${name}`;
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
