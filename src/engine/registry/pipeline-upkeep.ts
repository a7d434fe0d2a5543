import { inOrderOfNeed } from '../pipelines/known-pipelines.ts';
import type { ModelRepository } from '../places/model-repository.ts';
import { isPipelineFile, type PipelineFile } from './manifest-schema.ts';
import { type ModelFolder, readManifest } from './model-folder.ts';
import type { Shelf } from './shelf.ts';
import { unloadSlot } from './unload-slot.ts';
import type { VersionLoader } from './version-loader.ts';

/**
 * Pipelines follow their models: one whose model is unloaded, or does not fit any more, is not ready
 * until it is there again.
 */
export class PipelineUpkeep {
  readonly #repository: Pick<ModelRepository, 'find'>;
  readonly #shelves: ReadonlyMap<string, Shelf>;
  readonly #loader: VersionLoader;

  constructor(repository: Pick<ModelRepository, 'find'>, shelves: ReadonlyMap<string, Shelf>, loader: VersionLoader) {
    this.#repository = repository;
    this.#shelves = shelves;
    this.#loader = loader;
  }

  /** A model was loaded, loaded again or unloaded, and so what needs it may have changed. */
  async changed(model: string): Promise<void> {
    for (const pipeline of this.#loader.pipelines.needing(model)) {
      const before = lookOf(this.#shelves.get(pipeline));
      await this.#rewire(pipeline);
      // Pipelines in a circle would look at each other for ever.
      if (lookOf(this.#shelves.get(pipeline)) !== before) await this.changed(pipeline);
    }
  }

  /** The pipelines among these, each behind those that it asks. */
  async inOrder(folders: readonly ModelFolder[]): Promise<string[]> {
    const pipelines = folders.filter(({ isPipeline }) => isPipeline);
    const files = new Map<string, PipelineFile>();
    for (const { name, folder } of pipelines) {
      // What cannot be read is said when it is loaded.
      const file = await readManifest(folder).catch(() => undefined);
      if (file && isPipelineFile(file)) files.set(name, file);
    }
    return [...new Set([...inOrderOfNeed(files), ...pipelines.map(({ name }) => name)])];
  }

  /** Each pipeline before those that it asks. */
  outermostFirst(): Shelf[] {
    const files = new Map([...this.#loader.pipelines.all].map(([name, { file }]) => [name, file]));
    return inOrderOfNeed(files)
      .reverse()
      .flatMap((name) => this.#shelves.get(name) ?? []);
  }

  /** As its models are now, by the file that it was loaded with. */
  async #rewire(name: string): Promise<void> {
    const shelf = this.#shelves.get(name);
    const known = this.#loader.pipelines.find(name);
    const folder = await this.#repository.find(name);
    if (!shelf || !known || !folder) return;
    await shelf.inTurn(async () => {
      try {
        await this.#loader.rewire(shelf, folder, { given: known.file, only: known.versions });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        await Promise.all(shelf.slots.map((slot) => unloadSlot(shelf, slot, reason)));
      }
    });
  }
}

/** What callers see of a model: whether it is ready, why not, and its tensors. */
function lookOf(shelf: Shelf | undefined): string {
  const slots = shelf?.slots.map(({ version, state, reason, model }) => [
    [version, state, reason],
    [model?.manifest.inputs, model?.manifest.outputs],
  ]);
  return JSON.stringify(slots ?? null);
}
