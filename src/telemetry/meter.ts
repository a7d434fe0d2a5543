import { setTimeout as pause } from 'node:timers/promises';
import { Breather, stepsAtOnce } from './breather.ts';
import type { CollectedMetric, ExponentialValue, HistogramValue, Point } from './meter/collected-metric.ts';
import { CounterSeries } from './meter/counter-series.ts';
import { ExponentialSeries } from './meter/exponential-series.ts';
import { HistogramSeries } from './meter/histogram-series.ts';
import { Instrument, type Labels, labelsOf } from './meter/instrument.ts';
import { SummedHistogram } from './meter/summed-histogram.ts';
import type { Metric } from './names/metric.ts';
import { type MetricName, metricNames } from './names/names.ts';

export type { Exemplar } from './meter/collected-metric.ts';
export { type CollectedMetric, type CounterSeries, HistogramSeries, type Point };

type Rows = typeof metricNames;
/** The names of one kind. */
type Named<Kind extends Metric['kind']> = {
  [Name in MetricName]: Rows[Name]['kind'] extends Kind ? Name : never;
}[MetricName];
export type LabelsOf<Name extends MetricName> = Labels<Rows[Name]['attributes']>;

export type UpDownCounter<Name extends Named<'up-down counter'>> = Instrument<
  Rows[Name]['attributes'],
  number,
  CounterSeries
>;
export type Counter<Name extends Named<'counter'>> = Instrument<Rows[Name]['attributes'], number, CounterSeries>;
export type Histogram<Name extends Named<'histogram'>> = Instrument<
  Rows[Name]['attributes'],
  HistogramValue,
  HistogramSeries
>;
export type Summed<Name extends Named<'histogram'>> = Instrument<
  Rows[Name]['attributes'],
  HistogramValue,
  SummedHistogram
>;
export type Exponential<Name extends Named<'exponential histogram'>> = Instrument<
  Rows[Name]['attributes'],
  ExponentialValue,
  ExponentialSeries
>;

type Observed = Named<'gauge' | 'counter' | 'up-down counter'>;
/** Reads what something else knows, at each collection. */
type Read<Name extends Observed> = (
  observe: (value: number, ...labels: LabelsOf<Name>) => void,
) => void | Promise<void>;
type ReadSeveral = (
  observe: <Name extends Observed>(name: Name, value: number, ...labels: LabelsOf<Name>) => void,
) => void | Promise<void>;

/** A source that does not answer in time is left out of the export: a disk may hang. */
const readMsMax = 2_000;

/**
 * All metrics of one service, by their rows in the table of names. Counts are exact and cumulative.
 */
export class Meter {
  readonly #instruments = new Map<
    MetricName,
    { row: Metric; eachPoint(atMs: number, collection: number): Iterable<Point<unknown>> }
  >();
  readonly #reads: ReadSeveral[] = [];
  readonly #producers: (() => CollectedMetric[])[] = [];
  readonly #preparations: (() => void)[] = [];
  #collections = 0;
  /** Since when observed counters count, by name and labels. */
  readonly #starts = new Map<string, { startMs: number; value: number }>();

  counter<Name extends Named<'counter'>>(name: Name): Counter<Name> {
    return this.#once(name, () => new Instrument(metricNames[name], () => new CounterSeries()));
  }

  /** What is there now: it goes up and down. */
  upDownCounter<Name extends Named<'up-down counter'>>(name: Name): UpDownCounter<Name> {
    return this.#once(name, () => new Instrument(metricNames[name], () => new CounterSeries()));
  }

