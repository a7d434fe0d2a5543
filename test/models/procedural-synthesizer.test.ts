import assert from 'node:assert/strict';
import type { Tensor } from '../../src/engine/tensor.ts';
import { makeSound } from '../../src/tasks/generation/make-sound.ts';
import { planSound, synthesis } from '../../src/tasks/generation/plan-sound.ts';
import { readPrompt } from '../../src/tasks/generation/read-prompt.ts';
import { VoiceRenderer } from '../../src/tasks/generation/voice-renderer.ts';
import { FourierTransform } from '../../src/tasks/mathematics/fourier-transform.ts';
import { SeededRandom } from '../../src/tasks/mathematics/seeded-random.ts';
import { session } from './session.ts';

const rate = synthesis.sampleRateHz;

describe('the procedural synthesizer', () => {
  let run: Awaited<ReturnType<typeof session>>;
  before(async () => {
    run = await session('procedural-synthesizer');
  });

  async function render(group: Voices): Promise<Float32Array> {
    const { voices, modes, blocks, noiseBlocks, noise, noiseLevels, modeLevels } = group;
    const ofModes = (data: Float32Array) => ({ dims: [voices, modes], data });
    const answers = await run({
      frequencies: ofModes(group.frequencies),
      decays: ofModes(group.decays),
      amplitudes: ofModes(group.amplitudes),
      phases: ofModes(group.phases),
      mode_levels: { dims: [voices, blocks + 1], data: modeLevels },
      noise: { dims: [voices, noiseBlocks, synthesis.blockSamples], data: noise },
      noise_levels: { dims: [voices, synthesis.bands, noiseBlocks + 1], data: noiseLevels },
    });
    assert.deepEqual([...(answers.audio?.dims ?? [])], [voices, blocks, synthesis.blockSamples]);
    return answers.audio?.data as Float32Array;
  }

  async function generate(prompt: string, seconds: number, seed: number): Promise<Float32Array> {
    const pieces: Float32Array[] = [];
    for await (const piece of makeSound(readPrompt(prompt), { seconds, seed }, { infer, step })) pieces.push(piece);
    return Float32Array.from(pieces.flatMap((piece) => [...piece]));
  }

  async function infer(inputs: readonly Tensor[]): Promise<readonly Tensor[]> {
    const answers = await run(
      Object.fromEntries(inputs.map(({ name, shape, data }) => [name, { dims: shape, data: data as Float32Array }])),
    );
    const { dims, data } = answers.audio!;
    return [{ name: 'audio', datatype: 'FP32', shape: [...dims], data: data as Float32Array }];
  }

  it('makes damped sines as the formula says, also far from the start', async () => {
    const blocks = 200;
    const [frequency, decay, amplitude, phase] = [0.0123, 2e-5, 0.7, 0.2];
    const audio = await render({
      voices: 1,
      modes: 1,
      blocks,
      frequencies: Float32Array.of(frequency),
      decays: Float32Array.of(decay),
      amplitudes: Float32Array.of(amplitude),
      phases: Float32Array.of(phase),
      modeLevels: new Float32Array(blocks + 1).fill(1),
      noiseBlocks: 3,
      noise: new Float32Array(3 * 1024).fill(1),
      noiseLevels: new Float32Array(8 * 4),
    });
    const turns = Math.fround(frequency);
    let most = 0;
    audio.forEach((value, n) => {
      const wanted =
        amplitude * Math.exp(-Math.fround(decay) * n) * Math.sin(2 * Math.PI * (turns * n + Math.fround(phase)));
      most = Math.max(most, Math.abs(value - wanted));
    });
    assert.ok(most < 2e-5, `off by ${most}`);
  });

  it('gives every noise band the level asked for', async () => {
    const blocks = 64;
    for (const band of [0, 3, 7]) {
      const levels = new Float32Array(8 * (blocks + 1));
      levels.fill(0.5, band * (blocks + 1), (band + 1) * (blocks + 1));
      const silent = new Float32Array(1);
      const audio = await render({
        ...{ voices: 1, modes: 1, blocks, noiseBlocks: blocks, noiseLevels: levels },
        modeLevels: new Float32Array(blocks + 1),
        ...{ frequencies: silent, decays: silent, amplitudes: silent, phases: silent },
        noise: new SeededRandom(5, 'noise').normals(blocks * 1024),
      });
      const level = Math.sqrt(audio.reduce((sum, value) => sum + value ** 2, 0) / audio.length);
      assert.ok(Math.abs(level - 0.5) < 0.04, `band ${band}: ${level}`);
    }
  });

  it('moves levels in straight lines, and lets noise end before the modes', async () => {
    const blocks = 4;
    const [constant, none] = [Float32Array.of(1), Float32Array.of(0)];
    // A mode that does not turn, a quarter turn on: the constant 1, so that the output is the level
    // itself.
    const modes = { frequencies: none, decays: none, amplitudes: constant, phases: Float32Array.of(0.25) };
    const silentNoise = { noiseBlocks: 1, noise: new Float32Array(1024), noiseLevels: new Float32Array(16) };
    const ramp = await render({
      ...{ voices: 1, modes: 1, blocks, ...modes, ...silentNoise },
      modeLevels: Float32Array.of(0, 1, 1, 0.5, 0),
    });
    for (const [at, wanted] of [
      [0, 0],
      [512, 0.5],
      [1500, 1],
      [2560, 0.75],
      [3584, 0.25],
    ] as const) {
      assert.ok(Math.abs((ramp[at] as number) - wanted) < 1e-5, `${at}: ${ramp[at]}`);
    }
    const burst = await render({
      ...{ voices: 1, modes: 1, blocks, ...modes, noiseBlocks: 1 },
      modeLevels: new Float32Array(5),
      noise: new SeededRandom(1, 'burst').normals(1024),
      noiseLevels: new Float32Array(16).fill(1),
    });
    assert.ok(burst.subarray(0, 1024).some((value) => Math.abs(value) > 0.5));
    assert.ok(burst.subarray(1024).every((value) => value === 0));
  });

  it('makes the same bytes for the same prompt and seed, and others for another seed', async () => {
    const prompt = 'a bright glass bell in the rain';
    const first = await generate(prompt, 1.5, 42);
    assert.deepEqual(await generate(prompt, 1.5, 42), first);
    assert.notDeepEqual(await generate(prompt, 1.5, 43), first);
  });

  it('sounds the same wherever its voices are cut', async () => {
    for (const prompt of ['rain', 'a tone at 880 Hz', 'a bright bell']) {
      const [whole, cut] = [0, 1].map(() => {
        const [group] = planSound(readPrompt(prompt), 1, 9);
        return { blocks: group!.blocks, renderer: new VoiceRenderer(group!, infer) };
      });
      await whole!.renderer.reach(whole!.blocks);
      for (let block = 5; ; block += 7) {
        await cut!.renderer.reach(block);
        if (block >= cut!.blocks) break;
      }
      const [one, other] = [whole!, cut!].map(({ renderer }) => renderer.samplesOf(0, 0));
      assert.equal(one!.length, other!.length);
      const off = one!.reduce((most, value, at) => Math.max(most, Math.abs(value - other![at]!)), 0);
      assert.ok(off < 1e-3, `${prompt}: off by ${off}`);
    }
  });

  it('is exactly as long as asked, finite, and 3 dB below full scale', async () => {
    for (const prompt of [
      'rain',
      'three wooden knocks',
      'gusty wind and a distant bell',
      'a 60 hz hum',
      'fast footsteps',
    ]) {
      const audio = await generate(prompt, 1.234, 1);
      assert.equal(audio.length, Math.round(1.234 * rate));
      assert.ok(audio.every(Number.isFinite), prompt);
      const peak = audio.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assert.ok(peak <= 10 ** (-3 / 20) + 1e-6, `${prompt}: ${peak}`);
    }
  });

  it('sounds at the pitch that the prompt names', async () => {
    const loudest = loudestHz(await generate('a tone at 880 Hz', 1, 1));
    assert.ok(Math.abs(loudest - 880) < 3, `${loudest} Hz`);
    const named = loudestHz(await generate('string A3', 1, 1));
    assert.ok(Math.abs(named - 220) < 3, `${named} Hz`);
  });

  it('is brighter for a bright prompt than for a dark one', async () => {
    const centre = async (prompt: string) => spectralCentreHz(await generate(prompt, 1, 4));
    assert.ok((await centre('bright rain')) > 1.1 * (await centre('dark rain')));
    assert.ok((await centre('a bright bell')) > 1.1 * (await centre('a dark bell')));
  });

  it('strikes as often as the prompt says', async () => {
    const wish = readPrompt('three drums');
    const [group] = planSound(wish, 2, 1);
    assert.equal(group?.onsets.length, 3);
    const [steady] = planSound(readPrompt('drum at 120 bpm'), 3, 1);
    assert.equal(steady?.onsets.length, 6);
  });
});

