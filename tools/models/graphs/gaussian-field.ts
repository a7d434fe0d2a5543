import { Graph } from '../onnx/write-onnx.ts';
import { Operators } from './operators.ts';

/**
 * One step of a diffusion sampler for Gaussian fields. Nothing is learned. For a Gaussian with
 * known power spectrum S the ideal denoiser has a closed form: the Wiener filter a·S / (a²·S + s²)
 * in the Fourier domain, where `field` = a · clean + s · noise.
 *
 * `estimate` is the denoised field, and `next` = keep · field + pull · (estimate + momentum ·
 * (estimate − previous_estimate)). The caller's schedule makes it a first-order (momentum 0) or a
 * second-order multistep sampler. Either takes one engine call a step.
 *
 * The transform is the separable Hartley transform, a product with one real symmetric matrix from
 * each side that is its own inverse. It diagonalizes covariances whose spectrum is symmetric in
 * each axis for itself: fields may be stretched along the axes, not askew.
 */
export function gaussianFieldGraph(): Graph {
  const graph = new Graph('gaussian_field');
  const ops = new Operators(graph);
  const shape = ['samples', 'rows', 'columns'];
  const field = graph.input('field', 'FP32', shape);
  const previous = graph.input('previous_estimate', 'FP32', shape);
  const spectrum = graph.input('spectrum', 'FP32', ['rows', 'columns']);
  const [signal, noise, keep, pull, momentum] = ['signal', 'noise', 'keep', 'pull', 'momentum'].map((name) =>
    graph.input(name, 'FP32', [1]),
  ) as [string, string, string, string, string];

  const [down, across] = ops.part('hartley_matrices', () => [
    hartleyMatrix(ops, ops.dimension(field, 1)),
    hartleyMatrix(ops, ops.dimension(field, 2)),
  ]) as [string, string];
  const transform = (value: string) => ops.node('MatMul', [ops.node('MatMul', [down, value]), across]);

  const waves = ops.part('transform', () => transform(field));
  const gain = ops.part('wiener', () => {
    const wanted = ops.multiply(spectrum, signal);
    return ops.divide(wanted, ops.add(ops.multiply(wanted, signal), ops.square(noise)));
  });
  const estimate = ops.part('inverse', () => transform(ops.multiply(waves, gain)));
  const pulled = ops.part('step', () => {
    const ahead = ops.multiply(ops.subtract(estimate, previous), momentum);
    return ops.multiply(ops.add(estimate, ahead), pull);
  });
  ops.named('next', 'Add', [ops.multiply(field, keep), pulled]);
  ops.named('estimate', 'Identity', [estimate]);
  graph.output('next', 'FP32', shape);
  graph.output('estimate', 'FP32', shape);
  return graph;
}

/**
 * (cos + sin)(2π·n·k / size) / √size; the product is taken modulo the size first, or large sizes
 * lose the phase.
 */
function hartleyMatrix(ops: Operators, size: string): string {
  const index = ops.range(size);
  const products = ops.multiply(ops.unsqueeze(index, 1), ops.unsqueeze(index, 0));
  const real = (value: string) => ops.node('Cast', [value], { to: 1 });
  const turn = ops.divide(real(ops.node('Mod', [products, size])), real(size));
  const angle = ops.multiply(turn, ops.float(2 * Math.PI));
  const waves = ops.add(ops.node('Cos', [angle]), ops.node('Sin', [angle]));
  return ops.divide(waves, ops.node('Sqrt', [real(size)]));
}
