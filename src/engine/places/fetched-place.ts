import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { recordedReason, ServiceError } from '../../errors.ts';
import { makeFolder } from '../../make-folder.ts';
import { onDisk } from '../../resilience/disk-failure.ts';
import { withFileLock } from '../../sqlite/file-lock.ts';
import { log } from '../../telemetry/logger.ts';
import { type ModelFolder, scanModelFolder } from '../registry/model-folder.ts';
import type { Place } from './place.ts';
import { folderName, placesFolder, removeReplaced } from './place-folder.ts';
import {
  type PlaceRecord,
  type PlaceStanding,
  readRecord,
  readStanding,
  writeRecord,
  writeStanding,
} from './place-record.ts';
import type { PlaceSource } from './place-source.ts';
import { Progress } from './progress.ts';

type Parts = {
  readonly place: Place;
  readonly source: PlaceSource;
  readonly data: string;
  readonly publicKey: KeyObject | undefined;
  readonly signal: AbortSignal;
  readonly downloaded: (bytes: number) => void;
};

/**
 * A place whose models are downloaded into VITRINE_DATA, for all processes that share it: one of
 * them looks at the place at a time, and all serve what is there.
 */
export class FetchedPlace {
  readonly place: Place;
  /** Whether what it has may change. */
  readonly changes: boolean;
  /** Where in VITRINE_DATA it is. */
  readonly folder: string;
  readonly #parts: Parts;
  readonly #progress: Progress;
  #looking: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  /** Standings are written one after the other. */
  #saying: Promise<void> = Promise.resolve();

  constructor(parts: Parts) {
    const { place, source, data, publicKey, downloaded } = parts;
    this.#parts = parts;
    this.place = place;
    this.changes = source.changes;
    this.folder = join(placesFolder(data), folderName(place, publicKey));
    this.#progress = new Progress(place.title, begun, { say: (standing) => this.#say(standing), downloaded });
  }

  get standing(): PlaceStanding {
    return this.#progress.standing;
  }

  /** Never rejects: what went wrong is in its standing. All who ask before it begins share a look. */
  look(options: { readonly orOthers: boolean } = { orOthers: false }): Promise<void> {
    if (!this.#looking) {
      this.#looking = this.#look(options.orOthers).finally(() => {
        this.#looking = undefined;
      });
      return this.#looking;
    }
    this.#next ??= this.#looking.then(() => {
      this.#next = undefined;
      return this.look();
    });
    return this.#next;
  }

  /** The models that are here, as they lie on this disk. */
  async scan(): Promise<ModelFolder[]> {
    const { models } = await readRecord(this.folder);
    const folders = await Promise.all(
      Object.entries(models).map(([name, { folder }]) => scanModelFolder(join(this.folder, folder), name)),
    );
    return folders.filter((folder) => folder !== undefined);
  }

  /** Resolves when no look is under way. */
  async ended(): Promise<void> {
    await this.#looking;
  }

  /** As the process that looks at the place says it. */
  async standingOfAll(): Promise<PlaceStanding> {
    return this.#looking ? this.standing : ((await readStanding(this.folder).catch(() => undefined)) ?? this.standing);
  }

  /** Removes what newer models have replaced and nobody uses. */
  async clean(isUsed: (folder: string) => boolean): Promise<void> {
    await this.#locked(() => removeReplaced(this.folder, isUsed));
  }

  /** `orOthers`: another process that has just looked will do. */
  async #look(orOthers: boolean): Promise<void> {
    const before = this.standing;
    try {
      await onDisk(() =>
        this.#locked(async (waited) => {
          const others = waited && orOthers ? await readStanding(this.folder) : undefined;
          if (others) return this.#progress.change(others);
          await this.#bring();
        }),
      );
      this.#settled(before);
    } catch (error) {
      if (this.#parts.signal.aborted) return;
      this.#failed(before, error);
    }
    await this.#saying;
  }

  async #bring(): Promise<void> {
    const { source, publicKey, signal } = this.#parts;
    await source.bring({
      folder: this.folder,
      had: await readRecord(this.folder),
      progress: this.#progress,
      publicKey,
      signal,
      keep: (record: PlaceRecord) => writeRecord(this.folder, record),
    });
    this.#progress.change({ state: 'ready', problem: undefined, arriving: [] });
  }

  async #locked<Done>(act: (waited: boolean) => Promise<Done>): Promise<Done> {
    await makeFolder(this.folder);
    return await withFileLock(join(this.folder, 'lock'), this.#parts.signal, act);
  }

  #settled(before: PlaceStanding): void {
    const { title } = this.place;
    const { state, bytesTotal, refused } = this.standing;
    if (state !== 'ready') return;
    if (before.state === 'unreachable' || before.state === 'refused')
      log('app', 'info', `The models of ${title} can be had again`, { event_type: 'models_place_back', place: title });
    for (const [model, why] of Object.entries(refused))
      if (before.refused[model] !== why)
        log('app', 'error', `Model ${model} of ${title} is not taken: ${why}`, {
          event_type: 'models_refused',
          place: title,
          model,
        });
    if (bytesTotal === 0) return;
    this.#progress.change({ bytes: 0, bytesTotal: 0 });
    log('app', 'info', `Models from ${title} are here and verified`, {
      event_type: 'models_downloaded',
      place: title,
      bytes: bytesTotal,
    });
  }

  #failed(before: PlaceStanding, error: unknown): void {
    const { title } = this.place;
    const problem = recordedReason(error);
    const state = error instanceof ServiceError && error.code === 'models_refused' ? 'refused' : 'unreachable';
    this.#progress.change({ state, problem, arriving: [], bytes: 0, bytesTotal: 0 });
    if (before.problem === problem) return;
    log('app', state === 'refused' ? 'error' : 'warn', problem, {
      event_type: state === 'refused' ? 'models_refused' : 'models_place_unreachable',
      place: title,
    });
  }

  #say(standing: PlaceStanding): void {
    this.#saying = this.#saying
      .then(() => writeStanding(this.folder, standing))
      // It is for show; what cannot be written now is said by the next.
      .catch(() => undefined);
  }
}

const begun: PlaceStanding = {
  state: 'waiting',
  sinceMs: Date.now(),
  bytes: 0,
  bytesTotal: 0,
  arriving: [],
  refused: {},
};
