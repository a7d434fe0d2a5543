import type { Planes } from '../../audio/planes.ts';
import type { Manifest } from '../../engine/registry/manifest.ts';
import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import type { TaskModel } from '../task-model.ts';
import type { TaskHands } from '../task-work.ts';
import type { ChunkPlan } from './separate-in-chunks.ts';

type Section = NonNullable<Manifest['separator']>;

/**
 * A model of the repository as its manifest's separator section describes it: waveform in, stems
 * out.
 */
export class Separator {
  readonly stems: readonly string[];
  readonly #section: Section;
  readonly #model: TaskModel;
  readonly #infer: TaskHands['infer'];

  constructor(model: TaskModel, infer: TaskHands['infer']) {
    if (!model.separator) throw new Error(`Model ${model.name} has no separator section.`);
    this.stems = model.separator.stems;
    this.#section = model.separator;
    this.#model = model;
    this.#infer = infer;
  }

  get plan(): ChunkPlan {
    const { chunk_samples, context_samples, fade_samples } = this.#section;
    return { coreSamples: chunk_samples, contextSamples: context_samples, fadeSamples: fade_samples, inFlightMax: 2 };
  }

  /** The rate that the model was made for; undefined where it takes any. */
  get sampleRateHz(): number | undefined {
    return this.#section.sample_rate_hz;
  }

  /**
   * One chunk: its stems in the manifest's order, each with the channels and the length of what was
   * given.
   */
  async separate(chunk: Planes): Promise<readonly Planes[]> {
    const { channels } = this.#section;
    if (channels === undefined || channels === chunk.length) return this.#run(chunk);
    if (channels === 1) return sideBySide(await Promise.all(chunk.map((plane) => this.#run([plane]))));
    if (chunk.length === 1) {
      // What has one channel is given to all that the model wants, and their answers are averaged.
      const stems = await this.#run(Array.from({ length: channels }, () => (chunk[0] as Float32Array).slice()));
      return stems.map((planes) => [average(planes)]);
    }
    throw new ServiceError(
      'invalid_input',
      say`Cannot separate ${chunk.length} channels with model ${ours(this.#model.name)}: it takes ${channels}; send one channel or ${channels}.`,
    );
  }

  async #run(chunk: Planes): Promise<readonly Planes[]> {
    const [input] = this.#model.inputs;
    if (!input) throw new Error(`Model ${this.#model.name} has no input.`);
    const length = chunk[0]?.length ?? 0;
    const declared = input.shape.at(-1) ?? -1;
    const padded = declared > 0 ? declared : length;
    if (length > padded)
      throw notAsDeclared(this.#model.name, `a chunk has ${length} samples and its input takes ${declared}`);
    const data = flat(chunk, padded);
    const shape = [
      ...Array<number>(Math.max(0, input.shape.length - 2)).fill(1),
      ...(input.shape.length === 1 ? [] : [chunk.length]),
      padded,
    ];
    const outputs = await this.#infer([{ name: input.name, datatype: 'FP32', shape, data }]);
    return this.#stemsOf(
      outputs.map(({ name, data: samples }) => ({ name, samples: samples as Float32Array })),
      chunk.length,
      length,
    );
  }

  /** One output a stem, named after it; or one output with all stems, in the manifest's order. */
  #stemsOf(outputs: readonly { name: string; samples: Float32Array }[], channels: number, length: number): Planes[] {
    const [only] = outputs;
    const parts =
      outputs.length === 1 && this.stems.length > 1 && only
        ? this.stems.map((_, index) => part(only.samples, this.stems.length, index))
        : this.stems.map((stem, index) => (outputs.find(({ name }) => name === stem) ?? outputs[index])?.samples);
    return parts.map((samples, index) => {
      if (!samples || samples.length % channels !== 0 || samples.length / channels < length)
        throw notAsDeclared(this.#model.name, `its output for ${this.stems[index]} is not as long as its input`);
      const whole = samples.length / channels;
      return Array.from({ length: channels }, (_, channel) =>
        samples.subarray(channel * whole, channel * whole + length),
      );
    });
  }
}

function flat(planes: Planes, length: number): Float32Array {
  const [first] = planes;
  if (planes.length === 1 && first?.length === length) return first;
  const joined = new Float32Array(planes.length * length);
  planes.forEach((plane, channel) => {
    joined.set(plane, channel * length);
  });
  return joined;
}

function part(samples: Float32Array, parts: number, index: number): Float32Array {
  const length = samples.length / parts;
  return samples.subarray(index * length, (index + 1) * length);
}

/** Stems of each channel by itself to stems with all channels. */
function sideBySide(byChannel: readonly (readonly Planes[])[]): Planes[] {
  return (byChannel[0] ?? []).map((_, stem) => byChannel.map((stems) => stems[stem]?.[0] as Float32Array));
}

function average(planes: Planes): Float32Array {
  const [first] = planes;
  return (first as Float32Array).map(
    (_, at) => planes.reduce((sum, plane) => sum + (plane[at] as number), 0) / planes.length,
  );
}

function notAsDeclared(model: string, why: string): ServiceError {
  return new ServiceError(
    'invalid_model',
    say`Cannot separate with model ${ours(model)}: ${ours(why)}; correct the separator section of its model.json.`,
  );
}
