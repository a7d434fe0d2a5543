import { syncToDisk } from '../../sync-to-disk.ts';

type Syncing = { readonly now: Promise<void>; next: Promise<void> | undefined };

/**
 * fsync of folders that many files come into at once: one that has not begun yet is for all who ask
 * for it meanwhile, since it writes what each of them has done before.
 */
export class SharedSync {
  readonly #syncing = new Map<string, Syncing>();

  sync(folder: string): Promise<void> {
    const syncing = this.#syncing.get(folder);
    if (!syncing) return this.#begin(folder);
    syncing.next ??= syncing.now.catch(() => undefined).then(() => this.#begin(folder));
    return syncing.next;
  }

  #begin(folder: string): Promise<void> {
    const now = syncToDisk(folder);
    const syncing: Syncing = { now, next: undefined };
    this.#syncing.set(folder, syncing);
    const end = () => {
      if (this.#syncing.get(folder) === syncing && syncing.next === undefined) this.#syncing.delete(folder);
    };
    now.then(end, end);
    return now;
  }
}
