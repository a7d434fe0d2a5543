import type { Graph } from '../onnx/write-onnx.ts';

/** Past the end of any axis, for slices without an end. */
const toTheEnd = 2 ** 31 - 1;

/**
 * ONNX operators as expressions: each call adds one named node (and the constants it needs) and
 * gives back its value's name.
 */
export class Operators {
  readonly #graph: Graph;
  readonly #constants = new Map<string, string>();
  #prefix = '';
  #count = 0;

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /**
   * Nodes added by `add` are named `part/…`, so that a profile says which part of the model took the
   * time.
   */
  part<Result>(part: string, add: () => Result): Result {
    const outer = this.#prefix;
    this.#prefix = `${outer}${part}/`;
    const result = add();
    this.#prefix = outer;
    return result;
  }

  node(
    operator: string,
    inputs: readonly string[],
    attributes: Record<string, number | string | number[]> = {},
  ): string {
    this.#count += 1;
    const name = `${this.#prefix}${operator.toLowerCase()}_${this.#count}`;
    return this.#graph.node(operator, inputs, { name, attributes });
  }

  /** A node that makes an output of the graph, under the output's own name. */
  named(name: string, operator: string, inputs: readonly string[]): string {
    return this.#graph.node(operator, inputs, { name: `${this.#prefix}${name}`, outputs: [name] });
  }

  integers(values: readonly number[]): string {
    return this.#constant('INT64', [values.length], values);
  }

  integer(value: number): string {
    return this.#constant('INT64', [], [value]);
  }

  float(value: number): string {
    return this.#constant('FP32', [], [value]);
  }

  floats(shape: readonly number[], values: readonly number[] | Float32Array): string {
    this.#count += 1;
    return this.#graph.constant(`${this.#prefix}table_${this.#count}`, 'FP32', shape, Float32Array.from(values));
  }

  slice(value: string, axis: number, start: number, end?: number, step = 1): string {
    const bounds = [[start], [end ?? toTheEnd], [axis], [step]].map((each) => this.integers(each));
    return this.node('Slice', [value, ...bounds]);
  }

  /** Some dimensions of a value's shape, as a vector. */
  dimensions(value: string, start: number, end: number): string {
    return this.slice(this.node('Shape', [value]), 0, start, end);
  }

  /** One dimension of a value's shape, as a scalar. */
  dimension(value: string, axis: number): string {
    return this.node('Gather', [this.node('Shape', [value]), this.integer(axis)]);
  }

  add = (a: string, b: string): string => this.node('Add', [a, b]);
  subtract = (a: string, b: string): string => this.node('Sub', [a, b]);
  multiply = (a: string, b: string): string => this.node('Mul', [a, b]);
  divide = (a: string, b: string): string => this.node('Div', [a, b]);
  square = (a: string): string => this.node('Mul', [a, a]);

  /** 0, 1, … up to but not including the scalar `end`. */
  range(end: string): string {
    return this.node('Range', [this.integer(0), end, this.integer(1)]);
  }

  unsqueeze(value: string, axis: number): string {
    return this.node('Unsqueeze', [value, this.integers([axis])]);
  }

  #constant(datatype: 'INT64' | 'FP32', shape: readonly number[], values: readonly number[]): string {
    const key = `${datatype}[${shape}]:${values.map((value) => (Object.is(value, -0) ? '-0' : value))}`;
    let name = this.#constants.get(key);
    if (!name) {
      name = `constant_${this.#constants.size + 1}`;
      this.#graph.constant(name, datatype, shape, values);
      this.#constants.set(key, name);
    }
    return name;
  }
}
