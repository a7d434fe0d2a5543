import { availableParallelism } from 'node:os';

/**
 * How long the builds that are left will take: CPU seconds known of each, at the speed that this
 * machine has shown so far.
 */
export class BuildEstimate {
  readonly #left: Map<string, number>;
  #wallPerCpu = 1 / availableParallelism();
  #doneCpuSeconds = 0;
  #doneWallSeconds = 0;

  constructor(toBuild: readonly { title: string; coldBuildSeconds: number }[]) {
    this.#left = new Map(toBuild.map(({ title, coldBuildSeconds }) => [title, coldBuildSeconds]));
  }

  get count(): number {
    return this.#left.size;
  }

  built(title: string, elapsedMs: number): void {
    const cpuSeconds = this.#left.get(title);
    if (cpuSeconds === undefined) return;
    this.#left.delete(title);
    this.#doneCpuSeconds += cpuSeconds;
    this.#doneWallSeconds += elapsedMs / 1000;
    this.#wallPerCpu = this.#doneWallSeconds / this.#doneCpuSeconds;
  }

  /**
   * `building` has been built for `elapsedMs`; one that takes longer than expected counts as nearly
   * done.
   */
  minutesLeft(building?: string, elapsedMs = 0): number {
    let seconds = 0;
    for (const [title, cpuSeconds] of this.#left) {
      const whole = cpuSeconds * this.#wallPerCpu;
      seconds += title === building ? Math.max(whole - elapsedMs / 1000, whole / 10) : whole;
    }
    return Math.max(1, Math.round(seconds / 60));
  }
}
