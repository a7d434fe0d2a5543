import { type BookName, type Findings, joinFindings, noFindings, timeOf } from './audit.ts';
import { type CollectedMetrics, inStore } from './collected-metrics.ts';
import { type Bounds, countedBetween, endsIn, sumOf } from './counted.ts';
import { holeCauses } from './hole-causes.ts';
import { counted, exportsAround, has, type Sender } from './senders.ts';
import type { AuditedTime } from './telemetry-book.ts';

/** Counts of time and energy are sums of fractions: what differs by less is their rounding. */
const rounding = 1e-6;
const minuteMs = 60_000;
/** Exports before and after the time, by which a difference is confirmed. */
const confirmingExports = 12;

/** What tenants were charged, against what lanes and devices used. */
export function costBooks(metrics: CollectedMetrics, time: AuditedTime): Findings {
  return joinFindings([
    ...metrics.senders.map((sender) => cpuBook(sender, time)),
    ...deviceBooks(metrics.senders, time),
  ]);
}

/** Each process shares the CPU time of its lanes out among tenants, to the last. */
export function cpuBook(sender: Sender, { fromMs, toMs }: AuditedTime): Findings {
  const torn = tornExports(sender);
  const edgesMs = minutesOf(exportsAround(sender, fromMs, toMs, confirmingExports), torn);
  const [first, last] = [edgesMs[0], edgesMs.at(-1)];
  if (first === undefined || last === undefined || first === last) return noFindings;
  const until = (name: 'costCpu' | 'inferenceLaneCpu', atMs: number) =>
    counted(sender, { __name__: inStore(name) }, first, atMs).min;
  const [used, charged] = [until('inferenceLaneCpu', last), until('costCpu', last)];
  if (used === 0 && charged === 0) return noFindings;
  const of = { book: 'cpu', signal: null, of: sender.instance, at: 'tenants' } as const;
  const differences = edgesMs.map((atMs) => until('inferenceLaneCpu', atMs) - until('costCpu', atMs));
  const holes = (['uncharged', 'overcharged'] as const).flatMap((cause) =>
    lastingSteps(cause === 'uncharged' ? differences : differences.map((each) => -each))
      .filter(
        ({ count, place }) =>
          count > rounding * used &&
          !torn.has(edgesMs[place]!) &&
          edgesMs[place]! > fromMs &&
          edgesMs[place - 1]! < toMs,
      )
      .map(({ count, place }) => ({
        ...of,
        ...{ from: timeOf(edgesMs[place - 1]!), to: timeOf(edgesMs[place]!), count, cause },
        says: `${holeCauses[cause]}: ${seconds(count)} of CPU`,
      })),
  );
  return {
    ...noFindings,
    books: [
      {
        ...{ ...of, expected: used, found: charged, slack: 0, unknown: null },
        missing: holes.reduce((sum, { count }) => sum + count, 0),
        says: `lanes took ${seconds(used)} of CPU, tenants were charged ${seconds(charged)}`,
      },
    ],
    holes,
  };
}

/**
 * The last exports of processes that were killed: nothing confirms what one of the two counters has
 * there and the other has not.
 */
function tornExports({ counters, ended }: Sender): ReadonlySet<number> {
  const ofCpu = counters.filter((one) =>
    (['costCpu', 'inferenceLaneCpu'] as const).some((name) => has(one, { __name__: inStore(name) })),
  );
  const heardMs = ofCpu.flatMap(({ points }) => endsIn(points).map((end) => end.heardMs));
  return new Set(heardMs.filter((atMs) => !ended(atMs)));
}

/**
 * Where a difference rose and stayed. Two counters of one export are read a moment apart: a batch
 * that ended in between is in one of them, and in both a moment later.
 */
export function lastingSteps(differences: readonly number[]): { place: number; count: number }[] {
  const lowestFrom = differences.map((_, place) => Math.min(...differences.slice(place)));
  let highest = differences[0] ?? 0;
  // The last one has nothing behind it that confirms it.
  return lowestFrom.slice(0, -1).flatMap((lowest, place) => {
    const step = { place, count: lowest - highest };
    highest = Math.max(highest, differences[place]!);
    return place > 0 && step.count > 0 ? [step] : [];
  });
}

/**
 * A device is idle at times, and then nobody pays: what tenants are charged is at most what it
 * used. Replicas on one machine read the same device.
 */
export function deviceBooks(senders: readonly Sender[], { fromMs, toMs }: AuditedTime): Findings[] {
  const charged = (name: 'costGpu' | 'costEnergy') =>
    sumOf(senders.map((sender) => counted(sender, { __name__: inStore(name) }, fromMs, toMs)));
  const devices = devicesOf(senders, fromMs, toMs);
  const [energy, gpu] = [charged('costEnergy'), charged('costGpu')];
  const available = (devices.size * (toMs - fromMs)) / 1000;
  return [
    ...(energy.min > 0 && devices.size > 0
      ? [atMost('energy', energy, sumOf([...devices.values()]), (value) => `${value.toFixed(1)} J`, { fromMs, toMs })]
      : []),
    ...(gpu.min > 0 && devices.size > 0
      ? [atMost('gpu', gpu, { min: available, max: available }, seconds, { fromMs, toMs })]
      : []),
  ];
}

/** By device, as the process read it that saw most. */
function devicesOf(senders: readonly Sender[], fromMs: number, toMs: number): Map<string, Bounds> {
  const devices = new Map<string, Bounds>();
  for (const { counters, ended, heartbeats } of senders) {
    for (const one of counters) {
      if (!has(one, { __name__: inStore('gpuEnergy') })) continue;
      const used = countedBetween(one.points, fromMs, toMs, { ended, exports: heartbeats });
      const id = `${one.labels.host_name ?? ''} ${one.labels.hw_id ?? ''}`;
      const known = devices.get(id);
      if (known === undefined || used.min > known.min) devices.set(id, used);
    }
  }
  return devices;
}

function atMost(
  book: BookName,
  charged: Bounds,
  used: Bounds,
  words: (value: number) => string,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Findings {
  const of = { book, signal: null, of: 'all devices', at: 'tenants' } as const;
  const over = Math.max(0, charged.min - used.max - rounding * used.max);
  const says = `devices gave ${words(used.min)}, tenants were charged ${words(charged.min)}; the rest was idle or not ours`;
  return {
    ...noFindings,
    books: [{ ...of, expected: used.min, found: charged.min, slack: 0, missing: over, unknown: null, says }],
    holes:
      over > 0
        ? [
            {
              ...of,
              ...{ from: timeOf(fromMs), to: timeOf(toMs), count: over, cause: 'overcharged' },
              says: `${holeCauses.overcharged}: ${words(over)}`,
            },
          ]
        : [],
  };
}

/** Exports about a minute apart, also these, and the last few, which confirm each other. */
function minutesOf(edgesMs: readonly number[], also: ReadonlySet<number>): number[] {
  const minutes: number[] = [];
  for (const [place, atMs] of edgesMs.entries())
    if (place === 0 || place >= edgesMs.length - 3 || also.has(atMs) || atMs - minutes.at(-1)! >= minuteMs)
      minutes.push(atMs);
  return minutes;
}

function seconds(value: number): string {
  return `${value.toFixed(3)} s`;
}
