import { recordedReason } from '../../errors.ts';
import { pauseUnless } from '../../resilience/pause-unless.ts';
import { log } from '../../telemetry/logger.ts';
import type { ModelFolder } from './model-folder.ts';

export type RepositoryListener = {
  appeared(name: string): Promise<void>;
  changed(name: string): Promise<void>;
  vanished(name: string): Promise<void>;
};

/**
 * Looks at the folders again and again, which works on every file system, a container's volume
 * included. A change counts once two looks in a row saw the same: a model that is still being
 * copied is not loaded in pieces.
 */
export class RepositoryWatch implements AsyncDisposable {
  readonly #scan: () => Promise<ModelFolder[]>;
  readonly #everyMs: number;
  readonly #listener: RepositoryListener;
  readonly #stopping = new AbortController();
  readonly #known: Map<string, string>;
  readonly #looking: Promise<void>;
  #seenBefore = new Map<string, string>();

  constructor(
    scan: () => Promise<ModelFolder[]>,
    everyMs: number,
    known: readonly ModelFolder[],
    listener: RepositoryListener,
  ) {
    this.#scan = scan;
    this.#everyMs = everyMs;
    this.#listener = listener;
    this.#known = fingerprints(known);
    this.#looking = this.#look();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopping;
    while (await pauseUnless(signal, this.#everyMs)) {
      try {
        const seen = fingerprints(await this.#scan());
        await this.#compare(seen);
        this.#seenBefore = seen;
      } catch (error) {
        log('app', 'error', `The model repository cannot be read: ${recordedReason(error)}`, {
          event_type: 'repository_unreadable',
        });
      }
    }
  }

  async #compare(seen: Map<string, string>): Promise<void> {
    const changes: Promise<void>[] = [];
    for (const [name, fingerprint] of seen) {
      const before = this.#known.get(name);
      if (before === fingerprint || this.#seenBefore.get(name) !== fingerprint) continue;
      this.#known.set(name, fingerprint);
      changes.push(before === undefined ? this.#listener.appeared(name) : this.#listener.changed(name));
    }
    for (const name of this.#known.keys()) {
      if (seen.has(name) || this.#seenBefore.has(name)) continue;
      this.#known.delete(name);
      changes.push(this.#listener.vanished(name));
    }
    await Promise.all(changes);
  }
}

function fingerprints(folders: readonly ModelFolder[]): Map<string, string> {
  return new Map(folders.map(({ name, fingerprint }) => [name, fingerprint]));
}
