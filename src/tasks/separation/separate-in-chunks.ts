import type { Planes } from '../../audio/planes.ts';

export type ChunkPlan = {
  /** New samples a chunk; the memory needed is a few times this, whatever the length of the sound. */
  readonly coreSamples: number;
  /**
   * What the model needs to hear on both sides for its answer in between to be right; thrown away
   * again.
   */
  readonly contextSamples: number;
  /**
   * Neighbouring chunks are blended over this many samples around their border; 0 where the model's
   * answer does not depend on where a chunk begins.
   */
  readonly fadeSamples: number;
  /** Chunks that may be on their way at once. Their answers come out in order. */
  readonly inFlightMax: number;
};

/**
 * Separates one chunk: stems in a fixed order, each with the channels and the length of what it was
 * given.
 */
export type SeparateChunk = (chunk: Planes, startSample: number) => Promise<readonly Planes[]>;

/**
 * Separates sound of any length that comes in pieces of any size, in memory that does not depend on
 * the length: at most `inFlightMax` chunks and one piece are held. It reads on only when the reader
 * of the stems does. The stems have exactly the length of the input, and where a chunk's stems sum
 * to the chunk, the joined ones sum to the input.
 */
export async function* separateInChunks(
  pieces: AsyncIterable<Planes> | Iterable<Planes>,
  plan: ChunkPlan,
  separate: SeparateChunk,
): AsyncGenerator<readonly Planes[]> {
  const join = new Joiner(plan);
  const running: Promise<Outcome>[] = [];
  try {
    for await (const chunk of cutChunks(pieces, plan)) {
      running.push(outcome(separate(chunk.samples, chunk.start), chunk));
      if (running.length < plan.inFlightMax) continue;
      const stems = join.next(result(await (running.shift() as Promise<Outcome>)));
      if (stems) yield stems;
    }
    while (running.length > 0) {
      const stems = join.next(result(await (running.shift() as Promise<Outcome>)));
      if (stems) yield stems;
    }
  } finally {
    // When the reader leaves or a chunk fails, those still on their way are waited for: their buffers
    // are in use.
    await Promise.all(running);
  }
}

type Chunk = {
  readonly samples: Planes;
  /** Where the chunk begins in the sound, and where its part of the answer begins and ends. */
  readonly start: number;
  readonly coreStart: number;
  readonly coreEnd: number;
  readonly last: boolean;
};

type Outcome = { readonly chunk: Chunk; readonly stems: readonly Planes[] } | { readonly error: unknown };

/** A failure is kept until its turn comes, so that it is never an unhandled one. */
function outcome(stems: Promise<readonly Planes[]>, chunk: Chunk): Promise<Outcome> {
  return stems.then(
    (done) => ({ chunk, stems: done }),
    (error: unknown) => ({ error }),
  );
}

function result(settled: Outcome): { chunk: Chunk; stems: readonly Planes[] } {
  if ('error' in settled) throw settled.error;
  return settled;
}

/**
 * Chunks with what surrounds them: half a fade and the context on both sides, less at the two ends
 * of the sound.
 */
async function* cutChunks(pieces: AsyncIterable<Planes> | Iterable<Planes>, plan: ChunkPlan): AsyncGenerator<Chunk> {
  const margin = plan.contextSamples + plan.fadeSamples / 2;
  const held = new Held();
  let coreStart = 0;
  const cut = (last: boolean): Chunk => {
    const start = Math.max(0, coreStart - margin);
    const coreEnd = last ? held.end : coreStart + plan.coreSamples;
    const end = Math.min(held.end, coreEnd + margin);
    return { samples: held.copy(start, end), start, coreStart, coreEnd, last };
  };
  for await (const piece of pieces) {
    held.add(piece);
    // A chunk is cut only when another core's worth of margin is there, so that the last one is never a
    // sliver without context.
    while (held.end > coreStart + plan.coreSamples + margin) {
      const chunk = cut(false);
      yield chunk;
      coreStart = chunk.coreEnd;
      held.forget(coreStart - margin);
    }
  }
  if (held.end > coreStart) yield cut(true);
}

/**
 * Pieces that have come and are still needed, as they came: each sample is copied once, into its
 * chunk.
 */
class Held {
  readonly #pieces: { readonly from: number; readonly planes: Planes }[] = [];
  /** How many samples have come so far. */
  end = 0;

  add(planes: Planes): void {
    this.#pieces.push({ from: this.end, planes });
    this.end += lengthOf(planes);
  }

  copy(start: number, end: number): Planes {
    const channels = this.#pieces[0]?.planes.length ?? 0;
    const copies = Array.from({ length: channels }, () => new Float32Array(end - start));
    for (const { from, planes } of this.#pieces) {
      const first = Math.max(start, from);
      const behind = Math.min(end, from + lengthOf(planes));
      if (first >= behind) continue;
      for (const [channel, plane] of planes.entries())
        copies[channel]?.set(plane.subarray(first - from, behind - from), first - start);
    }
    return copies;
  }

  /** What lies before this sample is not asked for again. */
  forget(before: number): void {
    const keep = this.#pieces.findIndex(({ from, planes }) => from + lengthOf(planes) > before);
    this.#pieces.splice(0, keep < 0 ? this.#pieces.length : keep);
  }
}

function lengthOf(planes: Planes): number {
  return planes[0]?.length ?? 0;
}

/** Puts the cores of the chunks side by side, blended around their borders. */
class Joiner {
  readonly #fade: number;
  /** The earlier chunk's own answer around the border to the next, not yet given out. */
  #tail: readonly Planes[] | undefined;

  constructor(plan: ChunkPlan) {
    this.#fade = plan.fadeSamples;
  }

  next({ chunk, stems }: { chunk: Chunk; stems: readonly Planes[] }): readonly Planes[] | undefined {
    const half = this.#fade / 2;
    const from = chunk.coreStart === 0 ? 0 : chunk.coreStart - half;
    const to = chunk.last ? chunk.coreEnd : chunk.coreEnd - half;
    // What is blended is written to, and stems may share their samples.
    const isCopied = this.#fade > 0;
    const part = (start: number, end: number) =>
      stems.map((planes) =>
        planes.map((plane) => {
          const view = plane.subarray(start - chunk.start, end - chunk.start);
          return isCopied ? view.slice() : view;
        }),
      );
    const answer = part(from, to);
    this.#tail?.forEach((planes, stem) => {
      planes.forEach((tail, channel) => {
        const samples = answer[stem]?.[channel] as Float32Array;
        tail.forEach((earlier, at) => {
          const share = (at + 0.5) / this.#fade;
          samples[at] = earlier + share * ((samples[at] as number) - earlier);
        });
      });
    });
    this.#tail = chunk.last ? undefined : part(to, to + this.#fade);
    return answer[0]?.[0]?.length === 0 ? undefined : answer;
  }
}