async function step<T>(_name: string, act: () => T | Promise<T>): Promise<T> {
  return await act();
}

/** The inputs of one run, voices as rows. */
type Voices = {
  readonly voices: number;
  readonly modes: number;
  readonly blocks: number;
  readonly frequencies: Float32Array;
  readonly decays: Float32Array;
  readonly amplitudes: Float32Array;
  readonly phases: Float32Array;
  readonly modeLevels: Float32Array;
  readonly noiseBlocks: number;
  readonly noise: Float32Array;
  readonly noiseLevels: Float32Array;
};

function powers(audio: Float32Array): Float64Array {
  const size = 32_768;
  const real = new Float64Array(size);
  const imaginary = new Float64Array(size);
  for (let n = 0; n < size; n += 1) real[n] = (audio[n] ?? 0) * (0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size));
  new FourierTransform(size).forward(real, imaginary);
  return real.subarray(0, size / 2).map((value, at) => value ** 2 + (imaginary[at] as number) ** 2);
}

function loudestHz(audio: Float32Array): number {
  const power = powers(audio);
  return (power.indexOf(Math.max(...power)) * rate) / 32_768;
}

function spectralCentreHz(audio: Float32Array): number {
  const power = powers(audio);
  const sum = power.reduce((total, value) => total + value, 0);
  return (power.reduce((total, value, at) => total + value * at, 0) / sum) * (rate / 32_768);
}
