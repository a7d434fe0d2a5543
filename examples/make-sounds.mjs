import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

// Two small sounds: chords with clicks, and the same under noise. Usage: node examples/make-sounds.mjs DIR

const [folder = '.'] = process.argv.slice(2);
const sampleRateHz = 44_100;

const music = Float32Array.from({ length: 3 * sampleRateHz }, (_, at) => {
  const seconds = at / sampleRateHz;
  const chord = [220, 277.2, 329.6].reduce((sum, hz) => sum + 0.12 * Math.sin(2 * Math.PI * hz * seconds), 0);
  return chord + 0.5 * Math.exp(-80 * (seconds % 0.5)) * noise(at);
});

await mkdir(folder, { recursive: true });
await writeFile(join(folder, 'music.wav'), wavOf(music));
const noisy = music.map((sample, at) => sample + 0.05 * noise(at + 1e6));
await writeFile(join(folder, 'noisy.wav'), wavOf(noisy));

/** The same every time, between −1 and 1. */
function noise(at) {
  const value = Math.sin(at * 12.9898) * 43_758.5453;
  return 2 * (value - Math.floor(value)) - 1;
}

/** One channel of 32-bit floats. */
function wavOf(samples) {
  const head = Buffer.alloc(44);
  const bytes = samples.byteLength;
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + bytes, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16); // Size of the format.
  head.writeUInt16LE(3, 20); // Floats.
  head.writeUInt16LE(1, 22); // Channels.
  head.writeUInt32LE(sampleRateHz, 24);
  head.writeUInt32LE(sampleRateHz * 4, 28);
  head.writeUInt16LE(4, 32);
  head.writeUInt16LE(32, 34);
  head.write('data', 36);
  head.writeUInt32LE(bytes, 40);
  return Buffer.concat([head, Buffer.from(samples.buffer)]);
}
