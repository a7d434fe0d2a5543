import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tensor } from '../../engine/tensor.ts';
import { encodePng } from '../../pictures/png.ts';
import { encodeNpy } from '../files/npy.ts';
import { SeededRandom } from '../mathematics/seeded-random.ts';
import type { ParametersOf } from '../task-parameters.ts';
import type { TaskHands, TaskWork } from '../task-work.ts';
import { type Alloy, alloys } from './alloys.ts';
import { type DiffusionStep, diffusionSchedule } from './diffusion-schedule.ts';
import { expected, measure, modelAccuracy } from './microstructure-statistics.ts';
import { powerSpectrum } from './power-spectrum.ts';
import { twoPhase } from './two-phase.ts';

type Parameters = ParametersOf<'microstructure'>;

/** More than a pixel takes in any of the formats, and than stands before the pixels. */
const pixelBytesMax = 3;
const headBytesMax = 64 * 1024;

/**
 * Noise to microstructures: a diffusion sampler, one engine call a step, then two phases and their
 * statistics against the exact ones.
 */
export const growMicrostructure: TaskWork<Parameters> = async (parameters, _files, hands) => {
  const { size, samples, steps, seed, exact } = parameters;
  const wish = wishOf(parameters);
  await hands.reserve(headBytesMax + samples * size * size * pixelBytesMax);
  const spectrum = powerSpectrum(wish.spectrum, size);
  const fields = await diffuse(spectrum, { size, samples, steps, seed }, hands);
  const phases = fields.map((field) => twoPhase(field, wish.volumeFraction, exact));
  const { measured, wanted, accuracy } = await hands.step('microstructure.measure', () => {
    const found = measure(phases, size);
    const exactly = expected(spectrum, size, wish.volumeFraction);
    return { measured: found, wanted: exactly, accuracy: modelAccuracy(found, exactly) };
  });
  hands.measured({
    alloy: wish.name,
    accuracy: { validationSet: wish.name, value: accuracy },
    defects: { silence: 0, clipping: 0, not_finite: fields.filter((field) => !field.every(Number.isFinite)).length },
  });
  const facts = {
    model: hands.model?.name,
    alloy: parameters.alloy ?? (parameters.spectrum ? null : wish.name),
    spectrum: wish.spectrum,
    volume_fraction: wish.volumeFraction,
    ...{ size, samples, steps, seed },
    model_accuracy: accuracy,
    measured: {
      volume_fraction: measured.volumeFraction,
      interface_density: measured.interfaceDensity,
      two_point_across: measured.twoPointAcross,
      two_point_down: measured.twoPointDown,
    },
    expected: { volume_fraction: wanted.volumeFraction, interface_density: wanted.interfaceDensity },
  };
  const written = await hands.step('files.write', () => write(parameters, phases, facts, hands.folder));
  return { ...written, facts };
};

function wishOf({
  alloy,
  spectrum,
  volume_fraction: fraction,
}: Parameters): Pick<Alloy, 'spectrum' | 'volumeFraction'> & { name: string } {
  if (spectrum) return { name: 'custom', spectrum, volumeFraction: fraction ?? 0.5 };
  const name = alloy ?? 'dual-phase-steel';
  return { name, spectrum: alloys[name].spectrum, volumeFraction: fraction ?? alloys[name].volumeFraction };
}

async function diffuse(
  spectrum: Float32Array,
  { size, samples, steps, seed }: { size: number; samples: number; steps: number; seed: number },
  { infer, progress }: TaskHands,
): Promise<Float32Array[]> {
  const shape = [samples, size, size];
  let field = new SeededRandom(seed, 'start').normals(samples * size * size);
  let estimate = new Float32Array(field.length);
  const schedule = diffusionSchedule(steps, spectrum);
  for (const [at, step] of schedule.entries()) {
    const answers = await infer([
      fp32('field', shape, field),
      fp32('previous_estimate', shape, estimate),
      // The engine owns its inputs, and the spectrum is needed again.
      fp32('spectrum', [size, size], spectrum.slice()),
      ...scalarsOf(step),
    ]);
    field = samplesOf(answers, 'next');
    estimate = samplesOf(answers, 'estimate');
    progress(at + 1, schedule.length, 'steps');
  }
  return Array.from({ length: samples }, (_, at) => field.slice(at * size * size, (at + 1) * size * size));
}

function scalarsOf({ signal, noise, keep, pull, momentum }: DiffusionStep): Tensor[] {
  return Object.entries({ signal, noise, keep, pull, momentum }).map(([name, value]) =>
    fp32(name, [1], Float32Array.of(value)),
  );
}

function samplesOf(answers: readonly Tensor[], name: string): Float32Array<ArrayBuffer> {
  return answers.find((tensor) => tensor.name === name)?.data as Float32Array<ArrayBuffer>;
}

function fp32(name: string, shape: readonly number[], data: Float32Array): Tensor {
  return { name, datatype: 'FP32', shape, data };
}

async function write(
  { format = 'png', size, samples }: Parameters,
  phases: readonly Uint8Array[],
  facts: Record<string, unknown>,
  folder: string,
) {
  const all = new Uint8Array(phases.length * size * size);
  phases.forEach((each, at) => {
    all.set(each, at * size * size);
  });
  const fileName = `microstructure.${format}`;
  const file = join(folder, fileName);
  const put = (bytes: Uint8Array | string) => writeFile(file, bytes, { flag: 'wx' });
  switch (format) {
    case 'png':
      // Samples stand one below the other.
      await put(
        encodePng(
          size,
          size * samples,
          all.map((phase) => phase * 255),
        ),
      );
      return { file, fileName, contentType: 'image/png' };
    case 'npy':
      await put(encodeNpy([samples, size, size], all));
      return { file, fileName, contentType: 'application/octet-stream' };
    case 'json': {
      const rows = (each: Uint8Array) =>
        Array.from({ length: size }, (_, row) => [...each.subarray(row * size, (row + 1) * size)]);
      await put(JSON.stringify({ ...facts, phases: phases.map(rows) }));
      return { file, fileName, contentType: 'application/json' };
    }
  }
}
