import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { Config } from '../config.ts';
import { recordedReason, ServiceError } from '../errors.ts';
import { ifThere } from '../if-there.ts';
import { makeFolder } from '../make-folder.ts';
import { onDisk } from '../resilience/disk-failure.ts';
import { SharedBudget } from '../resilience/shared-budget.ts';
import { ours, say } from '../sentence.ts';
import { syncToDisk } from '../sync-to-disk.ts';
import { log } from '../telemetry/logger.ts';
import type { Meter } from '../telemetry/meter.ts';
import type { Job } from './job.ts';
import { type KeptResult, KeptResults } from './kept-results.ts';
import { foldersSetAside } from './sqlite/set-aside.ts';

/**
 * A folder of one piece of work: uploads, scratch. Its opener disposes the folder, or a job of the
 * same id takes it over.
 */
export type WorkFolder = AsyncDisposable & {
  readonly id: string;
  readonly path: string;
  /**
   * So many bytes are in it from now on, though they may not be measured yet; throws when there is no
   * room for them, in all or in the share of its client. Called before they are written.
   */
  holds(bytes: number): void;
  /**
   * Promises what lies in it room among the uploads of jobs, for as long as it is there; throws when
   * they take all that they may.
   */
  claimForJob(): void;
  /** From here on disposing removes nothing: a job of this id owns the folder. */
  keepForJob(): void;
  /** Removes it before it is disposed of; from here on the name may be another's. */
  removeNow(): Promise<void>;
};

type Limits = Pick<Config, 'data' | 'workBytesMax' | 'jobUploadsPercent' | 'uploadBytesMax' | 'clientSharePercent'>;

/**
 * Where temporary files live: VITRINE_DATA/service/work/<id>/, and nowhere else, so that they can
 * be counted, bounded, and swept after a crash. Results that are kept for their time to live stand
 * beside them, in results/<id>/.
 */
export class WorkFolders {
  readonly #limits: Limits;
  readonly #work: string;
  readonly #results: string;
  /** What is being written into folders, by client. */
  readonly budget: SharedBudget;
  /** What the results of each tenant take. */
  readonly kept: KeptResults;
  /** The same as the budget by folder: measured is what was there a second ago. */
  readonly #held = new Map<string, { readonly client: string; bytes: number }>();
  /**
   * The uploads of jobs, by folder. They wait for as long as their results find no room, so they must
   * never take the room of results.
   */
  readonly #claimed = new Map<string, number>();
  readonly #claimedMax: number;
  /**
   * Room that tasks have asked for, for the files they write: by folder, besides what lay there
   * before, as long as they work in it.
   */
  readonly #reserved = new Map<string, { readonly bytes: number; readonly before: number }>();
  /** Made by this process: no sweep touches them. */
  readonly #own = new Set<string>();
  /** What could not be removed when it was time. */
  readonly #leftOver = new Set<string>();
  #look: { at: number; use: Promise<Measured> } | undefined;
  #measured: Measured = { ...nothing, bytesOf: new Map() };

