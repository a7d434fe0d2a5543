import { Graph } from '../onnx/write-onnx.ts';
import { Operators } from './operators.ts';

export const synthesizer = { blockSamples: 1024, bands: 8, bandTaps: 255 };

/**
 * A synthesizer of struck and blown things: each voice is a sum of damped sines (modes) and of
 * noise in eight octave bands whose levels move. Nothing in it is learned. Times are in samples and
 * frequencies in turns a sample, so it works at any rate.
 *
 * Sines are not computed sample by sample. By the addition theorem a sine at block start + n is a
 * product of a factor of the block and a factor of n. So all samples of all modes are one matrix
 * product. Phases are taken to whole turns in double precision first.
 *
 * `noise` is given by the caller (white, unit variance), which makes the same seed the same sound.
 * It may end before the modes do. `noise_levels` are root mean squares of the bands, `mode_levels`
 * factors of all modes, both at the borders between blocks (one more than there are blocks) with
 * straight lines in between.
 */
export function proceduralSynthesizerGraph({ blockSamples, bands, bandTaps } = synthesizer): Graph {
  const graph = new Graph('procedural_synthesizer');
  const ops = new Operators(graph);
  const [frequencies, decays, amplitudes, phases] = ['frequencies', 'decays', 'amplitudes', 'phases'].map((name) =>
    graph.input(name, 'FP32', ['voices', 'modes']),
  ) as [string, string, string, string];
  const modeLevels = graph.input('mode_levels', 'FP32', ['voices', 'borders']);
  const noise = graph.input('noise', 'FP32', ['voices', 'noise_blocks', blockSamples]);
  const noiseLevels = graph.input('noise_levels', 'FP32', ['voices', bands, 'noise_borders']);
  const rise = ops.floats(
    [blockSamples],
    Array.from({ length: blockSamples }, (_, n) => n / blockSamples),
  );
  const blocks = ops.subtract(ops.dimension(modeLevels, 1), ops.integer(1));

  const modes = ops.part('modes', () => {
    const starts = ops.unsqueeze(ops.multiply(ops.range(blocks), ops.integer(blockSamples)), 1);
    const within = ops.unsqueeze(ops.range(ops.integer(blockSamples)), 0);
    const atStart = dampedTurns(ops, starts, ops.unsqueeze(frequencies, 1), ops.unsqueeze(decays, 1));
    const atSample = dampedTurns(ops, within, ops.unsqueeze(frequencies, 2), ops.unsqueeze(decays, 2));
    const angle = radians(ops, ops.add(atStart.turns, ops.unsqueeze(phases, 1)));
    const strength = ops.multiply(atStart.damping, ops.unsqueeze(amplitudes, 1));
    const inner = radians(ops, atSample.turns);
    const left = [ops.node('Sin', [angle]), ops.node('Cos', [angle])].map((each) => ops.multiply(each, strength));
    const right = [ops.node('Cos', [inner]), ops.node('Sin', [inner])].map((each) =>
      ops.multiply(each, atSample.damping),
    );
    const sum = ops.node('MatMul', [ops.node('Concat', left, { axis: 2 }), ops.node('Concat', right, { axis: 1 })]);
    return ops.multiply(sum, straightLines(ops, modeLevels, 1, rise));
  });

  const texture = ops.part('texture', () => {
    const line = ops.node('Reshape', [noise, ops.integers([0, 1, -1])]);
    const filters = ops.floats([bands, 1, bandTaps], octaveBands(bands, bandTaps));
    const half = (bandTaps - 1) / 2;
    const filtered = ops.node('Conv', [line, filters], { pads: [half, half] });
    const inBlocks = ops.node('Reshape', [filtered, ops.integers([0, 0, -1, blockSamples])]);
    const levelled = ops.multiply(inBlocks, straightLines(ops, noiseLevels, 2, rise));
    const sum = ops.node('ReduceSum', [levelled, ops.integers([1])], { keepdims: 0 });
    const missing = ops.subtract(blocks, ops.dimension(noise, 1));
    const pads = ops.node('Concat', [ops.integers([0, 0, 0, 0]), ops.unsqueeze(missing, 0), ops.integers([0])], {
      axis: 0,
    });
    return ops.node('Pad', [sum, pads, ops.float(0)]);
  });

  ops.named('audio', 'Add', [modes, texture]);
  graph.output('audio', 'FP32', ['voices', 'blocks', blockSamples]);
  return graph;
}

/**
 * From levels at the borders (the last of `axis + 1` dimensions) to one for every sample of every
 * block.
 */
function straightLines(ops: Operators, levels: string, axis: number, rise: string): string {
  const from = ops.unsqueeze(ops.slice(levels, axis, 0, -1), axis + 1);
  const to = ops.unsqueeze(ops.slice(levels, axis, 1), axis + 1);
  return ops.add(from, ops.multiply(ops.subtract(to, from), rise));
}

/** How far a mode has turned (less whole turns) and faded after some samples. */
function dampedTurns(ops: Operators, samples: string, frequencies: string, decays: string) {
  const [float, double] = [1, 11];
  const precise = (value: string) => ops.node('Cast', [value], { to: double });
  const turns = ops.multiply(precise(samples), precise(frequencies));
  const partial = ops.node('Cast', [ops.subtract(turns, ops.node('Floor', [turns]))], { to: float });
  const faded = ops.multiply(ops.node('Cast', [samples], { to: float }), decays);
  return { turns: partial, damping: ops.node('Exp', [ops.node('Neg', [faded])]) };
}

function radians(ops: Operators, turns: string): string {
  return ops.multiply(turns, ops.float(2 * Math.PI));
}

/**
 * Windowed-sinc band passes between halvings of half the rate; the lowest reaches down to 0.
 * Each is scaled so that white noise of variance 1 keeps its variance.
 */
export function octaveBands(bands: number, taps: number): number[] {
  const edges = [0, ...Array.from({ length: bands }, (_, band) => 2 ** (band - bands))];
  return edges.slice(1).flatMap((high, band) => {
    const low = edges[band] ?? 0;
    const kernel = Array.from({ length: taps }, (_, index) => {
      const n = index - (taps - 1) / 2;
      const hann = 0.5 + 0.5 * Math.cos((2 * Math.PI * n) / (taps + 1));
      return hann * (lowPass(high, n) - lowPass(low, n));
    });
    const power = Math.sqrt(kernel.reduce((sum, value) => sum + value * value, 0));
    return kernel.map((value) => value / power);
  });
}

/** The ideal low pass at `edge` turns a sample. */
function lowPass(edge: number, n: number): number {
  return n === 0 ? 2 * edge : Math.sin(2 * Math.PI * edge * n) / (Math.PI * n);
}
