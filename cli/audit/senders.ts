import { type Bounds, countedBetween, type EndedInOrder, firstFrom, intervalOf, type Points } from './counted.ts';

export type Series = { readonly labels: Readonly<Record<string, string>>; readonly points: Points };

/** Each process that exports telemetry, by its instance id, as its own points say. */
export type Sender = {
  readonly job: string;
  readonly instance: string;
  /** Its last value is 0 when the process has ended in order. */
  readonly heartbeats: Points;
  readonly counters: readonly Series[];
  readonly ended: EndedInOrder;
};

/** What belongs to whom; a sender without a heartbeat is none. */
export function sendersIn(series: readonly Series[], heartbeatName: string): Sender[] {
  const groups = Map.groupBy(series, ({ labels }) => `${labels.job} ${labels.instance}`);
  return [...groups.values()].flatMap((all) => {
    const heartbeats = joined(all.filter(({ labels }) => labels.__name__ === heartbeatName));
    if (heartbeats.length === 0) return [];
    const { job = '', instance = '' } = all[0]!.labels;
    const ended = new Set(heartbeats.filter(([, value]) => value === 0).map(([atMs]) => atMs));
    const counters = all.filter(({ labels }) => labels.__name__ !== heartbeatName);
    return [{ job, instance, heartbeats, counters, ended: (atMs: number) => ended.has(atMs) }];
  });
}

/** One series whose labels have changed, with a release, is one all the same. */
function joined(series: readonly Series[]): Points {
  return series.flatMap(({ points }) => points).sort(([a], [b]) => a - b);
}

/** A term of the ledger: all series of this name and these labels, added up. */
export function counted(
  sender: Pick<Sender, 'counters' | 'ended' | 'heartbeats'>,
  labels: Readonly<Record<string, string>>,
  fromMs: number,
  toMs: number,
): Bounds {
  const found = sender.counters.filter((one) => has(one, labels));
  const bounds = found.map(({ points }) =>
    countedBetween(points, fromMs, toMs, { ended: sender.ended, exports: sender.heartbeats }),
  );
  return bounds.reduce((a, b) => ({ min: a.min + b.min, max: a.max + b.max }), { min: 0, max: 0 });
}

/** The last value of a gauge; 0 where there is none. */
export function newest(sender: Pick<Sender, 'counters'>, labels: Readonly<Record<string, string>>): number {
  const found = sender.counters.filter((one) => has(one, labels));
  return found.reduce((sum, { points }) => sum + (points.at(-1)?.[1] ?? 0), 0);
}

export function has({ labels }: Series, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

/** How its process stands at the end of what is known. */
export function standing({ heartbeats }: Sender, nowMs: number): 'runs' | 'ended' | 'silent' {
  const [atMs, value] = heartbeats.at(-1)!;
  if (value === 0) return 'ended';
  const intervalMs = intervalOf(heartbeats.map(([at]) => at)) || 10_000;
  return nowMs - atMs > Math.max(60_000, 4 * intervalMs) ? 'silent' : 'runs';
}

/**
 * The exports from the last one before a time to the first one after it, and `more` on either side:
 * the moments at which its counts are exact.
 */
export function exportsAround({ heartbeats }: Sender, fromMs: number, toMs: number, more = 0): number[] {
  const first = firstFrom(heartbeats, fromMs);
  const last = firstFrom(heartbeats, toMs);
  const times = heartbeats.slice(Math.max(0, first - 1 - more), last + 1 + more).map(([atMs]) => atMs);
  // A process that began meanwhile had counted nothing before.
  return first > 0 || times.length === 0 || times[0]! <= fromMs ? times : [fromMs, ...times];
}
