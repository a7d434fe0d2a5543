import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import type { Owned } from '../owned.ts';
import type { Tensor } from '../tensor.ts';
import type { PlannedStep } from './pipeline-plan.ts';

/** Where tensors come from, and how many still have to take some of them. */
type Source = { readonly owned: Owned | undefined; takers: number };

/** Tensors with one holder more: `held` is released when it has ended. */
export type Taken = {
  readonly tensors: readonly Tensor[];
  readonly held: readonly Owned[];
  /** Whether all their memory can change hands. */
  readonly isWhole: boolean;
};

/**
 * The tensors of one run of a pipeline, by the numbers of its plan. The memory of each is released
 * when the last step that takes it, or the answer, has it.
 */
export class HeldTensors {
  readonly #bytesMax: number;
  readonly #steps: ReadonlySet<PlannedStep>;
  readonly #answered: readonly number[];
  readonly #values: (Tensor | undefined)[] = [];
  readonly #sources: (Source | undefined)[] = [];
  #bytes = 0;

  constructor(bytesMax: number, steps: ReadonlySet<PlannedStep>, answered: readonly number[]) {
    this.#bytesMax = bytesMax;
    this.#steps = steps;
    this.#answered = answered;
  }

  get bytesFree(): number {
    return this.#bytesMax - this.#bytes;
  }

  has(number: number): boolean {
    return this.#values[number] !== undefined;
  }

  /** Tensors are there, for as many steps as take some of them. */
  place(numbers: readonly number[], tensors: readonly Tensor[], owned: Owned | undefined): void {
    let takers = this.#answered.some((number) => numbers.includes(number)) ? 1 : 0;
    for (const { inputs } of this.#steps) if (inputs.some(({ tensor }) => numbers.includes(tensor))) takers += 1;
    const source = { owned, takers };
    for (const [at, number] of numbers.entries()) {
      this.#values[number] = tensors[at]!;
      this.#sources[number] = source;
    }
    if (takers === 0) owned?.release();
  }

  /** Tensors, under other names. */
  take(wanted: readonly { readonly name: string; readonly tensor: number }[]): Taken {
    const tensors = wanted.map(({ name, tensor }) => {
      const { datatype, shape, data } = this.#values[tensor]!;
      return { name, datatype, shape, data };
    });
    const sources = [...new Set(wanted.map(({ tensor }) => this.#sources[tensor]!))];
    const held = sources.flatMap(({ owned }) => owned?.share([]) ?? []);
    for (const source of sources) {
      source.takers -= 1;
      if (source.takers === 0) source.owned?.release();
    }
    return { tensors, held, isWhole: held.length === sources.length };
  }

  /** Counts what a step made. */
  count(step: PlannedStep, bytes: number): void {
    this.mustFit(step, bytes);
    this.#bytes += bytes;
  }

  mustFit({ name }: PlannedStep, bytes: number): void {
    if (bytes <= this.bytesFree) return;
    throw new ServiceError(
      'invalid_input',
      say`Cannot hold what the step "${ours(name)}" gives: the tensors between the steps would take ${this.#bytes + bytes} bytes, and at most ${this.#bytesMax} are held; send less at once, or raise VITRINE_OUTPUT_BYTES_MAX.`,
    );
  }

  /** Nothing is taken any more. */
  clear(): void {
    this.#values.length = 0;
  }
}
