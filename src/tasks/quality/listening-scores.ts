/** What listeners would say, 1 (bad) to 5 (excellent), by DNSMOS P.835. */
export type ListeningScores = { readonly speech: number; readonly background: number; readonly overall: number };

export const listening = { sampleRateHz: 16_000, windowSamples: 144_160, hopSamples: 16_000 };

/**
 * The windows that the model judges: 9.01 s, one a second while a whole one fits. What is shorter
 * is repeated until it is long enough, as the original does. Fed piece by piece; keeps eleven
 * seconds.
 */
export class ListeningWindows {
  #held = new Float32Array();
  #received = 0;
  #windows = 0;

  *add(samples: Float32Array): Generator<Float32Array> {
    const { windowSamples, hopSamples } = listening;
    const held = new Float32Array(this.#held.length + samples.length);
    held.set(this.#held);
    held.set(samples, this.#held.length);
    this.#received += samples.length;
    let at = 0;
    // The original counts whole seconds: the second window comes with the eleventh.
    while (this.#received >= (this.#windows === 0 ? windowSamples : (this.#windows + 10) * hopSamples)) {
      yield held.slice(at, at + windowSamples);
      at += hopSamples;
      this.#windows += 1;
    }
    this.#held = held.slice(at);
  }

  *end(): Generator<Float32Array> {
    if (this.#windows > 0 || this.#received === 0) return;
    const long = repeated(this.#held, listening.windowSamples);
    this.#held = new Float32Array();
    this.#received = 0;
    yield* this.add(long);
  }
}

/** All windows of a whole sound. */
export function* listeningWindows(samples: Float32Array): Generator<Float32Array> {
  const windows = new ListeningWindows();
  yield* windows.add(samples);
  yield* windows.end();
}

/**
 * The model's answers, one row [speech, background, overall] a window, as scores: mapped to the
 * scale, then the mean. Undefined without windows.
 */
export function listeningScores(rows: Iterable<readonly number[]>): ListeningScores | undefined {
  let count = 0;
  const sums = [0, 0, 0];
  for (const row of rows) {
    count += 1;
    toScale.forEach(([square, linear, constant], at) => {
      const raw = row[at] as number;
      sums[at] = (sums[at] as number) + square * raw * raw + linear * raw + constant;
    });
  }
  if (count === 0) return undefined;
  const [speech, background, overall] = sums.map((sum) => sum / count) as [number, number, number];
  return { speech, background, overall };
}

/** The polynomials that the model's authors fitted to its raw answers. */
const toScale: readonly (readonly [square: number, linear: number, constant: number])[] = [
  [-0.08397278, 1.22083953, 0.0052439],
  [-0.13166888, 1.60915514, -0.39604546],
  [-0.06766283, 1.11546468, 0.04602535],
];

/** Doubled until long enough. */
function repeated(samples: Float32Array, length: number): Float32Array {
  let copies = 1;
  while (copies * samples.length < length) copies *= 2;
  if (copies === 1) return samples;
  const long = new Float32Array(copies * samples.length);
  for (let at = 0; at < copies; at += 1) long.set(samples, at * samples.length);
  return long;
}