  private constructor(limits: Limits, work: string, results: string) {
    this.#limits = limits;
    this.#claimedMax = Math.floor((limits.workBytesMax * limits.jobUploadsPercent) / 100);
    this.kept = new KeptResults(limits.workBytesMax - this.#claimedMax, limits);
    this.budget = new SharedBudget({
      name: 'uploads',
      max: limits.workBytesMax,
      sharePercent: limits.clientSharePercent,
      largest: limits.uploadBytesMax,
      cannot: 'Cannot take this now',
      held: (bytes) => `what is being uploaded and worked on takes ${bytes} of ${limits.workBytesMax} bytes`,
      setting: 'VITRINE_WORK_BYTES_MAX',
      retryAfterMs: 10_000,
    });
    this.#work = work;
    this.#results = results;
  }

  static async open(limits: Limits, meter: Meter, part = 'service'): Promise<WorkFolders> {
    const work = join(limits.data, part, 'work');
    const results = join(limits.data, part, 'results');
    try {
      await makeFolder(work);
      await makeFolder(results);
      await syncToDisk(dirname(work));
    } catch (cause) {
      throw new ServiceError(
        'invalid_setting',
        say`Cannot keep temporary files in ${ours(work)}: ${cause instanceof Error ? cause.message : String(cause)}; see that the folder of VITRINE_DATA can be written.`,
        { cause },
      );
    }
    const folders = new WorkFolders(limits, work, results);
    for (const [id, bytes] of (await measure(work, isUpload)).bytesOf) folders.#claimed.set(id, bytes);
    meter.observe(async (observe) => {
      const { files, bytes } = (await folders.use()).work;
      observe('temporaryFiles', files);
      observe('temporaryBytes', bytes);
    });
    return folders;
  }

  /** Removes what a process that was killed has left: every folder that no job is known to own. */
  async sweep(owned: { readonly work: ReadonlySet<string>; readonly results: readonly KeptResult[] }): Promise<number> {
    const ownedWork = new Set([...owned.work, ...this.#own]);
    const removed = await Promise.all([
      removeAllBut(this.#work, ownedWork),
      removeAllBut(this.#results, new Set([...owned.results.map(({ id }) => id), ...this.#own])),
    ]);
    this.kept.add(owned.results);
    for (const id of this.#claimed.keys()) if (!ownedWork.has(id)) this.#claimed.delete(id);
    const count = removed[0] + removed[1];
    if (count > 0)
      log('app', 'info', `Removed ${count} folders of temporary files that a process before had left.`, {
        event_type: 'work_swept',
        folders: count,
      });
    return count;
  }

  /**
   * A folder for new work of a client. `bytesDeclared` is refused at once where there is no room for
   * it, and takes none: what is announced may never come, so what has arrived counts (`holds`). What
   * is to become a job is refused at once too where the uploads of jobs take all that they may.
   */
  async create(client = 'anonymous', bytesDeclared = 0, { forJob = false } = {}): Promise<WorkFolder> {
    await this.use();
    this.#refuseWithoutRoom(bytesDeclared);
    if (forJob) this.#refuseUploadOfJob(bytesDeclared);
    const id = randomUUID();
    const path = this.pathOf(id);
    this.#own.add(id);
    await onDisk(() => mkdir(path));
    this.#held.set(id, { client, bytes: 0 });
    let owned = false;
    return {
      id,
      path,
      holds: (bytes) => this.#hold(id, bytes),
      claimForJob: () => {
        const bytes = this.#held.get(id)?.bytes ?? 0;
        this.#refuseUploadOfJob(bytes);
        this.#claimed.set(id, bytes);
      },
      keepForJob: () => {
        owned = true;
        this.#giveBack(id);
      },
      removeNow: async () => {
        owned = true;
        await this.remove(id);
      },
      [Symbol.asyncDispose]: async () => {
        if (!owned) await this.remove(id);
      },
    };
  }

  #hold(id: string, bytes: number): void {
    const held = this.#held.get(id);
    const more = bytes - (held?.bytes ?? 0);
    if (!held || more <= 0) return;
    // Looked at by the way, for the next time.
    this.use().catch(() => undefined);
    this.#refuseWithoutRoom(more);
    this.budget.take(held.client, more);
    held.bytes = bytes;
  }

  #giveBack(id: string): void {
    const held = this.#held.get(id);
    if (!held) return;
    this.#held.delete(id);
    this.budget.giveBack(held.client, held.bytes);
  }

  /**
   * A folder counts once: by what was measured in it, or by what is known to be or to come to be in
   * it, whichever is more.
   */
  #taken(without?: string): number {
    const { work, results, bytesOf } = this.#measured;
    let taken = work.bytes + results.bytes - (without === undefined ? 0 : (bytesOf.get(without) ?? 0));
    for (const id of new Set([...this.#held.keys(), ...this.#claimed.keys(), ...this.#reserved.keys()])) {
      if (id === without) continue;
      const reserved = this.#reserved.get(id);
      const expected = Math.max(
        this.#held.get(id)?.bytes ?? 0,
        this.#claimed.get(id) ?? 0,
        reserved ? reserved.before + reserved.bytes : 0,
      );
      taken += Math.max(0, expected - (bytesOf.get(id) ?? 0));
    }
    return taken;
  }

  #refuseWithoutRoom(bytes: number): void {
    const { workBytesMax } = this.#limits;
    const taken = this.#taken();
    if (taken + bytes > workBytesMax)
      throw new ServiceError(
        'not_kept',
        say`Cannot take this now: temporary files and results hold ${taken} of ${workBytesMax} bytes, and ${bytes} more are to come; come again, delete jobs whose results you have, or raise VITRINE_WORK_BYTES_MAX.`,
        { retryAfterMs: 10_000 },
      );
  }

  #refuseUploadOfJob(bytes: number): void {
    const max = this.#claimedMax;
    if (bytes > max)
      throw new ServiceError(
        'body_too_large',
        say`Cannot take the job: its upload of ${bytes} bytes is more than the ${max} that the uploads of all jobs may take; send less at once, or raise VITRINE_JOB_UPLOADS_PERCENT or VITRINE_WORK_BYTES_MAX.`,
      );
    let claimed = 0;
    for (const each of this.#claimed.values()) claimed += each;
    if (bytes > 0 && claimed + bytes > max)
      throw new ServiceError(
        'not_kept',
        say`Cannot take the job now: the uploads of jobs that have not ended take ${claimed} of ${max} bytes, and this one is ${bytes}; come again, cancel jobs that you do not need, or raise VITRINE_JOB_UPLOADS_PERCENT or VITRINE_WORK_BYTES_MAX.`,
        { retryAfterMs: 10_000 },
      );
  }

  /**
   * Promises a task in this folder room for so many bytes besides what lies there already, in the
   * place of what it was promised before. What will never fit is refused for good; what does not fit
   * now may do so later. `tenant`: whose result it will be that is kept.
   */
  async reserve(id: string, bytes: number, tenant?: string): Promise<void> {
    const { workBytesMax } = this.#limits;
    await this.use();
    const own = this.#reserved.get(id)?.before ?? (await measure(this.pathOf(id))).bytes;
    const most = Math.min(workBytesMax - own, workBytesMax - this.#claimedMax);
    if (bytes > most)
      throw new ServiceError(
        'invalid_input',
        say`Cannot write the result: it takes ${bytes} bytes, which is more than the ${most} that are there besides uploads; send less at once, ask for one stem or pcm16, or raise VITRINE_WORK_BYTES_MAX.`,
      );
    const taken = this.#taken(id);
    if (taken + own + bytes > workBytesMax)
      throw new ServiceError(
        'not_kept',
        say`Cannot go on with this now: temporary files and results hold ${taken} of ${workBytesMax} bytes, and the result takes ${bytes} more; come again, delete jobs whose results you have, or raise VITRINE_WORK_BYTES_MAX.`,
        { retryAfterMs: 10_000 },
      );
    if (tenant !== undefined) this.kept.reserve(id, tenant, bytes);
    this.#reserved.set(id, { bytes, before: own });
  }

  /** Removes a folder of work; what cannot be removed now is removed later. */
  async remove(id: string): Promise<void> {
    this.#giveBack(id);
    this.#claimed.delete(id);
    this.#release(id);
    if (await this.#removed(this.pathOf(id))) this.#own.delete(id);
  }

  /** As `remove`, of a kept result. */
  async removeResult(id: string): Promise<void> {
    this.kept.settle(id, 0);
    await this.#removed(this.resultPathOf(id));
  }

  /**
   * Makes the folder of an attempt at a job, and removes what a killed attempt before it had left.
   */
  async beginAttempt(id: string, attempt: number): Promise<string> {
    await this.#removeAttempts(id);
    const path = join(this.pathOf(id), `attempt-${attempt}`);
    await makeFolder(path);
    return path;
  }

  /** Removes what an attempt has left besides a result of so many bytes. */
  async endAttempt(id: string, resultBytes = 0): Promise<void> {
    this.kept.settle(id, resultBytes);
    this.#release(id);
    await this.#removeAttempts(id).catch(logNotRemoved);
  }

  /** Removes what could not be removed when it was time. */
  async tryAgain(): Promise<void> {
    for (const path of [...this.#leftOver]) await this.#removed(path);
  }

  /** Where damaged databases lie with the folders that they left. */
  setAside(): Promise<string[]> {
    return foldersSetAside(dirname(this.#work));
  }

  pathOf(id: string): string {
    return join(this.#work, id);
  }

  resultPathOf(id: string): string {
    return join(this.#results, id);
  }

  /** Where the files of the result lie. */
  keptPathOf({ id, result }: Pick<Job, 'id' | 'result'>): string {
    const attempt = result?.attempt;
    return attempt === undefined ? this.resultPathOf(id) : join(this.resultPathOf(id), String(attempt));
  }

  #release(id: string): void {
    // What it has left in the results is to be seen by the next who asks for room.
    if (this.#reserved.delete(id)) this.#look = undefined;
  }

  async #removeAttempts(id: string): Promise<void> {
    const names = (await ifThere(readdir(this.pathOf(id)))) ?? [];
    for (const name of names)
      if (name.startsWith('attempt-')) await rm(join(this.pathOf(id), name), { recursive: true, force: true });
  }

  async #removed(path: string): Promise<boolean> {
    try {
      await rm(path, { recursive: true, force: true });
      this.#leftOver.delete(path);
      return true;
    } catch (error) {
      if (!this.#leftOver.has(path)) logNotRemoved(error);
      this.#leftOver.add(path);
      return false;
    }
  }

  /** What the folders hold; looked at once a second at most, however many ask. */
  use(): Promise<Measured> {
    const now = performance.now();
    if (this.#look === undefined || now - this.#look.at > keptMs) {
      const use = Promise.all([measure(this.#work), measure(this.#results)]).then(([work, results]) => {
        this.#measured = { work, results, bytesOf: work.bytesOf };
        return this.#measured;
      });
      this.#look = { at: now, use };
    }
    return this.#look.use;
  }
}

export type StorageUse = {
  readonly work: { readonly files: number; readonly bytes: number };
  readonly results: { readonly files: number; readonly bytes: number };
};

/** `bytesOf`: by folder of work. */
type Measured = StorageUse & { readonly bytesOf: ReadonlyMap<string, number> };

const nothing: StorageUse = { work: { files: 0, bytes: 0 }, results: { files: 0, bytes: 0 } };

const keptMs = 1000;

function logNotRemoved(error: unknown): void {
  log('app', 'warn', `Temporary files could not be removed and are tried again: ${recordedReason(error)}`, {
    event_type: 'work_not_removed',
  });
}

async function removeAllBut(folder: string, owned: ReadonlySet<string>): Promise<number> {
  const left = (await readdir(folder)).filter((name) => !owned.has(name));
  for (const name of left) await rm(join(folder, name), { recursive: true, force: true });
  return left.length;
}

/** What an attempt writes lies in a folder of its own. */
function isUpload(path: string): boolean {
  return !path.split(sep).some((part) => part.startsWith('attempt-'));
}

async function measure(
  folder: string,
  counts: (path: string) => boolean = () => true,
): Promise<{ files: number; bytes: number; bytesOf: ReadonlyMap<string, number> }> {
  const entries = (await ifThere(readdir(folder, { recursive: true, withFileTypes: true }))) ?? [];
  const bytesOf = new Map<string, number>();
  let files = 0;
  let bytes = 0;
  for (const entry of entries) {
    if (!entry.isFile() || !counts(relative(folder, entry.parentPath))) continue;
    // Files go while they are being counted.
    const found = await ifThere(stat(join(entry.parentPath, entry.name)));
    if (!found) continue;
    const { size } = found;
    files += 1;
    bytes += size;
    const [id = ''] = relative(folder, entry.parentPath).split(sep);
    bytesOf.set(id, (bytesOf.get(id) ?? 0) + size);
  }
  return { files, bytes, bytesOf };
}
