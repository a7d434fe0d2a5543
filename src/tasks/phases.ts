import type { TaskHands } from './task-work.ts';

/** Times parts of the work that alternate piece by piece. Each becomes one span: from its first piece, as long as its pieces took together. */
export class Phases {
  readonly #took: TaskHands['took'];
  readonly #phases = new Map<string, { readonly startMs: number; tookMs: number }>();

  constructor({ took }: Pick<TaskHands, 'took'>) {
    this.#took = took;
  }

  time<T>(name: string, act: () => T): T {
    const startMs = performance.now();
    try {
      return act();
    } finally {
      this.#add(name, startMs);
    }
  }

  /** What comes out of `pieces`, with the time that making it took. */
  async *timed<T>(name: string, pieces: AsyncGenerator<T>): AsyncGenerator<T> {
    try {
      for (;;) {
        const startMs = performance.now();
        const { value, done } = await pieces.next();
        this.#add(name, startMs);
        if (done) return;
        yield value;
      }
    } finally {
      await pieces.return(undefined);
    }
  }

  end(): void {
    for (const [name, { startMs, tookMs }] of this.#phases) this.#took(name, performance.timeOrigin + startMs, tookMs);
    this.#phases.clear();
  }

  #add(name: string, startMs: number): void {
    const tookMs = performance.now() - startMs;
    const phase = this.#phases.get(name);
    if (phase) phase.tookMs += tookMs;
    else this.#phases.set(name, { startMs, tookMs });
  }
}
