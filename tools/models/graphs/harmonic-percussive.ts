import { Graph } from '../onnx/write-onnx.ts';
import { Operators } from './operators.ts';
import { runningMedian } from './running-median.ts';

export const harmonicPercussive = { frameSamples: 2048, hopSamples: 512, medianWidth: 31 };

/**
 * Harmonic/percussive separation (Fitzgerald 2010), one graph from samples to samples. Long sounds
 * are horizontal lines of the spectrogram, short ones vertical. A median along one axis keeps one
 * kind and drops the other; the two medians make the mask. Figures as in librosa.effects.hpss:
 * Hann window of 2048, hop 512, medians of 31, soft mask with power 2.
 *
 * `audio` [channels, samples] becomes `harmonic` and `percussive` of the same shape, at any rate and
 * length. Channels are separate. The percussive stem is the input minus the harmonic stem: the masks
 * add up to one and the transform is exactly invertible. So the stems sum to the input, and one
 * inverse transform is saved.
 */
export function harmonicPercussiveGraph({ frameSamples, hopSamples, medianWidth } = harmonicPercussive): Graph {
  const graph = new Graph('harmonic_percussive');
  const ops = new Operators(graph);
  const audio = graph.input('audio', 'FP32', ['channels', 'samples']);
  const transform = new RealTransform(ops, frameSamples, hopSamples);

  const [real, imaginary] = ops.part('stft', () => transform.forward(audio));
  const magnitude = ops.part('magnitude', () => ops.node('Sqrt', [ops.add(ops.square(real), ops.square(imaginary))]));
  const lasting = ops.part('median_time', () => runningMedian(ops, magnitude, 1, medianWidth));
  const short = ops.part('median_frequency', () => runningMedian(ops, magnitude, 2, medianWidth));
  const mask = ops.part('mask', () => softMask(ops, lasting, short));
  const harmonic = ops.part('istft', () =>
    transform.inverse(ops.multiply(real, mask), ops.multiply(imaginary, mask), ops.dimensions(audio, 1, 2)),
  );
  ops.named('harmonic', 'Identity', [harmonic]);
  ops.named('percussive', 'Sub', [audio, harmonic]);
  graph.output('harmonic', 'FP32', ['channels', 'samples']);
  graph.output('percussive', 'FP32', ['channels', 'samples']);
  return graph;
}

/**
 * a² / (a² + b²), computed on ratios so that neither tiny nor huge values lose it; where both are
 * nothing, one half.
 */
function softMask(ops: Operators, a: string, b: string): string {
  const nothing = ops.float(1e-30);
  const [one, other] = [ops.node('Max', [a, nothing]), ops.node('Max', [b, nothing])];
  const larger = ops.node('Max', [one, other]);
  const wanted = ops.square(ops.divide(one, larger));
  const rest = ops.square(ops.divide(other, larger));
  return ops.divide(wanted, ops.add(wanted, rest));
}

/**
 * The short-time Fourier transform of real signals and its inverse, as two matrix products each way.
 * A frame is first folded into its even and odd halves (x[n] ± x[N−n]). Cosines need the even half,
 * sines the odd one. Each matrix is a quarter of the plain one, symmetric, and its own inverse.
 * The graph makes the matrices from one period of a cosine, so the file stays small; ONNX Runtime
 * folds them into constants when it loads the model.
 */
class RealTransform {
  readonly #ops: Operators;
  readonly #frame: number;
  readonly #hop: number;
  readonly #cosines: string;
  readonly #sines: string;
  readonly #window: string;
  readonly #windowOfFrame: number[];
  /**
   * For n = 0 … N/2: where x[N−n] stands. The two ends have no partner; a weight of 0 takes it out.
   */
  readonly #partner: string;
  readonly #paired: string;

  constructor(ops: Operators, frameSamples: number, hopSamples: number) {
    const half = frameSamples / 2;
    const turn = (n: number) => (2 * Math.PI * n) / frameSamples;
    const oneTurn = Array.from({ length: frameSamples }, (_, n) => n);
    this.#ops = ops;
    this.#frame = frameSamples;
    this.#hop = hopSamples;
    this.#windowOfFrame = oneTurn.map((n) => 0.5 - 0.5 * Math.cos(turn(n)));
    [this.#cosines, this.#sines, this.#window, this.#partner, this.#paired] = ops.part('tables', () => {
      const index = ops.range(ops.integer(half + 1));
      const products = ops.multiply(ops.unsqueeze(index, 1), ops.unsqueeze(index, 0));
      const phases = ops.node('Mod', [products, ops.integer(frameSamples)]);
      const table = (wave: (angle: number) => number) =>
        ops.node(
          'Gather',
          [
            ops.floats(
              [frameSamples],
              oneTurn.map((n) => wave(turn(n))),
            ),
            phases,
          ],
          { axis: 0 },
        );
      const ends = (n: number) => n === 0 || n === half;
      return [
        table(Math.cos),
        table(Math.sin),
        ops.floats([frameSamples], this.#windowOfFrame),
        ops.integers(oneTurn.slice(0, half + 1).map((n) => (frameSamples - n) % frameSamples)),
        ops.floats(
          [half + 1],
          oneTurn.slice(0, half + 1).map((n) => (ends(n) ? 0 : 1)),
        ),
      ];
    });
  }

