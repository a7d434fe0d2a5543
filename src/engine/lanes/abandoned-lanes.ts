import type { Lane } from './lane.ts';

/**
 * Threads that were left in a run that does not end. Ending such a thread would abort the process,
 * so it goes on taking a core and its memory: one is borne, with a second the process should be
 * replaced.
 */
export class AbandonedLanes {
  readonly #lanes = new Set<Lane>();

  add(lane: Lane): void {
    this.#lanes.add(lane);
  }

  /** True when it was one of them: its run has ended after all, and the thread with it. */
  remove(lane: Lane): boolean {
    return this.#lanes.delete(lane);
  }

  /**
   * Resolves when the last of them has ended, which may be never: only then can the process exit by
   * itself.
   */
  async allEnded(): Promise<void> {
    await Promise.all([...this.#lanes].map(({ ended }) => ended));
  }

  get mayReplace(): boolean {
    return this.#lanes.size <= 1;
  }

  get count(): number {
    return this.#lanes.size;
  }
}
