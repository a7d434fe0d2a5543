/**
 * The signal-to-noise ratio in decibels: the reference's power over the power of what was changed. Infinite when nothing was;
 * undefined when the reference is silent.
 */
export function signalToNoiseDb(reference: Float32Array, degraded: Float32Array): number | undefined {
  return ratioDb(reference, degraded, 0, Math.min(reference.length, degraded.length));
}

/**
 * The mean of the ratios of short frames (30 ms, three quarters shared), each held within −10 and 35 dB so that neither silence nor
 * perfection outweighs the rest; silent frames are left out. Undefined when all are.
 */
export function segmentalSignalToNoiseDb(
  reference: Float32Array,
  degraded: Float32Array,
  sampleRateHz: number,
): number | undefined {
  const length = Math.min(reference.length, degraded.length);
  const frame = Math.max(1, Math.min(length, Math.round(0.03 * sampleRateHz)));
  const hop = Math.max(1, Math.round(frame / 4));
  let sum = 0;
  let frames = 0;
  for (let start = 0; start + frame <= length; start += hop) {
    const ratio = ratioDb(reference, degraded, start, start + frame);
    if (ratio === undefined) continue;
    sum += Math.min(35, Math.max(-10, ratio));
    frames += 1;
  }
  return frames === 0 ? undefined : sum / frames;
}

function ratioDb(reference: Float32Array, degraded: Float32Array, start: number, end: number): number | undefined {
  let signal = 0;
  let noise = 0;
  for (let at = start; at < end; at += 1) {
    const wanted = reference[at] as number;
    signal += wanted ** 2;
    noise += (wanted - (degraded[at] as number)) ** 2;
  }
  if (signal === 0) return undefined;
  return 10 * Math.log10(signal / noise);
}
