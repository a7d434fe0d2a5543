/** What Silero VAD listens to at 16 kHz: 512 new samples (32 ms), and before them the last 64 that it has heard. */
export const voice = { sampleRateHz: 16_000, windowSamples: 512, contextSamples: 64, stateSize: 128 };

/** About 16 s of sound: one call of the model, so that a long one neither takes much memory nor holds a lane for long. */
const windowsPerCall = 512;

/**
 * Rows of 576 samples for the model, at most 512 rows a call; the first row of all begins with silence, the last is filled up with it.
 * The state that the model gives back goes with the next call; the first has zeros.
 */
export function* voiceWindows(samples: Float32Array): Generator<{ rows: number; data: Float32Array }> {
  const { windowSamples, contextSamples } = voice;
  const rowSamples = contextSamples + windowSamples;
  const total = Math.ceil(samples.length / windowSamples);
  for (let first = 0; first < total; first += windowsPerCall) {
    const rows = Math.min(windowsPerCall, total - first);
    const data = new Float32Array(rows * rowSamples);
    for (let row = 0; row < rows; row += 1) {
      const start = (first + row) * windowSamples;
      const from = Math.max(0, start - contextSamples);
      data.set(samples.subarray(from, start + windowSamples), row * rowSamples + contextSamples - (start - from));
    }
    yield { rows, data };
  }
}
