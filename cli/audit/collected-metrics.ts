import {
  collectorDropped,
  collectorItems,
  heartbeatMetric,
  passingFilters,
  storeCounters,
  termMetric,
  terms,
} from '../../launcher/book-names.ts';
import type { Signal, StoreName } from '../../src/stores/stores.ts';
import { nameInPrometheus } from '../../src/telemetry/names/name-in-prometheus.ts';
import { type MetricName, metricNames } from '../../src/telemetry/names/names.ts';
import type { StoreQuestions } from './ask-stores.ts';
import { type Bounds, countedBetween, type Ended, endsIn, nothing, type Points, plus } from './counted.ts';
import { type Sender, type Series, sendersIn } from './senders.ts';

/** All points that an audit reads from one store of metrics. */
export type CollectedMetrics = {
  readonly senders: readonly Sender[];
  readonly collector: CollectorSeries;
  /** When a server began, the last time before now: its own word. */
  readonly startedMs: (job: string) => number | undefined;
  readonly discarded: (store: StoreName, fromMs: number, toMs: number) => number;
  readonly storeIsScraped: (store: StoreName) => boolean;
};

export type CollectorSeries = {
  readonly isScraped: boolean;
  readonly accepted: (signal: Signal, fromMs: number, toMs: number) => Bounds;
  /** To the exporters of one store. */
  readonly sent: (signal: Signal, store: StoreName, fromMs: number, toMs: number) => Bounds;
  readonly dropped: (signal: Signal, store: StoreName, fromMs: number, toMs: number) => number;
  /** A Collector counted from zero again, or was not heard any more; the oldest first. */
  readonly ends: readonly Ended[];
  /** Whether its queue to a store has been empty at some moment since. */
  readonly queueWasEmpty: (signal: Signal, store: StoreName, sinceMs: number) => boolean;
  /** Traces are chosen there: what is not stored is not lost. */
  readonly samples: boolean;
};

/** Counts of costs: read by the tenant, and read by what was used. */
export const costMetrics = [
  'costCpu',
  'inferenceLaneCpu',
  'costGpu',
  'costEnergy',
  'gpuEnergy',
] as const satisfies readonly MetricName[];

export function inStore(name: MetricName): string {
  return nameInPrometheus(metricNames[name]);
}

const ofSenders = `{__name__=~"${[...terms.map(termMetric), heartbeatMetric, ...costMetrics.map(inStore)].join('|')}"}`;
const items = Object.values(collectorItems).join('|');
const ofCollector = `{__name__=~"otelcol_(receiver_accepted|exporter_sent|exporter_send_failed|exporter_enqueue_failed)_(${items})_total|otelcol_processor_filter_.+_filtered_total|otelcol_exporter_queue_size|otelcol_processor_tail_sampling_.*count.*"}`;
const discardedNames = Object.values(storeCounters).flatMap(({ discarded }) => discarded);
const ofStores = `{__name__=~"process_start_time_seconds|${discardedNames.join('|')}"}`;

/** Reads them from `fromMs`, which is some way before the audited time, until now. */
export async function collectMetrics(
  questions: StoreQuestions,
  store: StoreName,
  fromMs: number,
  nowMs: number,
): Promise<CollectedMetrics> {
  const [sending, collector, stores] = await Promise.all(
    [ofSenders, ofCollector, ofStores].map((selector) => questions.points(store, selector, fromMs, nowMs)),
  );
  const total = totalOf(stores!);
  return {
    senders: sendersIn(sending!, heartbeatMetric),
    collector: collectorSeries(collector!, nowMs),
    startedMs: (job) => {
      const found = stores!.filter(
        ({ labels }) => labels.__name__ === 'process_start_time_seconds' && labels.job === job,
      );
      const seconds = Math.max(...found.map(({ points }) => points.at(-1)?.[1] ?? 0));
      return seconds > 0 ? seconds * 1000 : undefined;
    },
    discarded: (name, from, to) =>
      total(
        stores!.filter(({ labels }) => storeCounters[name].discarded.includes(labels.__name__ ?? '')),
        from,
        to,
      ).min,
    storeIsScraped: (name) => stores!.some(({ labels }) => labels.job === name),
  };
}

export function collectorSeries(series: readonly Series[], nowMs: number): CollectorSeries {
  const total = totalOf(series);
  const named = (pattern: RegExp) => series.filter(({ labels }) => pattern.test(labels.__name__ ?? ''));
  const to = (store: StoreName, all: readonly Series[]) =>
    all.filter(({ labels }) =>
      (labels.exporter ?? labels.filter ?? '').includes(store === 'prometheus' ? 'prom' : store),
    );
  return {
    isScraped: series.length > 0,
    accepted: (signal, from, until) =>
      total(named(new RegExp(`accepted_${collectorItems[signal]}_total$`)), from, until),
    sent: (signal, store, from, until) =>
      total(to(store, named(new RegExp(`sent_${collectorItems[signal]}_total$`))), from, until),
    dropped: (signal, store, from, until) => total(droppedOf(series, signal, store), from, until).min,
    ends: named(/accepted_/)
      .flatMap(({ points }) => endsOf(points, nowMs))
      .sort((a, b) => a.heardMs - b.heardMs),
    queueWasEmpty: (signal, store, sinceMs) => {
      const queues = to(store, named(/queue_size$/)).filter(({ labels }) => labels.data_type === signal);
      return queues.every(({ points }) =>
        points.some(([atMs, size]) => size === 0 && atMs >= Math.min(sinceMs, nowMs)),
      );
    },
    samples: named(/tail_sampling/).length > 0,
  };
}

function droppedOf(series: readonly Series[], signal: Signal, store: StoreName): Series[] {
  const names = new RegExp(`^(?:${collectorDropped(signal)})$`);
  const passing = new RegExp(`^(?:${passingFilters})$`);
  return series.filter(({ labels }) => {
    if (!names.test(labels.__name__ ?? '') || passing.test(labels.filter ?? '')) return false;
    const whose = labels.exporter ?? labels.filter ?? '';
    return whose.includes(store) || whose === 'filter/impossible';
  });
}

const silentMs = 60_000;

/** A Collector that begins again counts again; one that was replaced is silent from then on. */
function endsOf(points: Points, nowMs: number): Ended[] {
  const heardMs = points.at(-1)?.[0] ?? nowMs;
  return heardMs < nowMs - silentMs ? [...endsIn(points), { heardMs, backMs: heardMs + silentMs }] : endsIn(points);
}

/** Servers do not say when they end in order: what they counted after a scrape is not known. */
function totalOf(scraped: readonly Series[]): (series: readonly Series[], fromMs: number, toMs: number) => Bounds {
  const scrapes = new Map<string, Points>();
  for (const [server, all] of Map.groupBy(scraped, serverOf)) {
    const times = new Set(all.flatMap(({ points }) => points.map(([atMs]) => atMs)));
    scrapes.set(
      server,
      [...times].sort((a, b) => a - b).map((atMs) => [atMs, 0] as const),
    );
  }
  return (series, fromMs, toMs) =>
    series
      .map((one) => countedBetween(one.points, fromMs, toMs, { exports: scrapes.get(serverOf(one)) ?? [] }))
      .reduce(plus, nothing);
}

function serverOf({ labels }: Series): string {
  return `${labels.job} ${labels.instance}`;
}
