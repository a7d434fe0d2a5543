import type { Tensor } from '../../engine/tensor.ts';
import type { TaskHands } from '../task-work.ts';
import { type Mode, synthesis, timeOf, type Voice, type VoiceGroup } from './plan-sound.ts';

const { blockSamples, bands, sampleRateHz } = synthesis;

/** The model's filters reach over half of so many samples, less than a block. */
const contextBlocks = 1;

/**
 * The voices of a group through the model, some blocks at a time and no earlier than they are
 * needed: a sound can begin to be heard before its end is made. Where the pieces are cut is the
 * same each time, so the same plan makes the same bytes.
 */
export class VoiceRenderer {
  readonly #group: VoiceGroup;
  readonly #infer: TaskHands['infer'];
  readonly #noise: readonly VoiceNoise[];
  /** Of each voice, what is rendered; before `#from` nothing is needed any more. */
  #samples: Float32Array[];
  #from = 0;
  #blocks = 0;

  constructor(group: VoiceGroup, infer: TaskHands['infer']) {
    this.#group = group;
    this.#infer = infer;
    this.#noise = group.voices.map((voice) => new VoiceNoise(voice));
    this.#samples = group.voices.map(() => new Float32Array());
  }

  /** So far, in samples from the beginning of a voice. */
  get rendered(): number {
    return this.#blocks * blockSamples;
  }

  /** Renders blocks up to this one. */
  async reach(block: number): Promise<void> {
    const { voices, blocks } = this.#group;
    const to = Math.min(blocks, block);
    if (to <= this.#blocks) return;
    const from = this.#blocks;
    const first = Math.max(0, from - contextBlocks);
    const last = Math.min(blocks, to + contextBlocks);
    const [audio] = await this.#infer(this.#inputs(first, last));
    const data = audio?.data as Float32Array;
    const length = (last - first) * blockSamples;
    const [start, end] = [(from - first) * blockSamples, (to - first) * blockSamples];
    this.#samples = voices.map((_, voice) =>
      joined(this.#samples[voice]!, data.subarray(voice * length + start, voice * length + end)),
    );
    this.#blocks = to;
  }

  /** What is rendered of a voice from this sample on. */
  samplesOf(voice: number, from: number): Float32Array {
    return this.#samples[voice]!.subarray(from - this.#from);
  }

  /** What lies before this sample of a voice is not asked for again. */
  forget(before: number): void {
    const gone = Math.min(before, this.rendered) - this.#from;
    if (gone <= 0) return;
    this.#samples = this.#samples.map((samples) => samples.slice(gone));
    this.#from += gone;
  }

  #inputs(first: number, last: number): Tensor[] {
    const { voices, noiseBlocks } = this.#group;
    const modes = voices.reduce((most, voice) => Math.max(most, voice.modes.length), 1);
    const ofModes = (value: (mode: Mode) => number) =>
      table([voices.length, modes], (voice, at) => {
        const mode = voices[voice]!.modes[at];
        return mode ? value(mode) : 0;
      });
    const start = first * blockSamples;
    // One block of silence where the noise is over.
    const noisy = Math.max(1, Math.min(noiseBlocks, last) - first);
    const noise = new Float32Array(voices.length * noisy * blockSamples);
    if (first < noiseBlocks)
      for (const [voice, source] of this.#noise.entries())
        noise.set(source.blocks(first, first + noisy), voice * noisy * blockSamples);
    const noiseLevel = (row: number, border: number) =>
      voices[Math.floor(row / bands)]!.noiseLevel(row % bands, timeOf(first + border));
    return [
      fp32(
        'frequencies',
        [voices.length, modes],
        ofModes(({ hz }) => hz / sampleRateHz),
      ),
      fp32(
        'decays',
        [voices.length, modes],
        ofModes(({ fadePerSecond }) => fadePerSecond / sampleRateHz),
      ),
      fp32(
        'amplitudes',
        [voices.length, modes],
        ofModes((mode) => amplitudeAt(mode, start)),
      ),
      fp32(
        'phases',
        [voices.length, modes],
        ofModes((mode) => phaseAt(mode, start)),
      ),
      fp32(
        'mode_levels',
        [voices.length, last - first + 1],
        table([voices.length, last - first + 1], (voice, border) => voices[voice]!.modeLevel(timeOf(first + border))),
      ),
      fp32('noise', [voices.length, noisy, blockSamples], noise),
      fp32('noise_levels', [voices.length, bands, noisy + 1], table([voices.length * bands, noisy + 1], noiseLevel)),
    ];
  }
}

/** The noise of a voice, drawn in its order; of what was drawn, the last blocks are remembered. */
class VoiceNoise {
  readonly #voice: Voice;
  #drawn = new Float32Array();
  #from = 0;

  constructor(voice: Voice) {
    this.#voice = voice;
  }

  /** From no earlier than the blocks that were asked for last. */
  blocks(first: number, last: number): Float32Array {
    const missing = last - this.#from - this.#drawn.length / blockSamples;
    if (missing > 0) this.#drawn = joined(this.#drawn, this.#draw(missing));
    if (first > this.#from) {
      this.#drawn = this.#drawn.slice((first - this.#from) * blockSamples);
      this.#from = first;
    }
    return this.#drawn.subarray(0, (last - first) * blockSamples);
  }

  #draw(blocks: number): Float32Array {
    const { random, noiseFadePerSecond } = this.#voice;
    const start = this.#from * blockSamples + this.#drawn.length;
    const noise = random.normals(blocks * blockSamples);
    if (noiseFadePerSecond === 0) return noise;
    return noise.map((value, at) => value * Math.exp((-noiseFadePerSecond * (start + at)) / sampleRateHz));
  }
}

function amplitudeAt({ amplitude, fadePerSecond }: Mode, sample: number): number {
  return amplitude * Math.exp((-fadePerSecond * sample) / sampleRateHz);
}

/** In turns, less whole ones. */
function phaseAt({ phase, hz }: Mode, sample: number): number {
  const turns = phase + (hz * sample) / sampleRateHz;
  return turns - Math.floor(turns);
}

function table(
  [rows, columns]: readonly [number, number],
  value: (row: number, column: number) => number,
): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, at) => value(Math.floor(at / columns), at % columns));
}

function fp32(name: string, shape: number[], data: Float32Array): Tensor {
  return { name, datatype: 'FP32', shape, data };
}

function joined(one: Float32Array, other: Float32Array): Float32Array<ArrayBuffer> {
  const both = new Float32Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
