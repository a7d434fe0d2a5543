import type { Audio } from '../audio/audio.ts';

export type Silence = {
  /** Of the whole length. */
  readonly ratio: number;
  readonly leadingSeconds: number;
  readonly trailingSeconds: number;
  readonly longestSeconds: number;
};

const frameSeconds = 0.02;

/** Where all channels together stay below a level (root mean square, dB of full scale), in frames of 20 ms. */
export function silence(audio: Audio, thresholdDb = -60): Silence {
  const length = audio.channels[0]?.length ?? 0;
  const frame = Math.max(1, Math.round(frameSeconds * audio.sampleRateHz));
  const powerMax = 10 ** (thresholdDb / 10);
  let silent = 0;
  let run = 0;
  let longest = 0;
  let leading: number | undefined;
  for (let start = 0; start < length; start += frame) {
    const end = Math.min(length, start + frame);
    if (power(audio.channels, start, end) < powerMax) {
      silent += end - start;
      run += end - start;
      longest = Math.max(longest, run);
    } else {
      leading ??= run;
      run = 0;
    }
  }
  const seconds = (samples: number) => samples / audio.sampleRateHz;
  return {
    ratio: length === 0 ? 1 : silent / length,
    leadingSeconds: seconds(leading ?? run),
    trailingSeconds: seconds(run),
    longestSeconds: seconds(longest),
  };
}

function power(channels: readonly Float32Array[], start: number, end: number): number {
  let sum = 0;
  for (const samples of channels) for (let at = start; at < end; at += 1) sum += (samples[at] as number) ** 2;
  return sum / (channels.length * (end - start));
}
