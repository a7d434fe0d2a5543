import type { Operators } from './operators.ts';

/**
 * The running median of odd width along an axis of any length. The ends are mirrored, as SciPy's
 * `reflect` does: d c b a | a b c d | d c b a.
 *
 * Neighbouring windows share all values but one. Of the 2r common values let `low` be the r-th and
 * `high` the (r+1)-th smallest. The median of these values and one more, x, is x clamped to
 * [low, high]. So one selection serves two outputs, and each step works on every second position.
 * The selection shares its steps between windows: sorted runs of two make runs of four, then of
 * eight, each as one whole array per rank, with Min and Max. No comparison depends on data, which
 * suits an ONNX graph. The width is odd and at least 5.
 */
export function runningMedian(ops: Operators, value: string, axis: number, width: number): string {
  const reach = (width - 1) / 2;
  const length = ops.dimension(value, axis);
  const padded = mirrored(ops, value, axis, length, reach);
  const even = ops.slice(padded, axis, 0, undefined, 2);
  const odd = ops.slice(padded, axis, 1, undefined, 2);

  // Output 2i sees padded[2i … 2i+width-1], output 2i+1 the same moved by one: in common, from 2i+1
  // on, width-1 values.
  const pairs = new SortedRuns(ops, axis, odd, even);
  const [low, high] = pairs.middleTwo(width - 1);
  // Every run ends before `reach` more pairs; the extra values are the first of one window and the
  // last of the other.
  const first = ops.slice(even, axis, 0, -reach);
  const last = ops.slice(odd, axis, reach);
  const clamp = (extra: string) => ops.node('Max', [low, ops.node('Min', [extra, high])]);
  return cut(ops, interleave(ops, clamp(first), clamp(last), axis), axis, length);
}

/**
 * Reach values more at each end, and one more where the length is odd, so that positions come in
 * pairs.
 */
function mirrored(ops: Operators, value: string, axis: number, length: string, reach: number): string {
  const two = ops.integer(2);
  const evenLength = ops.add(length, ops.node('Mod', [length, two]));
  const positions = ops.subtract(ops.range(ops.add(evenLength, ops.integer(2 * reach))), ops.integer(reach));
  const period = ops.multiply(length, two);
  const inPeriod = ops.node('Mod', [positions, period]);
  const fromEnd = ops.subtract(ops.subtract(period, ops.integer(1)), inPeriod);
  return ops.node('Gather', [value, ops.node('Min', [inPeriod, fromEnd])], { axis });
}

/**
 * Sorted runs of consecutive values, at every second position: run(k)[r] is the array of the r-th
 * smallest of k values.
 */
class SortedRuns {
  readonly #ops: Operators;
  readonly #axis: number;
  readonly #runs = new Map<number, string[]>();

  constructor(ops: Operators, axis: number, odd: string, even: string) {
    this.#ops = ops;
    this.#axis = axis;
    // Values 2i+1 and 2i+2 of the padded line: the second is the next even one.
    const second = ops.slice(even, axis, 1);
    const first = ops.slice(odd, axis, 0, -1);
    this.#runs.set(2, [ops.node('Min', [first, second]), ops.node('Max', [first, second])]);
  }

  /**
   * The two middle ones of `count` sorted values (an even count), from two sorted runs that are never
   * merged whole.
   */
  middleTwo(count: number): [low: string, high: string] {
    const left = largestPowerOfTwo(count - 1);
    const [a, b] = this.#sideBySide(left, count - left);
    return [this.#smallest(count / 2, a, b), this.#smallest(count / 2 + 1, a, b)];
  }

  /**
   * The rank-th smallest (from 1) of two sorted lists: the least, over the ways to take i of one and
   * j of the other, of the larger last one.
   */
  #smallest(rank: number, a: readonly string[], b: readonly string[]): string {
    const candidates: string[] = [];
    for (let i = Math.max(0, rank - b.length); i <= Math.min(rank, a.length); i += 1) {
      const lasts = [a[i - 1], b[rank - i - 1]].filter((each) => each !== undefined);
      candidates.push(lasts.length === 1 ? (lasts[0] as string) : this.#ops.node('Max', lasts));
    }
    return candidates.reduce((least, candidate) => this.#ops.node('Min', [least, candidate]));
  }

  #run(count: number): readonly string[] {
    const known = this.#runs.get(count);
    if (known) return known;
    const left = largestPowerOfTwo(count - 1);
    const [a, b] = this.#sideBySide(left, count - left);
    const run = this.#merge(a, b);
    this.#runs.set(count, run);
    return run;
  }

  /**
   * A run of `left` values and the run of `right` values that follows it, cut to the positions where
   * both are whole.
   */
  #sideBySide(left: number, right: number): [string[], string[]] {
    const a = this.#run(left).map((each) => this.#ops.slice(each, this.#axis, 0, -right / 2));
    const b = this.#run(right).map((each) => this.#ops.slice(each, this.#axis, left / 2));
    return [a, b];
  }

  /**
   * Batcher's odd-even merge of two sorted lists, where values that are absent (the shorter one's
   * end) count as infinite.
   */
  #merge(a: readonly string[], b: readonly string[]): string[] {
    const half = Math.max(a.length, b.length);
    const wires: (string | undefined)[] = [...pad(a, half), ...pad(b, half)];
    const compare = (i: number, j: number) => {
      const [one, other] = [wires[i], wires[j]];
      if (other === undefined) return;
      wires[i] = one === undefined ? other : this.#ops.node('Min', [one, other]);
      wires[j] = one === undefined ? undefined : this.#ops.node('Max', [one, other]);
    };
    oddEvenMerge(0, 2 * half, 1, compare);
    return wires.filter((wire) => wire !== undefined);
  }
}

function oddEvenMerge(start: number, count: number, step: number, compare: (i: number, j: number) => void): void {
  const next = step * 2;
  if (next >= count) {
    compare(start, start + step);
    return;
  }
  oddEvenMerge(start, count, next, compare);
  oddEvenMerge(start + step, count, next, compare);
  for (let i = start + step; i + step < start + count; i += next) compare(i, i + step);
}

function pad(list: readonly string[], length: number): (string | undefined)[] {
  return [...list, ...new Array<undefined>(length - list.length).fill(undefined)];
}

function largestPowerOfTwo(atMost: number): number {
  return 2 ** Math.floor(Math.log2(atMost));
}

function interleave(ops: Operators, a: string, b: string, axis: number): string {
  const stacked = ops.node('Concat', [ops.unsqueeze(a, axis + 1), ops.unsqueeze(b, axis + 1)], { axis: axis + 1 });
  // Shape [before…, n, 2, after…] to [before…, 2n, after…].
  const shape = ops.node('Shape', [stacked]);
  const joined = ops.node('Concat', [ops.slice(shape, 0, 0, axis), ops.integers([-1]), ops.slice(shape, 0, axis + 2)], {
    axis: 0,
  });
  return ops.node('Reshape', [stacked, joined]);
}

function cut(ops: Operators, value: string, axis: number, length: string): string {
  return ops.node('Slice', [value, ops.integers([0]), ops.unsqueeze(length, 0), ops.integers([axis])]);
}
