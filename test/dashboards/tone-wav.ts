import { writeWav } from '../../src/tasks/audio/write-wav.ts';

/** A sine, as a WAV file of one channel. */
export function toneWav({
  seconds,
  sampleRateHz,
  hertz = 440,
}: {
  seconds: number;
  sampleRateHz: number;
  hertz?: number;
}): Uint8Array {
  const samples = Float32Array.from(
    { length: Math.round(seconds * sampleRateHz) },
    (_, at) => 0.4 * Math.sin((2 * Math.PI * hertz * at) / sampleRateHz),
  );
  return writeWav({ sampleRateHz, channels: [samples] });
}
