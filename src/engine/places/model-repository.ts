import { recordedReason } from '../../errors.ts';
import { pauseUnless } from '../../resilience/pause-unless.ts';
import { log } from '../../telemetry/logger.ts';
import { isFolder, type ModelFolder, scanModel, scanRepository } from '../registry/model-folder.ts';
import { ArchiveSource } from './archive-source.ts';
import { FetchedPlace } from './fetched-place.ts';
import { type Place, placesOf } from './place.ts';
import { placeUnreachable } from './place-failure.ts';
import { placesFolder } from './place-folder.ts';
import type { PlaceStanding } from './place-record.ts';
import type { PlacesConfig } from './place-source.ts';
import { howFar } from './progress.ts';
import { removePlacesBut } from './remove-places.ts';
import { S3Source } from './s3-source.ts';
import { publicKeyIn } from './signature.ts';

/** A place that is downloaded, and how it is. */
export type FetchedStanding = PlaceStanding & { readonly place: string; readonly kind: 's3' | 'https' };

/** A model that is not here yet, or is not taken. */
export type ModelElsewhere = { readonly name: string; readonly isComing: boolean; readonly reason: string };

type Followed = {
  readonly all: boolean;
  readonly came: (names: readonly string[]) => Promise<void>;
  /** Whether a folder's models are open. */
  readonly isUsed: (folder: string) => boolean;
};

type One = { readonly place: Place; readonly fetched: FetchedPlace | undefined };

/**
 * The models of all places of VITRINE_MODELS, as one repository: of two with the same name the first
 * is served. What is downloaded is served from VITRINE_DATA.
 */
export class ModelRepository implements AsyncDisposable {
  readonly #config: PlacesConfig;
  readonly #places: readonly One[];
  readonly #stopping = new AbortController();
  #following: Promise<void> | undefined;
  #standings: readonly FetchedStanding[] = [];
  #shadowed = new Map<string, string>();
  /** Bytes that this process has downloaded, by kind of place. */
  readonly downloadedBytes: Record<'s3' | 'https', number> = { s3: 0, https: 0 };

  constructor(config: PlacesConfig) {
    this.#config = config;
    this.#places = placesOf(config.models).map((place) => ({ place, fetched: this.#fetchedOf(place) }));
  }

  #fetchedOf(place: Place): FetchedPlace | undefined {
    if (place.kind === 'folder') return undefined;
    const source = place.kind === 's3' ? new S3Source(place, this.#config) : new ArchiveSource(place, this.#config);
    return new FetchedPlace({
      place,
      source,
      data: this.#config.data,
      publicKey: publicKeyIn(this.#config.modelsPublicKeyFile),
      signal: this.#stopping.signal,
      downloaded: (bytes) => {
        this.downloadedBytes[place.kind] += bytes;
      },
    });
  }

  get #fetched(): FetchedPlace[] {
    return this.#places.flatMap(({ fetched }) => fetched ?? []);
  }

