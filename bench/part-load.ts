import { stolenPercentSince, stolenSeconds } from './cpu-time.ts';
import { calmest, median, spread } from './statistics.ts';
import { type Load, load, type Shot } from './wrk.ts';

type Slice = { part: number; p50Ms: number; p99Ms: number; stolenPercent: number };

const warmUpSeconds = 30;
const highestSeconds = 1;

/**
 * 64 connections that pause after each answer, as long as makes 70 % of the highest rate; found by
 * trying.
 */
export class PartLoad {
  readonly #name: string;
  readonly #url: string;
  readonly #shot: Shot;
  readonly #slices: Slice[] = [];
  #delayMs = 2;

  constructor(name: string, url: string, shot: Shot) {
    this.#name = name;
    this.#url = url;
    this.#shot = shot;
  }

  async warmUp(): Promise<void> {
    await this.#load(warmUpSeconds);
    for (let tries = 0; tries < 5; tries += 1) await this.#highestAndPart(1);
  }

  async measure(seconds: number): Promise<void> {
    const stolenBefore = stolenSeconds();
    const { part, loaded } = await this.#highestAndPart(seconds);
    const { p50Ms, p99Ms } = loaded;
    this.#slices.push({
      part,
      p50Ms,
      p99Ms,
      stolenPercent: stolenPercentSince(stolenBefore, highestSeconds + seconds),
    });
  }

  /** Of the calmest so many. */
  inWords(count: number): string {
    const [counted = []] = calmest(new Map([[this.#name, this.#slices]]), count).values();
    const of = (value: (slice: Slice) => number, digits: number) => {
      const values = counted.map(value);
      return `${median(values).toFixed(digits)} (${spread(values, digits)})`;
    };
    return `${this.#name}: at ${of(({ part }) => 100 * part, 0)} % of the highest rate p50 ${of(({ p50Ms }) => p50Ms, 2)} ms, p99 ${of(({ p99Ms }) => p99Ms, 1)} ms, ${of(({ p50Ms, p99Ms }) => p99Ms / p50Ms, 1)} times; stolen meanwhile ${of(({ stolenPercent }) => stolenPercent, 1)} %; the ${counted.length} calmest of ${this.#slices.length} slices`;
  }

  async #highestAndPart(seconds: number) {
    const highest = await this.#load(highestSeconds);
    const loaded = await this.#load(seconds, this.#delayMs);
    const wanted = 0.7 * highest.requestsPerSecond;
    const off = 64_000 / wanted - 64_000 / loaded.requestsPerSecond;
    // Half of what is missing: the rate answers late, and both figures are noisy.
    this.#delayMs = Math.max(0, this.#delayMs + off / 2);
    return { part: loaded.requestsPerSecond / highest.requestsPerSecond, loaded };
  }

  #load(seconds: number, delayMs?: number): Promise<Load> {
    return load(this.#url, this.#shot, { connections: 64, seconds, ...(delayMs !== undefined && { delayMs }) });
  }
}