  /** A histogram that is made of finer ones when it is collected. */
  summed<Name extends Named<'histogram'>>(name: Name): Summed<Name> {
    return this.#once(name, () => {
      const row: Metric = metricNames[name];
      return new Instrument(row, () => new SummedHistogram(row.buckets ?? []));
    });
  }

  histogram<Name extends Named<'histogram'>>(name: Name): Histogram<Name> {
    return this.#once(name, () => {
      const row: Metric = metricNames[name];
      const exact = row.exact === undefined ? undefined : this.exponential(row.exact as Named<'exponential histogram'>);
      return new Instrument(row, (labels) => {
        const twin = exact?.series(...(labels as LabelsOf<Named<'exponential histogram'>>));
        return new HistogramSeries(row.buckets ?? [], twin);
      });
    });
  }

  exponential<Name extends Named<'exponential histogram'>>(name: Name): Exponential<Name> {
    return this.#once(name, () => new Instrument(metricNames[name], () => new ExponentialSeries()));
  }

  gauge<Name extends Named<'gauge'>>(name: Name, read: Read<Name>): void {
    this.observe((observe) => read((value, ...labels) => observe(name, value, ...labels)));
  }

  /** A counter that something else counts. */
  observedCounter<Name extends Named<'counter'>>(name: Name, read: Read<Name>): void {
    this.observe((observe) => read((value, ...labels) => observe(name, value, ...labels)));
  }

  /** Gauges and counters by one look at their source. */
  observe(read: ReadSeveral): void {
    this.#reads.push(read);
  }

  /** Metrics with names that the table cannot know: a script chose them. */
  produce(producer: () => CollectedMetric[]): void {
    this.#producers.push(producer);
  }

  /** Runs before each collection, to begin the series of what has become known. */
  beforeCollecting(prepare: () => void): void {
    this.#preparations.push(prepare);
  }

  /**
   * All metrics as they stand now, with breaks for requests. What cannot be read is left out, and its
   * error returned.
   */
  async collect(): Promise<{ metrics: CollectedMetric[]; errors: unknown[] }> {
    const prepared = await Promise.allSettled(this.#preparations.map(async (prepare) => prepare()));
    const atMs = Date.now();
    const reads = Promise.allSettled(this.#reads.map((read) => this.#pointsOf(read, atMs)));
    const produced = await Promise.allSettled(this.#producers.map(async (produce) => produce()));
    const counted = await this.#counted(atMs);
    const points = Map.groupBy((await reads).flatMap(fulfilledWith), ({ name }) => name);
    const observed = [...points].map(([name, all]) =>
      metricOf(
        metricNames[name],
        all.map(({ point }) => point),
      ),
    );
    return {
      metrics: [...counted, ...observed, ...produced.flatMap(fulfilledWith)].filter(
        ({ points: some }) => some.length > 0,
      ),
      errors: [...prepared, ...(await reads), ...produced].flatMap(rejectedWith),
    };
  }

  async #counted(atMs: number): Promise<CollectedMetric[]> {
    const breather = new Breather();
    const metrics: CollectedMetric[] = [];
    this.#collections += 1;
    const collection = this.#collections;
    for (const instrument of this.#instruments.values()) {
      const collected: Point<unknown>[] = [];
      for (const point of instrument.eachPoint(atMs, collection)) {
        collected.push(point);
        if (collected.length % stepsAtOnce === 0) await breather.breathe();
      }
      metrics.push(metricOf(instrument.row, collected));
      await breather.breathe();
    }
    return metrics;
  }

  #once<Made extends { row: Metric; eachPoint(atMs: number, collection: number): Iterable<Point<unknown>> }>(
    name: MetricName,
    make: () => Made,
  ): Made {
    const made = (this.#instruments.get(name) as Made | undefined) ?? make();
    this.#instruments.set(name, made);
    return made;
  }

  async #pointsOf(read: ReadSeveral, atMs: number): Promise<Observation[]> {
    const found: Observation[] = [];
    const reading = read((name, value, ...values) => {
      const labels = labelsOf(metricNames[name], values);
      const startMs = metricNames[name].kind === 'counter' ? this.#startOf(name, values, value, atMs) : atMs;
      found.push({ name, point: { labels, startMs, atMs, value } });
    });
    if (reading) await Promise.race([reading, tooLate()]);
    return found;
  }

  /** An observed counter that fell has begun again. */
  #startOf(name: MetricName, labels: readonly string[], value: number, atMs: number): number {
    const key = [name, ...labels].join('\0');
    const known = this.#starts.get(key);
    const startMs = known && value >= known.value ? known.startMs : atMs;
    this.#starts.set(key, { startMs, value });
    return startMs;
  }
}

type Observation = { readonly name: MetricName; readonly point: Point<number> };

function metricOf({ name, unit, says, kind }: Metric, points: Point<unknown>[]): CollectedMetric {
  return { name, unit, says, kind, points } as CollectedMetric;
}

async function tooLate(): Promise<never> {
  await pause(readMsMax, undefined, { ref: false });
  throw new Error(`Cannot read a metric: its source did not answer within ${readMsMax} ms`);
}

function fulfilledWith<Value>(result: PromiseSettledResult<Value[]>): Value[] {
  return result.status === 'fulfilled' ? result.value : [];
}

function rejectedWith(result: PromiseSettledResult<unknown>): unknown[] {
  return result.status === 'rejected' ? [result.reason] : [];
}