  /** Downloads what is not here yet. A place that cannot be used is said, and is no failure. */
  async open(): Promise<void> {
    await Promise.all(this.#fetched.map((place) => place.look({ orOthers: true })));
    await this.#noteStandings();
  }

  /** Every model that is here. */
  async scan(): Promise<ModelFolder[]> {
    const found = new Map<string, ModelFolder>();
    const shadowed = new Map<string, string>();
    for (const { place, fetched } of this.#places)
      for (const folder of await (fetched ? fetched.scan() : scanRepository((place as { folder: string }).folder))) {
        if (found.has(folder.name)) shadowed.set(folder.name, place.title);
        else found.set(folder.name, folder);
      }
    this.#sayShadowed(shadowed);
    await this.#noteStandings();
    return [...found.values()];
  }

  /** The model of a name; undefined where no place has it. */
  async find(name: string): Promise<ModelFolder | undefined> {
    for (const { place, fetched } of this.#places) {
      const folder =
        place.kind === 'folder'
          ? await scanModel(place.folder, name)
          : (await fetched!.scan()).find((one) => one.name === name);
      if (folder) return folder;
    }
    return undefined;
  }

  /**
   * The same after a look at places whose models may have changed. Throws models_unreachable where
   * no place has it and one of them cannot be asked.
   */
  async findNow(name: string): Promise<ModelFolder | undefined> {
    for (const { place, fetched } of this.#places) {
      if (place.kind === 'folder') {
        const folder = await scanModel(place.folder, name);
        if (folder) return folder;
      } else if (fetched!.changes || fetched!.standing.state !== 'ready') await fetched!.look();
    }
    const folder = await this.find(name);
    const unreachable = folder ? undefined : this.#fetched.find(({ standing }) => standing.state === 'unreachable');
    if (unreachable) throw placeUnreachable(unreachable.place.title, 'it cannot be used at the moment');
    return folder;
  }

  /** Whether there is any place that models can come from. */
  async isThere(): Promise<boolean> {
    for (const { place, fetched } of this.#places) {
      if (place.kind === 'folder' ? await isFolder(place.folder) : fetched!.standing.state === 'ready') return true;
      if (fetched && (await fetched.scan()).length > 0) return true;
    }
    return false;
  }

  get isFoldersOnly(): boolean {
    return this.#fetched.length === 0;
  }

  /** How the places that are downloaded are, as they were last seen. */
  get standings(): readonly FetchedStanding[] {
    return this.#standings;
  }

  async standingsNow(): Promise<readonly FetchedStanding[]> {
    await this.#noteStandings();
    return this.#standings;
  }

  /** Models that places have and this disk has not. */
  get elsewhere(): ModelElsewhere[] {
    return this.#standings.flatMap((standing) => [
      ...standing.arriving.map((name) => ({
        name,
        isComing: true,
        reason: `downloaded from ${standing.place}: ${howFar(standing)}`,
      })),
      ...Object.entries(standing.refused).map(([name, why]) => ({
        name,
        isComing: false,
        reason: `not taken from ${standing.place}: ${why}`,
      })),
    ]);
  }

  /**
   * Looks again at places that could not be used, and at all that may change where `all` says so.
   * `came`: a place that had nothing before has been downloaded.
   */
  follow(of: Followed): void {
    if (this.#fetched.length === 0) return;
    this.#following = this.#follow(of);
  }

  async #follow(of: Followed): Promise<void> {
    const { signal } = this.#stopping;
    while (await pauseUnless(signal, this.#config.modelsLookMs))
      await this.#unlessStopping('Places of models cannot be looked at', () => this.#lookAgain(of));
  }

  async #lookAgain({ all, came, isUsed }: Followed): Promise<void> {
    for (const fetched of this.#fetched) {
      const before = fetched.standing.state;
      if (before === 'ready' && !(all && fetched.changes)) continue;
      const had = (await fetched.scan()).length;
      await fetched.look();
      const folders = await fetched.scan();
      if (had === 0 && folders.length > 0 && !this.#stopping.signal.aborted)
        await came(folders.map(({ name }) => name));
    }
    await this.#noteStandings();
    await this.clean(isUsed);
  }

  /** What fails is tried at the next look. */
  async #unlessStopping(what: string, act: () => Promise<void>): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    try {
      await act();
    } catch (error) {
      if (signal.aborted) return;
      log('app', 'warn', `${what}: ${recordedReason(error)}`, { event_type: 'models_not_followed' });
    }
  }

  /** Removes downloads that nobody uses any more. */
  async clean(isUsed: (folder: string) => boolean): Promise<void> {
    await this.#unlessStopping('Downloads that nobody uses cannot be removed', () => this.#removeUnused(isUsed));
  }

  async #removeUnused(isUsed: (folder: string) => boolean): Promise<void> {
    for (const fetched of this.#fetched) await fetched.clean(isUsed);
    await removePlacesBut(
      placesFolder(this.#config.data),
      this.#fetched.map(({ folder }) => folder),
      isUsed,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#following;
    await Promise.all(this.#fetched.map((place) => place.ended()));
  }

  async #noteStandings(): Promise<void> {
    this.#standings = await Promise.all(
      this.#fetched.map(async (fetched) => ({
        ...(await fetched.standingOfAll()),
        place: fetched.place.title,
        kind: fetched.place.kind as 's3' | 'https',
      })),
    );
  }

  #sayShadowed(shadowed: Map<string, string>): void {
    for (const [model, place] of shadowed)
      if (this.#shadowed.get(model) !== place)
        log('app', 'info', `Model ${model} of ${place} is passed over: an earlier place of VITRINE_MODELS has it`, {
          event_type: 'models_shadowed',
          model,
          place,
        });
    this.#shadowed = shadowed;
  }
}
