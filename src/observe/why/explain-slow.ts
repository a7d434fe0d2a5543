import type { FlightRecord } from '../flight/flight-record.ts';
import type { FlightRecorder } from '../flight/flight-recorder.ts';
import { explain } from './explain.ts';
import type { Eyes } from './why.ts';

/** What the log line of a slow request says about it. */
export type SlowBecause = { readonly cause: string; readonly sentence: string; readonly aloneMs: number | undefined };

/** An explanation takes milliseconds: a storm of slow requests must not become slower by them. */
const perSecondMax = 5;

/** Explains slow requests as they end, so many a second. */
export class SlowExplainer {
  readonly #recorder: FlightRecorder;
  #second = 0;
  #left = perSecondMax;

  constructor(recorder: FlightRecorder) {
    this.#recorder = recorder;
  }

  /** Undefined: others of this second were explained. */
  because(record: FlightRecord): SlowBecause | undefined {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) [this.#second, this.#left] = [second, perSecondMax];
    if (this.#left === 0) return undefined;
    this.#left -= 1;
    const { parts, known, sentence, aloneMs } = explain(record, this.#recorder, everything);
    return { cause: known ? (parts[0]?.cause ?? 'not_known') : 'not_known', sentence, aloneMs };
  }
}

/** The log is the operator's. */
const everything: Eyes = { sees: () => true, mayName: () => true };
