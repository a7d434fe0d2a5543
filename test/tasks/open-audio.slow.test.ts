import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Audio } from '../../src/audio/audio.ts';
import { withAudio } from '../../src/audio/open-audio.ts';
import { type WavEncoding, writeWav } from '../../src/audio/write-wav.ts';
import { ServiceError } from '../../src/errors.ts';
import { SeededRandom } from '../../src/tasks/mathematics/seeded-random.ts';
import { flacBomb, opusBomb } from '../../testkit/sound-bombs.ts';
import { fixtureSound } from '../../testkit/task-runner.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { readWhole } from './read-whole.ts';

const limits = { audioChannelsMax: 8, audioSamplesMax: 2 ** 30, scoreSecondsMax: 60 };
const formats = [
  'stereo.wav',
  'stereo.flac',
  'stereo.aiff',
  'float.aiff',
  'stereo.mp3',
  'mono.mp3',
  'vorbis.ogg',
  'opus.ogg',
] as const;
type Format = (typeof formats)[number];
const lossless: readonly Format[] = ['stereo.wav', 'stereo.flac', 'stereo.aiff', 'float.aiff'];

const fileOf = (name: Format) => ({ path: fixtureSound(`formats/${name}`), name });

describe('a sound in a file', () => {
  let original: Audio;
  before(async () => {
    original = await readWhole(fileOf('stereo.wav'), limits);
  });

  for (const name of formats)
    it(`is read from ${name}`, async () => {
      const audio = await readWhole(fileOf(name), limits);
      assert.equal(audio.channels.length, name.startsWith('mono') ? 1 : 2);
      assert.equal(audio.sampleRateHz, name === 'opus.ogg' ? 48_000 : 44_100);
      if (lossless.includes(name)) {
        audio.channels.forEach((samples, channel) => {
          samples.forEach((sample, at) => {
            assert.ok(Math.abs(sample - (original.channels[channel]?.[at] as number)) <= 2 ** -15, `${at}`);
          });
        });
        return;
      }
      // Lossy formats come a little later and with a little noise.
      audio.channels.forEach((samples, channel) => {
        const best = bestCorrelation(samples, original.channels[channel] as Float32Array);
        assert.ok(best > 0.98, `channel ${channel}: ${best}`);
      });
    });

  for (const name of formats)
    it(`is refused when ${name} is cut off, wherever that is`, async () => {
      await using folder = await temporaryFolder();
      const bytes = await readFile(fileOf(name).path);
      for (const part of [0.02, 0.3, 0.61, 0.9, 0.99]) {
        const path = join(folder.path, `cut-${part}`);
        await writeFile(path, bytes.subarray(0, Math.floor(bytes.length * part)));
        await assert.rejects(readWhole({ path, name }, limits), { code: 'invalid_audio' }, `at ${part}`);
      }
    });

  it('is refused when an MP3 file lacks no more than its last frame', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'cut.mp3');
    const bytes = await readFile(fileOf('stereo.mp3').path);
    await writeFile(path, bytes.subarray(0, bytes.lastIndexOf(Buffer.of(0xff, 0xfb))));
    await assert.rejects(readWhole({ path, name: 'cut.mp3' }, limits), {
      code: 'invalid_audio',
      message: /it declares (\d+) frames and holds \d+: it is cut off/,
    });
  });

  it('has whole steps of its bits for samples when it comes as FLAC, behind a tag too', async () => {
    await using folder = await temporaryFolder();
    const bytes = await readFile(fileOf('stereo.flac').path);
    const tagged = join(folder.path, 'tagged.flac');
    await writeFile(
      tagged,
      Buffer.concat([Buffer.from('ID3\x04\0\0\0\0\x01\x02', 'latin1'), Buffer.alloc(130), bytes]),
    );
    for (const file of [fileOf('stereo.flac'), { path: tagged, name: 'tagged.flac' }]) {
      const { channels } = await readWhole(file, limits);
      assert.equal(channels[1]?.length, original.channels[1]?.length);
      for (const samples of channels)
        assert.deepEqual(
          samples.find((sample) => !Number.isInteger(sample * 2 ** 15)),
          undefined,
        );
    }
  });

  it('is read to its end where a WAV file could not know its length', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'piped.wav');
    const bytes = Buffer.from(await readFile(fileOf('stereo.wav').path));
    bytes.writeUInt32LE(0xffff_ffff, bytes.indexOf('data') + 4);
    await writeFile(path, bytes);
    const piped = await readWhole({ path, name: 'piped.wav' }, limits);
    assert.equal(piped.channels[1]?.length, original.channels[1]?.length);
    assert.equal(piped.channels[1]?.at(-1), original.channels[1]?.at(-1));
    await writeFile(path, bytes.subarray(0, -1));
    await assert.rejects(readWhole({ path, name: 'piped.wav' }, limits), { code: 'invalid_audio', message: /cut off/ });
  });

  for (const codec of ['vorbis', 'opus'])
    it(`has its channels in the order of WAV files when it comes as ${codec}`, async () => {
      const { channels, sampleRateHz } = await readWhole(
        { path: fixtureSound(`formats/surround-${codec}.ogg`), name: 'surround.ogg' },
        limits,
      );
      const strongest = channels.map((samples) => {
        const levels = surroundHz.map((hz) => levelAt(samples, hz / sampleRateHz));
        return surroundHz[levels.indexOf(Math.max(...levels))];
      });
      assert.deepEqual(strongest, surroundHz);
    });

  for (const name of formats)
    it(`of any junk in ${name} is read or refused, never a defect`, async () => {
      await using folder = await temporaryFolder();
      const path = join(folder.path, 'junk');
      const whole = await readFile(fileOf(name).path);
      const random = new SeededRandom(7, name);
      for (let round = 0; round < 12; round += 1) {
        const bytes = Buffer.from(whole);
        const span = round % 2 === 0 ? 200 : bytes.length;
        for (let count = 0; count < 4; count += 1)
          bytes[4 + Math.floor(random.uniform() * (span - 4))] =
            round % 3 === 0 ? 255 : Math.floor(random.uniform() * 256);
        const length = round % 4 === 0 ? 12 + Math.floor(random.uniform() * 300) : bytes.length;
        await writeFile(path, bytes.subarray(0, length));
        const failure = await readWhole({ path, name }, limits).then(
          () => undefined,
          (error: unknown) => error,
        );
        assert.ok(failure === undefined || failure instanceof ServiceError, `round ${round}: ${failure}`);
      }
      // One that ends in the middle of what its reader looks at next.
      for (let length = 12; length < 120; length += 3) {
        await writeFile(path, whole.subarray(0, length));
        await assert.rejects(readWhole({ path, name }, limits), ServiceError, `${length} bytes`);
      }
    });

  const tone = (frames: number, channels = 1, sampleRateHz = 8000): Audio => ({
    sampleRateHz,
    channels: Array.from({ length: channels }, () =>
      Float32Array.from({ length: frames }, (_, at) => Math.sin(at / 9) / 2),
    ),
  });
  const cases: [string, () => Uint8Array, { code: string; message?: RegExp }][] = [
    ['nothing', () => new Uint8Array(), { code: 'invalid_audio', message: /it is empty/ }],
    [
      'text',
      () => Buffer.from('not a sound at all, but text'),
      { code: 'media_not_supported', message: /send wav, flac/ },
    ],
    ['a zip file', () => Buffer.from('PK\x03\x04 and so on'), { code: 'media_not_supported' }],
    ['no samples', () => writeWav(tone(0)), { code: 'invalid_audio', message: /no sound in it/ }],
    ['NaN among its samples', () => withNaN(tone(9000), 'float32'), { code: 'invalid_audio', message: /no numbers/ }],
    [
      'a level that is none',
      () => writeWav({ sampleRateHz: 8000, channels: [new Float32Array(9000).fill(3e38)] }, 'float32'),
      { code: 'invalid_audio', message: /full scale/ },
    ],
    ['a rate of 1 Hz', () => writeWav(tone(100, 1, 1)), { code: 'invalid_audio', message: /4000 to 384000/ }],
    ['a rate of 4 GHz', () => writeWav(tone(100, 1, 2 ** 32 - 1), 'pcm16'), { code: 'invalid_audio' }],
    ['64 channels', () => writeWav(tone(100, 64)), { code: 'invalid_audio', message: /VITRINE_AUDIO_CHANNELS_MAX/ }],
    ['61 seconds', () => writeWav(tone(61 * 8000)), { code: 'audio_too_long', message: /VITRINE_SCORE_SECONDS_MAX/ }],
    [
      'minutes in a few bytes, and a head that does not say so',
      () => flacBomb({ sampleRateHz: 44_100, channels: 1, seconds: 3600, declares: false }),
      { code: 'audio_too_long', message: /VITRINE_SCORE_SECONDS_MAX/ },
    ],
  ];
  for (const [what, make, failure] of cases)
    it(`is refused when there is ${what}`, async () => {
      await using folder = await temporaryFolder();
      const path = join(folder.path, 'sound');
      await writeFile(path, make());
      await assert.rejects(readWhole({ path, name: 'sound.wav' }, limits), failure);
    });

  const bomb = { sampleRateHz: 384_000, channels: 8, seconds: 50 };
  const bombs: [string, () => Uint8Array][] = [
    ['says its length', () => flacBomb(bomb)],
    ['does not say its length', () => flacBomb({ ...bomb, declares: false })],
    ['is uncompressed', () => writeWav(tone(6001, 4), 'pcm16')],
    ['is an AIFF file', () => readFileSync(fileOf('stereo.aiff').path)],
    ['is an MP3 file', () => readFileSync(fileOf('stereo.mp3').path)],
    ['is Opus', () => opusBomb({ channels: 8, seconds: 50 })],
  ];
  for (const [what, make] of bombs)
    it(`is refused by its samples in all channels when it ${what}`, async () => {
      await using folder = await temporaryFolder();
      const path = join(folder.path, 'bomb');
      await writeFile(path, make());
      const before = process.memoryUsage().arrayBuffers;
      await assert.rejects(readWhole({ path, name: 'bomb' }, { ...limits, audioSamplesMax: 20_000 }), {
        code: 'audio_too_long',
        message: /more than 20000 samples in its \d channels together; .*VITRINE_AUDIO_SAMPLES_MAX/,
      });
      const grown = process.memoryUsage().arrayBuffers - before;
      assert.ok(grown < 100e6, `${grown} bytes`);
    });

  it('gives its decoder no more at once than makes a few megabytes, whatever comes before', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'bomb.flac');
    const [head, frames] = [42, flacBomb({ ...bomb, seconds: 4 })];
    const padding = Buffer.concat([Buffer.of(0x81, 0, 0xff, 0xff), Buffer.alloc(0xffff)]);
    const padded = Buffer.concat([frames.subarray(0, head), padding, frames.subarray(head)]);
    padded[4] = 0;
    await writeFile(path, padded);
    const soundLimits = { audioChannelsMax: 8, audioSamplesMax: 2 ** 30, secondsMax: 60, secondsSetting: '' };
    const largest = await withAudio({ path, name: 'bomb' }, soundLimits, async (audio) => {
      let most = 0;
      for await (const planes of audio.pieces()) most = Math.max(most, planes.length * (planes[0]?.length ?? 0));
      return most;
    });
    assert.ok(largest <= 2 * 2 ** 20, `${largest} samples at once`);
  });
});

