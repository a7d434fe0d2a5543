import { writeWav } from '../src/audio/write-wav.ts';

/** A sine, with noise of a fixed seed if wanted, as a WAV file of one channel. */
export function toneWav({
  seconds,
  sampleRateHz,
  hertz = 440,
  noise = 0,
}: {
  seconds: number;
  sampleRateHz: number;
  hertz?: number;
  noise?: number;
}): Uint8Array {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
  const samples = Float32Array.from(
    { length: Math.round(seconds * sampleRateHz) },
    (_, at) => 0.4 * Math.sin((2 * Math.PI * hertz * at) / sampleRateHz) + noise * random(),
  );
  return writeWav({ sampleRateHz, channels: [samples] });
}
