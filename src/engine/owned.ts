import { releaseBuffer } from '../v8/release-buffer.ts';
import { isStrings, type Tensor } from './tensor.ts';

let isReleaseChecked = false;

/**
 * From now on, reading a tensor's data after its release throws. For tests: otherwise such data is
 * empty, and nothing says so.
 */
export function checkReleases(): void {
  isReleaseChecked = true;
}

/**
 * Tensors together with the right to the memory under them. `share` adds a holder, `release` gives
 * up one: the last holder's release frees the memory, if it is large. The collector frees what
 * nobody releases. Tensors that are not in an Owned belong to somebody else and are only read.
 */
export class Owned {
  readonly tensors: readonly Tensor[];
  readonly #memory: Memory;
  #isHeld = true;

  private constructor(tensors: readonly Tensor[], memory: Memory) {
    this.tensors = tensors;
    this.#memory = memory;
  }

  static of(tensors: readonly Tensor[]): Owned {
    return new Owned(tensors, { arrays: tensors.map(({ data }) => data), holders: 1, parts: undefined });
  }

  /** Tensors whose memory belongs to several: released with each of the parts. */
  static together(tensors: readonly Tensor[], parts: readonly Owned[]): Owned {
    return new Owned(tensors, { arrays: [], holders: 1, parts });
  }

  /** One more holder of the memory, who looks at it as `views`. */
  share(views: readonly Tensor[]): Owned {
    this.#memory.holders += 1;
    return new Owned(views, this.#memory);
  }

  /** Then its buffers may be handed to a thread, and are to be released when they were sent. */
  get isHeldAlone(): boolean {
    const { holders, parts } = this.#memory;
    return this.#isHeld && holders === 1 && (parts === undefined || parts.every((part) => part.isHeldAlone));
  }

  /** Nothing happens when it is called again. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#memory.holders -= 1;
    if (this.#memory.holders === 0) this.#free();
    if (isReleaseChecked) for (const tensor of this.tensors) forbidReading(tensor);
  }

  #free(): void {
    const { arrays, parts } = this.#memory;
    for (const data of arrays) if (!isStrings(data)) releaseBuffer(data);
    if (parts !== undefined) for (const part of parts) part.release();
  }
}

type Memory = {
  readonly arrays: readonly Tensor['data'][];
  holders: number;
  readonly parts?: readonly Owned[] | undefined;
};

function forbidReading(tensor: Tensor): void {
  Object.defineProperty(tensor, 'data', {
    configurable: true,
    get: () => {
      throw new Error(`The data of ${tensor.name} is read after its release`);
    },
  });
}

export function ownedOf(inputs: readonly Tensor[] | Owned): Owned | undefined {
  return inputs instanceof Owned ? inputs : undefined;
}

/** The tensors of a request, owned or not. */
export function tensorsOf(inputs: readonly Tensor[] | Owned): readonly Tensor[] {
  return inputs instanceof Owned ? inputs.tensors : inputs;
}
