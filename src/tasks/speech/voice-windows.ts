/**
 * What Silero VAD listens to at 16 kHz: 512 new samples (32 ms), and before them the last 64 that
 * it has heard.
 */
export const voice = { sampleRateHz: 16_000, windowSamples: 512, contextSamples: 64, stateSize: 128 };

/**
 * About 16 s of sound: one call of the model, so that a long one neither takes much memory nor
 * holds a lane for long.
 */
const windowsPerCall = 512;
const callSamples = windowsPerCall * voice.windowSamples;

export type VoiceRows = { readonly rows: number; readonly data: Float32Array };

/**
 * Rows of 576 samples for the model, at most 512 rows a call, from a sound that comes in pieces;
 * the first row of all begins with silence, the last is filled up with it. The state that the model
 * gives back goes with the next call; the first has zeros.
 */
export class VoiceWindows {
  /** The context of the next call, then its new samples. */
  readonly #held = new Float32Array(voice.contextSamples + callSamples);
  #filled = 0;

  *add(samples: Float32Array): Generator<VoiceRows> {
    for (let at = 0; at < samples.length; ) {
      const taken = samples.subarray(at, at + callSamples - this.#filled);
      this.#held.set(taken, voice.contextSamples + this.#filled);
      this.#filled += taken.length;
      at += taken.length;
      if (this.#filled === callSamples) yield this.#call();
    }
  }

  *end(): Generator<VoiceRows> {
    if (this.#filled > 0) yield this.#call();
  }

  #call(): VoiceRows {
    const { windowSamples, contextSamples } = voice;
    const rowSamples = contextSamples + windowSamples;
    const rows = Math.ceil(this.#filled / windowSamples);
    const data = new Float32Array(rows * rowSamples);
    this.#held.fill(0, contextSamples + this.#filled);
    for (let row = 0; row < rows; row += 1)
      data.set(this.#held.subarray(row * windowSamples, row * windowSamples + rowSamples), row * rowSamples);
    this.#held.copyWithin(0, callSamples);
    this.#filled = 0;
    return { rows, data };
  }
}

/** All rows of a whole sound. */
export function* voiceWindows(samples: Float32Array): Generator<VoiceRows> {
  const windows = new VoiceWindows();
  yield* windows.add(samples);
  yield* windows.end();
}
