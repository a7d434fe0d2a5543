/** What Silero VAD listens to at 16 kHz: 512 new samples (32 ms), and before them the last 64 that it has heard. */
export const voice = { sampleRateHz: 16_000, windowSamples: 512, contextSamples: 64 };

/** Windows of 576 samples for the model, the first after silence, the last filled up with it. */
export function* voiceWindows(samples: Float32Array): Generator<Float32Array> {
  const { windowSamples, contextSamples } = voice;
  for (let start = 0; start < samples.length; start += windowSamples) {
    const window = new Float32Array(contextSamples + windowSamples);
    const from = Math.max(0, start - contextSamples);
    window.set(samples.subarray(from, start + windowSamples), contextSamples - (start - from));
    yield window;
  }
}
