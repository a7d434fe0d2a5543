import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { readWav } from '../../src/audio/read-wav.ts';
import { writeWav } from '../../src/audio/write-wav.ts';
import { brokenSeparator, fixedSeparator } from '../../testkit/models/separators.ts';
import { fixtureSound } from '../../testkit/task-runner.ts';
import { type ServedApi, serveApi } from '../api/serve-api.ts';
import { form, nothingLeft, unzip } from './serve-tasks.ts';

describe('a separator of one’s own', () => {
  let api: ServedApi;
  before(async () => {
    const chunk = { chunk_samples: 3000, context_samples: 200, fade_samples: 100 };
    api = await serveApi({
      stereo: {
        onnx: fixedSeparator(2, 4096),
        manifest: { separator: { stems: ['vocals', 'accompaniment'], channels: 2, sample_rate_hz: 44_100, ...chunk } },
      },
      'at-22050': {
        onnx: fixedSeparator(1, 4096),
        manifest: { separator: { stems: ['vocals', 'accompaniment'], channels: 1, sample_rate_hz: 22_050, ...chunk } },
      },
      broken: {
        onnx: brokenSeparator(),
        manifest: { probe_dimensions: { samples: 512 }, separator: { stems: ['good', 'bad'], chunk_samples: 4096 } },
      },
      'too-long': {
        onnx: fixedSeparator(1, 1024),
        manifest: { separator: { stems: ['a', 'b'], channels: 1, chunk_samples: 4096 } },
      },
    });
  });
  after(() => api[Symbol.asyncDispose]());

  const separate = async (model_name: string, bytes: Uint8Array) =>
    api.fetch('/separate', {
      method: 'POST',
      body: form([{ name: 'x.wav', bytes }], { model_name, encoding: 'float32' }),
    });
  const stemsOf = async (answer: Response) => {
    assert.equal(answer.status, 200, answer.ok ? '' : await answer.text());
    return [...unzip(Buffer.from(await answer.arrayBuffer()))].map(([name, wav]) => [name, readWav(wav)] as const);
  };

  it('takes its place by the separator section of its manifest alone, in chunks of a fixed length', async () => {
    const bytes = await readFile(fixtureSound('formats/stereo.wav'));
    const sound = readWav(bytes);
    const stems = await stemsOf(await separate('stereo', bytes));
    assert.deepEqual(
      stems.map(([name]) => name),
      ['vocals.wav', 'accompaniment.wav'],
    );
    stems.forEach(([, stem], at) => {
      assert.equal(stem.channels.length, 2);
      stem.channels.forEach((samples, channel) => {
        assert.equal(samples.length, sound.channels[channel]?.length);
        samples.forEach((sample, index) => {
          const wanted = (at === 0 ? 0.25 : 0.75) * (sound.channels[channel]?.[index] as number);
          assert.ok(Math.abs(sample - wanted) < 1e-6, `${index}: ${sample}, wanted ${wanted}`);
        });
      });
    });
  });

  it('is given one channel as often as it wants, and its answers are averaged', async () => {
    const samples = Float32Array.from({ length: 10_000 }, (_, at) => Math.sin(at / 20));
    const stems = await stemsOf(
      await separate('stereo', writeWav({ sampleRateHz: 44_100, channels: [samples] }, 'float32')),
    );
    const [, vocals] = stems[0] as (typeof stems)[0];
    assert.equal(vocals.channels.length, 1);
    vocals.channels[0]?.forEach((sample, at) => {
      assert.ok(Math.abs(sample - 0.25 * (samples[at] as number)) < 1e-6);
    });
  });

  it('works at its own rate, and the stems come back at the sound’s, as long as it', async () => {
    for (const [rate, length] of [
      [44_100, 50_001],
      [48_000, 30_007],
      [16_000, 20_000],
    ] as const) {
      const samples = Float32Array.from({ length }, (_, at) => 0.5 * Math.sin((2 * Math.PI * 500 * at) / rate));
      const stems = await stemsOf(
        await separate('at-22050', writeWav({ sampleRateHz: rate, channels: [samples, samples] }, 'float32')),
      );
      for (const [at, [, stem]] of stems.entries()) {
        assert.equal(stem.sampleRateHz, rate);
        assert.equal(stem.channels.length, 2);
        assert.equal(stem.channels[0]?.length, length);
        for (let index = 2000; index < length - 2000; index += 1) {
          const wanted = (at === 0 ? 0.25 : 0.75) * (samples[index] as number);
          assert.ok(Math.abs((stem.channels[1]?.[index] as number) - wanted) < 2e-3, `${rate} ${index}`);
        }
      }
    }
  });

  it('whose answer is no number is never given out', async () => {
    const answer = await separate(
      'broken',
      writeWav({ sampleRateHz: 8000, channels: [new Float32Array(9000).fill(0.1)] }),
    );
    assert.equal(answer.status, 500);
    assert.equal(((await answer.json()) as { code: string }).code, 'inference_failed');
    const defects = api.meter.counter('outputDefects').points();
    const broken = defects.findLast(({ labels }) => labels.model === 'broken' && labels.kind === 'not_finite');
    assert.equal(broken?.value, 1);
    await nothingLeft(api);
  });

  it('whose manifest says more than its file takes is told so', async () => {
    const answer = await separate(
      'too-long',
      writeWav({ sampleRateHz: 8000, channels: [new Float32Array(9000).fill(0.1)] }),
    );
    assert.equal(answer.status, 422);
    assert.match(((await answer.json()) as { error: string }).error, /correct the separator section/);
  });

  it('is listed where one is asked for that is not there', async () => {
    const answer = await separate('htdemucs_6s', await readFile(fixtureSound('formats/stereo.wav')));
    assert.match(((await answer.json()) as { error: string }).error, /at-22050, broken, stereo, too-long/);
  });
});