  /**
   * [channels, samples] to real and imaginary [channels, frames, bins]; frame f is centred on sample
   * f · hop, silence around.
   */
  forward(audio: string): [real: string, imaginary: string] {
    const ops = this.#ops;
    const half = this.#frame / 2;
    const windowed = ops.multiply(this.#frames(audio), this.#window);
    const direct = ops.slice(windowed, 2, 0, half + 1);
    const partner = ops.multiply(ops.node('Gather', [windowed, this.#partner], { axis: 2 }), this.#paired);
    const real = ops.node('MatMul', [ops.add(direct, partner), this.#cosines]);
    const imaginary = ops.node('MatMul', [ops.subtract(partner, direct), this.#sines]);
    return [real, imaginary];
  }

  /**
   * The signal of `length` samples ([1]) whose windowed frames come closest to the spectra given
   * (weighted overlap-add).
   */
  inverse(real: string, imaginary: string, length: string): string {
    const ops = this.#ops;
    const half = this.#frame / 2;
    const weights = Array.from({ length: half + 1 }, (_, k) => (k === 0 || k === half ? 1 : 2) / this.#frame);
    const weight = ops.floats([half + 1], weights);
    const even = ops.node('MatMul', [ops.multiply(real, weight), this.#cosines]);
    const odd = ops.node('MatMul', [ops.multiply(imaginary, weight), this.#sines]);
    // y[n] = even − odd for the first half; y[N−n] = even + odd for the second, read backwards.
    const back = ops.integers(Array.from({ length: half - 1 }, (_, n) => half - 1 - n));
    const second = ops.node('Gather', [ops.add(even, odd), back], { axis: 2 });
    const frames = ops.node('Concat', [ops.subtract(even, odd), second], { axis: 2 });
    const sum = this.#overlapAdd(ops.multiply(frames, this.#window));
    const squares = ops.floats(
      [1, 1, this.#frame],
      this.#windowOfFrame.map((value) => value * value),
    );
    const shape = ops.node('Concat', [ops.integers([1]), ops.dimensions(real, 1, 2), ops.integers([this.#frame])], {
      axis: 0,
    });
    const norm = this.#overlapAdd(ops.node('Expand', [squares, shape]));
    const start = ops.integers([half]);
    const bounds = [start, ops.add(start, length), ops.integers([1])];
    return ops.divide(ops.node('Slice', [sum, ...bounds]), ops.node('Slice', [norm, ...bounds]));
  }

  /**
   * [channels, samples] to overlapping frames [channels, frames, N]: rows of one hop, each beside
   * those that follow it.
   */
  #frames(audio: string): string {
    const ops = this.#ops;
    const perFrame = this.#frame / this.#hop;
    const length = ops.dimensions(audio, 1, 2);
    const hop = ops.integers([this.#hop]);
    // Half a frame of silence on both sides, and what is missing to whole hops.
    const missing = ops.node('Mod', [ops.node('Neg', [length]), hop]);
    const after = ops.add(missing, ops.integers([this.#frame / 2]));
    const pads = ops.node('Concat', [ops.integers([0, this.#frame / 2, 0]), after], { axis: 0 });
    const padded = ops.node('Pad', [audio, pads, ops.float(0)]);
    const rows = ops.node('Reshape', [padded, ops.integers([0, -1, this.#hop])]);
    // 1 + floor(samples / hop) frames: where hops are not whole, the last row begins none.
    const count = ops.add(ops.node('Div', [length, hop]), ops.integers([1]));
    const beside = Array.from({ length: perFrame }, (_, at) => {
      const from = ops.integers([at]);
      return ops.node('Slice', [rows, from, ops.add(from, count), ops.integers([1])]);
    });
    return ops.node('Concat', beside, { axis: 2 });
  }

  /**
   * Frames [channels, frames, N] added up where they overlap: [channels, (frames + N/hop − 1) · hop].
   */
  #overlapAdd(frames: string): string {
    const ops = this.#ops;
    const perFrame = this.#frame / this.#hop;
    const moved = Array.from({ length: perFrame }, (_, at) => {
      const part = ops.slice(frames, 2, at * this.#hop, (at + 1) * this.#hop);
      return ops.node('Pad', [part, ops.integers([0, at, 0, 0, perFrame - 1 - at, 0]), ops.float(0)]);
    });
    const rows = moved.reduce((sum, each) => ops.add(sum, each));
    return ops.node('Reshape', [rows, ops.integers([0, -1])]);
  }
}
