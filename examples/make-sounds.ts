import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWav } from '../src/tasks/audio/write-wav.ts';

// Two small sounds: chords with clicks, and the same under noise. Usage: node examples/make-sounds.ts DIR

const [folder = '.'] = process.argv.slice(2);
const sampleRateHz = 44_100;

const music = Float32Array.from({ length: 3 * sampleRateHz }, (_, at) => {
  const seconds = at / sampleRateHz;
  const chord = [220, 277.2, 329.6].reduce((sum, hz) => sum + 0.12 * Math.sin(2 * Math.PI * hz * seconds), 0);
  return chord + 0.5 * Math.exp(-80 * (seconds % 0.5)) * noise(at);
});

await mkdir(folder, { recursive: true });
await writeFile(join(folder, 'music.wav'), writeWav({ sampleRateHz, channels: [music] }));
const noisy = music.map((sample, at) => sample + 0.05 * noise(at + 1e6));
await writeFile(join(folder, 'noisy.wav'), writeWav({ sampleRateHz, channels: [noisy] }));

/** The same every time, between −1 and 1. */
function noise(at: number): number {
  const value = Math.sin(at * 12.9898) * 43_758.5453;
  return 2 * (value - Math.floor(value)) - 1;
}
