import { StreamResampler } from '../../audio/resample.ts';
import type { Phases } from '../phases.ts';
import type { TaskHands } from '../task-work.ts';
import { type ListeningScores, ListeningWindows, listening, listeningScores } from './listening-scores.ts';

/** Rows in one call of DNSMOS, nine seconds each: as many as its manifest runs at once. */
const windowsPerCall = 2;

/**
 * The model that listens, fed with one channel of a sound piece by piece. Says after each call how
 * many seconds it has heard.
 */
export class Listener {
  readonly #hands: TaskHands;
  readonly #phases: Phases;
  readonly #heard: (seconds: number) => void;
  readonly #resampler: StreamResampler;
  readonly #windows = new ListeningWindows();
  readonly #rows: number[][] = [];
  #waiting: Float32Array[] = [];

  constructor(sampleRateHz: number, hands: TaskHands, phases: Phases, heard: (seconds: number) => void) {
    this.#hands = hands;
    this.#phases = phases;
    this.#heard = heard;
    this.#resampler = new StreamResampler(sampleRateHz, listening.sampleRateHz);
  }

  async add(samples: Float32Array): Promise<void> {
    await this.#listen(this.#windows.add(this.#phases.time('audio.resample', () => this.#resampler.next(samples))));
  }

  /** The result for the whole sound; call it last. Null without a window. */
  async end(): Promise<ListeningScores | null> {
    await this.#listen(this.#windows.add(this.#phases.time('audio.resample', () => this.#resampler.end())));
    await this.#listen(this.#windows.end());
    if (this.#waiting.length > 0) await this.#run();
    return listeningScores(this.#rows) ?? null;
  }

  async #listen(windows: Iterable<Float32Array>): Promise<void> {
    for (const window of windows) {
      this.#waiting.push(window);
      if (this.#waiting.length === windowsPerCall) await this.#run();
    }
  }

  async #run(): Promise<void> {
    const windows = this.#waiting;
    this.#waiting = [];
    const data = new Float32Array(windows.length * listening.windowSamples);
    windows.forEach((window, at) => {
      data.set(window, at * listening.windowSamples);
    });
    const [answer] = await this.#hands.infer([
      {
        name: this.#hands.model?.inputs[0]?.name ?? '',
        datatype: 'FP32',
        shape: [windows.length, listening.windowSamples],
        data,
      },
    ]);
    const values = answer?.data as Float32Array;
    for (let row = 0; row < windows.length; row += 1) this.#rows.push([...values.subarray(row * 3, row * 3 + 3)]);
    this.#heard((this.#rows.length * listening.hopSamples) / listening.sampleRateHz);
  }
}
