import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import { ours, say } from '../sentence.ts';
import type { CollectedMetric, Point } from '../telemetry/meter.ts';
import { familyName, type MetricLine } from './event-line.ts';
import type { Series, Sum } from './series.ts';
import type { Store } from './store.ts';

/**
 * What scripts pushed, summed up. They come and go, so the sums live here, and on disk: after a
 * restart a counter goes on where it was, where a fresh one at the same value would have hidden
 * everything in between.
 */
export class PushedSeries {
  readonly #store: Store;
  readonly #seriesMax: number;
  readonly #ageMsMax: number;
  readonly #series: Map<string, Series>;

  constructor(store: Store, config: Config) {
    this.#store = store;
    this.#seriesMax = config.receiverSeriesMax;
    this.#ageMsMax = config.receiverSeriesAgeMsMax;
    this.#series = new Map(store.loadSeries().map((series) => [series.key, series]));
  }

  get size(): number {
    return this.#series.size;
  }

  /**
   * Works out what the lines make of the series, or throws; `remember` writes it to the store, and
   * `apply` makes it count.
   */
  prepare(lines: MetricLine[], now: number): { remember: () => void; apply: () => void } {
    this.#expire(now);
    // By both, since a unit that already stands somewhere in a name is not appended to it.
    const families = new Map(
      [...this.#series.values()].flatMap((series) => [
        [series.family, series],
        [series.name, series],
      ]),
    );
    const drafts = new Map<string, Series>();
    let size = this.#series.size;
    for (const line of lines) {
      const key = seriesKey(line);
      const before = drafts.get(key) ?? this.#series.get(key);
      const relative = families.get(familyName(line)) ?? families.get(line.name);
      if (relative && !sameKind(relative, line)) throw nameTaken(line, relative);
      if (!before && ++size > this.#seriesMax) throw tooMany(this.#seriesMax);
      const begun = before ?? this.#begin(key, line, now);
      const series = { ...begun, updatedMs: now, sum: added(begun.sum, line) };
      drafts.set(key, series);
      families.set(series.family, series).set(series.name, series);
    }
    // An export may have come in between: what it has begun stays begun.
    const current = () =>
      [...drafts.values()].map((series) => ({ ...series, begun: this.#series.get(series.key)?.begun ?? series.begun }));
    return {
      remember: () => this.#store.saveSeries(current()),
      apply: () => {
        for (const series of current()) this.#series.set(series.key, series);
      },
    };
  }

  /** The metrics of an export. */
  collect(now: number): CollectedMetric[] {
    this.#expire(now);
    const metrics = new Map<string, CollectedMetric>();
    const begun: Series[] = [];
    for (const series of this.#series.values()) {
      const metric = metrics.get(series.family) ?? emptyMetric(series);
      metrics.set(series.family, metric);
      addPoint(metric, series, now);
      if (!series.begun) {
        series.begun = true;
        begun.push(series);
      }
    }
    if (begun.length > 0) this.#store.saveSeriesIfPossible(begun);
    return [...metrics.values()];
  }

  #begin(key: string, line: MetricLine, now: number): Series {
    const sum: Sum =
      line.kind === 'histogram'
        ? { kind: 'histogram', count: 0, sum: 0, bounds: line.buckets, counts: Array(line.buckets.length + 1).fill(0) }
        : { kind: line.kind, value: 0 };
    const { name, unit, labels } = line;
    return {
      key,
      family: familyName(line),
      name,
      unit,
      labels,
      startMs: now,
      updatedMs: now,
      begun: line.kind === 'gauge',
      sum,
    };
  }

  #expire(now: number): void {
    const old = [...this.#series.values()].filter((series) => series.updatedMs < now - this.#ageMsMax);
    for (const { key } of old) this.#series.delete(key);
    if (old.length > 0) this.#store.forgetSeries(old.map(({ key }) => key));
  }
}

function seriesKey(line: MetricLine): string {
  const labels = Object.entries(line.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([familyName(line), ...labels]);
}

/**
 * Prometheus knows a metric by its name alone; two of one name that differ in kind would make it
 * refuse the whole export.
 */
function sameKind(series: Series, line: MetricLine): boolean {
  if (series.sum.kind !== line.kind || series.name !== line.name || series.unit !== line.unit) return false;
  return (
    line.kind !== 'histogram' || series.sum.kind !== 'histogram' || String(series.sum.bounds) === String(line.buckets)
  );
}

function added(sum: Sum, line: MetricLine): Sum {
  if (sum.kind !== 'histogram') return { ...sum, value: sum.kind === 'counter' ? sum.value + line.value : line.value };
  const at = sum.bounds.findIndex((bound) => line.value <= bound);
  const counts = sum.counts.with(at < 0 ? sum.bounds.length : at, (sum.counts.at(at) ?? 0) + 1);
  return { ...sum, count: sum.count + 1, sum: sum.sum + line.value, counts };
}

function emptyMetric({ name, unit, sum }: Series): CollectedMetric {
  return { name, unit, says: 'Pushed by a script through the receiver.', kind: sum.kind, points: [] };
}

function addPoint(metric: CollectedMetric, series: Series, atMs: number): void {
  const { labels, startMs, begun, sum } = series;
  const point = <Value>(value: Value): Point<Value> => ({ labels, startMs, atMs, value });
  if (metric.kind === 'histogram') {
    if (sum.kind !== 'histogram') return;
    const { count, sum: total, bounds, counts } = sum;
    metric.points.push(
      point(begun ? { count, sum: total, bounds, counts } : { count: 0, sum: 0, bounds, counts: counts.map(() => 0) }),
    );
  } else if (metric.kind !== 'exponential histogram' && sum.kind !== 'histogram') {
    metric.points.push(point(begun ? sum.value : 0));
  }
}

function nameTaken(line: MetricLine, by: Series): ServiceError {
  return new ServiceError(
    'name_taken',
    say`Cannot take ${line.name}: there is a ${ours(by.sum.kind)} ${by.name}${by.unit === '' ? '' : ` in ${by.unit}`} already, with other kind, unit or buckets; give this one another name.`,
  );
}

function tooMany(seriesMax: number): ServiceError {
  return new ServiceError(
    'too_many_series',
    say`Cannot take the events: more than ${seriesMax} series would be held; leave ids out of the labels, or raise VITRINE_RECEIVER_SERIES_MAX.`,
  );
}
