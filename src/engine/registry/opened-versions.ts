import { log } from '../../telemetry/logger.ts';
import { Pipeline } from '../pipelines/pipeline.ts';
import type { RunnableModel } from '../pipelines/runnable-model.ts';
import type { Shelf, Slot } from './shelf.ts';
import { unloadSlot } from './unload-slot.ts';

export const notServed = 'not served under the version policy';

/** Versions of a model that are open and warm, and take no requests before `serve` is called. */
export class OpenedVersions {
  readonly #shelf: Shelf;
  readonly #opened = new Map<Slot, RunnableModel>();
  /** Versions that end when these are served. */
  obsolete: readonly Slot[] = [];

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
  }

  /** One that was opened before, in an attempt that failed, is closed. */
  async add(slot: Slot, model: RunnableModel): Promise<void> {
    await this.#opened.get(slot)?.close();
    this.#opened.set(slot, model);
  }

  async serve(): Promise<void> {
    await Promise.all([...this.#opened].map(([slot, model]) => serve(this.#shelf, slot, model)));
    await Promise.all(this.obsolete.map((slot) => unloadSlot(this.#shelf, slot, notServed)));
  }

  /** Nothing has changed. */
  async close(): Promise<void> {
    for (const slot of this.#opened.keys()) {
      slot.state = slot.model ? 'ready' : 'unavailable';
      slot.reason = slot.model ? '' : 'not loaded';
    }
    await Promise.all([...this.#opened.values()].map((model) => model.close()));
  }
}

/** From here on requests go to this one; the one before answers those that it has. */
export async function serve(shelf: Shelf, slot: Slot, model: RunnableModel): Promise<void> {
  const before = slot.model;
  shelf.put(slot, model);
  logReady(model);
  await before?.replaceBy(model);
}

function logReady(model: RunnableModel): void {
  const { name, version } = model;
  if (model instanceof Pipeline) {
    logLoad(`Pipeline ${name} version ${version} is ready`, { model: name, version });
    return;
  }
  const { provider, loadMs } = model.report;
  const where = model.hasShortcut ? `${provider}, small batches on the event loop` : provider;
  const fields = { model: name, version, provider, duration_ms: Math.round(loadMs) };
  logLoad(`Model ${name} version ${version} is ready on ${where}`, fields);
}

function logLoad(text: string, fields: Record<string, string | number>): void {
  log('app', 'info', text, { event_type: 'model_load', status: 'success', ...fields });
}
