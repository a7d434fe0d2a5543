import type { TaskHands } from './task-work.ts';

/** Names parts of the work that alternate piece by piece. */
export class Phases {
  readonly #hands: Pick<TaskHands, 'step' | 'stepNow'>;

  constructor(hands: Pick<TaskHands, 'step' | 'stepNow'>) {
    this.#hands = hands;
  }

  time<T>(name: string, act: () => T): T {
    return this.#hands.stepNow(name, act);
  }

  /**
   * What comes out of `pieces`: making each of them belongs to the step, what is done with it does
   * not.
   */
  async *timed<T>(name: string, pieces: AsyncGenerator<T>): AsyncGenerator<T> {
    try {
      for (;;) {
        const { value, done } = await this.#hands.step(name, () => pieces.next());
        if (done) return;
        yield value;
      }
    } finally {
      await pieces.return(undefined);
    }
  }
}