/**
 * Left, right, centre, bass, and behind left and right, as WAV files have them; each its own tone.
 */
const surroundHz = [300, 500, 700, 60, 900, 1100];

function levelAt(samples: Float32Array, turnsPerSample: number): number {
  let [real, imaginary] = [0, 0];
  samples.forEach((sample, at) => {
    real += sample * Math.cos(2 * Math.PI * turnsPerSample * at);
    imaginary += sample * Math.sin(2 * Math.PI * turnsPerSample * at);
  });
  return Math.hypot(real, imaginary);
}

function withNaN(audio: Audio, encoding: WavEncoding): Uint8Array {
  audio.channels[0]?.fill(Number.NaN, 5000, 5001);
  return writeWav(audio, encoding);
}

/** The best correlation over delays of up to 3000 samples. */
function bestCorrelation(samples: Float32Array, wanted: Float32Array): number {
  let best = 0;
  for (let delay = -3000; delay <= 3000; delay += 1) {
    let [both, one, other] = [0, 0, 0];
    for (let at = 3000; at < 8000; at += 7) {
      const [x, y] = [samples[at + delay] ?? 0, wanted[at] as number];
      both += x * y;
      one += x * x;
      other += y * y;
    }
    best = Math.max(best, both / Math.sqrt(one * other || 1));
  }
  return best;
}
