/** What a series was, and when, oldest first. */
export type Points = readonly (readonly [atMs: number, value: number])[];

/** What is known of a count: `max` is Infinity where somebody counted and nobody read it. */
export type Bounds = { readonly min: number; readonly max: number };

export const nothing: Bounds = { min: 0, max: 0 };

/** When a process that counted has ended in order: its last export has everything. */
export type EndedInOrder = (atMs: number) => boolean;

export type Counting = {
  readonly ended?: EndedInOrder;
  /** Whatever else its process exported: a count that is not among it was 0 then. */
  readonly exports?: Points;
};

/** A process exports so soon after its start: earlier than that it was not there. */
const firstExportMsMax = 60_000;

/**
 * How much a counter counted after `fromMs` and up to `toMs`, over restarts of its process. It is
 * read at its own points, so nothing is estimated: between two points the bounds are apart.
 */
export function countedBetween(
  points: Points,
  fromMs: number,
  toMs: number,
  { ended = () => false, exports = [] }: Counting = {},
): Bounds {
  let before = Number.NEGATIVE_INFINITY;
  let total = nothing;
  for (const life of readOnce(points)) {
    const bornMs = Math.max(before, life[0]![0] - firstExportMsMax, exportBefore(exports, life[0]![0]));
    const isOver = ended(life.at(-1)![0]);
    const begin = valueAt(life, fromMs, bornMs, isOver);
    const end = valueAt(life, toMs, bornMs, isOver);
    total = plus(total, { min: Math.max(0, end.min - begin.max), max: Math.max(0, end.max - begin.min) });
    before = life.at(-1)![0];
  }
  return total;
}

/** A series is asked about many times. */
const reads = new WeakMap<Points, readonly Points[]>();

function readOnce(points: Points): readonly Points[] {
  const lives = reads.get(points) ?? livesOf(points);
  reads.set(points, lives);
  return lives;
}

/** The stretches in which a counter only rose. */
export function livesOf(points: Points): Points[] {
  const lives: [number, number][][] = [];
  for (const [atMs, value] of points) {
    const life = lives.at(-1);
    if (life && value >= life.at(-1)![1]) life.push([atMs, value]);
    else lives.push([[atMs, value]]);
  }
  return lives;
}

/** An end of a process: when it was last heard, and when another was first heard in its place. */
export type Ended = { readonly heardMs: number; readonly backMs: number };

/** Where a counter began again at zero. */
export function endsIn(points: Points): Ended[] {
  const lives = livesOf(points);
  return lives.slice(1).map((life, index) => ({ heardMs: lives[index]!.at(-1)![0], backMs: life[0]![0] }));
}

/** The middle one of the gaps between points. */
export function intervalOf(timesMs: readonly number[]): number {
  const gaps = timesMs.slice(1).map((atMs, index) => atMs - timesMs[index]!);
  return gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
}

export function plus(a: Bounds, b: Bounds): Bounds {
  return { min: a.min + b.min, max: a.max + b.max };
}

export function sumOf(all: readonly Bounds[]): Bounds {
  return all.reduce(plus, nothing);
}

function valueAt(life: Points, atMs: number, bornMs: number, isOver: boolean): Bounds {
  if (atMs <= bornMs) return nothing;
  const next = firstFrom(life, atMs);
  if (life[next]?.[0] === atMs) return { min: life[next][1], max: life[next][1] };
  const last = life[next - 1]?.[1] ?? 0;
  return { min: last, max: life[next]?.[1] ?? (isOver ? last : Number.POSITIVE_INFINITY) };
}

function exportBefore(exports: Points, atMs: number): number {
  return exports[firstFrom(exports, atMs) - 1]?.[0] ?? Number.NEGATIVE_INFINITY;
}

/** The place of the first point at or after a moment. */
export function firstFrom(points: Points, atMs: number): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle]![0] < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
