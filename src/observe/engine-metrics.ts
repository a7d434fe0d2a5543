import type { BatchMember, EngineObserver, LoadFacts } from '../engine/engine-observer.ts';
import type { BatchFacts, ClosedBy } from '../engine/inference.ts';
import type { ModelStatus, Registry } from '../engine/registry/registry.ts';
import { residentBytes } from '../telemetry/host/resident-bytes.ts';
import type { AggregatedMetric, AggregatedPoint } from '../telemetry/meter/aggregated-metrics.ts';
import { collectAll, type HistogramSeries, HotCounter, HotHistogram } from '../telemetry/meter/hot-series.ts';
import { type MetricName, metricNames } from '../telemetry/names/names.ts';
import type { RequestMetrics } from './request-metrics.ts';

const closings = ['idle', 'rows', 'bytes', 'delay', 'alone'] as const satisfies readonly ClosedBy[];
const states = ['ready', 'loading', 'unloading', 'unavailable'] as const satisfies readonly ModelStatus['state'][];
const breakerNumbers = { closed: 0, half_open: 1, open: 2 } as const;

/**
 * What the engine does, by model: counted once a batch, read where it is a state. Counts go on when a model is loaded anew, which the model's own
 * statistics do not.
 */
export class EngineMetrics implements Partial<EngineObserver> {
  readonly #requestMetrics: RequestMetrics;
  readonly #batches = new HotCounter('inferenceBatches');
  readonly #shortcuts = new HotCounter('inferenceShortcutBatches');
  readonly #rows = new HotHistogram('inferenceBatchRows');
  readonly #fill = new HotHistogram('inferenceBatchFill');
  readonly #bytes = new HotCounter('inferenceBytes');
  readonly #dropped = new HotCounter('inferenceDropped');
  readonly #losses = new HotCounter('inferenceLaneLosses');
  readonly #retries = new HotCounter('inferenceLaneRetries');
  readonly #loads = new HotCounter('modelLoads');
  readonly #loadSeconds = new HotHistogram('modelLoadSeconds');
  readonly #models = new Map<string, ModelSeries>();
  #registry: Pick<Registry, 'models' | 'loadBreakers'> | undefined;

  constructor(requestMetrics: RequestMetrics) {
    this.#requestMetrics = requestMetrics;
  }

  /** Whose states are read at each collection. */
  watch(registry: Pick<Registry, 'models' | 'loadBreakers'>): void {
    this.#registry = registry;
  }

  batchEnded(batch: BatchFacts, members: readonly BatchMember[]): void {
    const series = this.#of(batch.model);
    switch (batch.outcome) {
      case 'ran':
        series.batches[batch.closedBy].value += 1;
        if (batch.tookShortcut) series.shortcuts.value += 1;
        series.rows.record(batch.rows);
        series.fill.record(batch.rowsMax === 0 ? 1 : batch.rows / batch.rowsMax);
        for (const { bytes } of members) series.bytesIn.value += bytes;
        series.bytesOut.value += batch.outputBytes;
        return;
      case 'failed':
        return;
      case 'lane_lost':
        series.crashed.value += 1;
        return;
      case 'given_up':
        series.stuck.value += 1;
    }
  }

  modelLoaded({ model, startedAt, endedAt, result }: LoadFacts): void {
    this.#of(model);
    this.#loads.series(model, result).value += 1;
    if (result === 'ok') this.#loadSeconds.series(model).record((endedAt - startedAt) / 1000);
  }

  requestDropped(model: string, why: 'gone' | 'expired' | 'refused'): void {
    this.#of(model);
    this.#dropped.series(model, why).value += 1;
  }

  requestRetried(model: string): void {
    this.#of(model).retries.value += 1;
  }

  collect(): AggregatedMetric[] {
    const models = this.#registry?.models() ?? [];
    for (const { name } of models) {
      this.#of(name);
      this.#requestMetrics.beginModel(name, undefined);
    }
    return [
      ...collectAll([
        this.#batches,
        this.#shortcuts,
        this.#rows,
        this.#fill,
        this.#bytes,
        this.#dropped,
        this.#losses,
        this.#retries,
        this.#loads,
        this.#loadSeconds,
      ]),
      ...this.#gauges(models),
    ];
  }

  #gauges(models: readonly ModelStatus[]): AggregatedMetric[] {
    const byName = Map.groupBy(models, ({ name }) => name);
    // Versions of a model that serve side by side are told as one.
    const serving = [...byName].map(([model, versions]) => ({
      model,
      versions: versions.flatMap((status) => (status.model ? [status.model] : [])),
    }));
    const each = (tell: (of: (typeof serving)[number]) => number) =>
      serving.map((of) => ({ labels: { model: of.model }, value: tell(of) }));
    const sumOf = (of: (typeof serving)[number], value: (model: (typeof of.versions)[number]) => number) =>
      of.versions.reduce((total, model) => total + value(model), 0);
    return [
      gauge(
        'inferenceQueueDepth',
        each((of) => sumOf(of, ({ queue }) => queue.waiting)),
      ),
      gauge(
        'inferenceQueueBytes',
        each((of) => sumOf(of, ({ queue }) => queue.waitingBytes)),
      ),
      gauge(
        'inferenceQueueWait',
        each(({ versions }) => Math.max(0, ...versions.map(({ queue }) => queue.predictedWaitMs / 1000))),
      ),
      gauge(
        'inferenceLanes',
        serving.flatMap((of) =>
          (['idle', 'running', 'opening', 'abandoned'] as const).map((state) => ({
            labels: { model: of.model, state },
            value: sumOf(of, ({ laneStates }) => laneStates[state]),
          })),
        ),
      ),
      gauge(
        'inferenceLaneMemory',
        serving
          .filter(({ versions }) => versions.some(({ laneProcessIds }) => laneProcessIds.length > 0))
          .map((of) => ({
            labels: { model: of.model },
            value: sumOf(of, ({ laneProcessIds }) =>
              laneProcessIds.reduce((bytes, id) => bytes + residentBytes(id), 0),
            ),
          })),
      ),
      gauge('breakerState', this.#breakers(serving)),
      gauge('modelsLoaded', [{ labels: {}, value: models.filter(({ state }) => state === 'ready').length }]),
      gauge(
        'modelState',
        models.flatMap(({ name, version, state: now }) =>
          states.map((state) => ({ labels: { model: name, version, state }, value: state === now ? 1 : 0 })),
        ),
      ),
      gauge(
        'modelAccuracy',
        serving.flatMap(({ model, versions }) =>
          Object.entries(versions.at(-1)?.manifest.accuracy ?? {}).map(([set, value]) => ({
            labels: { model_type: model, validation_set: set },
            value,
          })),
        ),
      ),
    ];
  }

  #breakers(serving: readonly { model: string; versions: readonly { breakerState: keyof typeof breakerNumbers }[] }[]) {
    const loading = Object.entries(this.#registry?.loadBreakers() ?? {}).map(([model, state]) => ({
      labels: { model, guard: 'loading' },
      value: breakerNumbers[state],
    }));
    const running = serving
      .filter(({ versions }) => versions.length > 0)
      .map(({ model, versions }) => ({
        labels: { model, guard: 'running' },
        value: Math.max(...versions.map(({ breakerState }) => breakerNumbers[breakerState])),
      }));
    return [...loading, ...running];
  }

  /** All series of a model begin at zero, together. */
  #of(model: string): ModelSeries {
    const known = this.#models.get(model);
    if (known) return known;
    for (const why of ['gone', 'expired', 'refused']) this.#dropped.series(model, why);
    this.#loads.series(model, 'ok');
    const series: ModelSeries = {
      batches: Object.fromEntries(
        closings.map((by) => [by, this.#batches.series(model, by)]),
      ) as ModelSeries['batches'],
      shortcuts: this.#shortcuts.series(model),
      rows: this.#rows.series(model),
      fill: this.#fill.series(model),
      bytesIn: this.#bytes.series(model, 'in'),
      bytesOut: this.#bytes.series(model, 'out'),
      crashed: this.#losses.series(model, 'crashed'),
      stuck: this.#losses.series(model, 'stuck'),
      retries: this.#retries.series(model),
    };
    this.#models.set(model, series);
    return series;
  }
}

type ModelSeries = {
  readonly batches: Readonly<Record<ClosedBy, { value: number }>>;
  readonly shortcuts: { value: number };
  readonly rows: HistogramSeries;
  readonly fill: HistogramSeries;
  readonly bytesIn: { value: number };
  readonly bytesOut: { value: number };
  readonly crashed: { value: number };
  readonly stuck: { value: number };
  readonly retries: { value: number };
};

function gauge(of: MetricName, points: { labels: Record<string, string>; value: number }[]): AggregatedMetric {
  const { name, unit, says } = metricNames[of];
  const atMs = Date.now();
  return {
    name,
    unit,
    says,
    kind: 'gauge',
    points: points.map((point): AggregatedPoint<number> => ({ ...point, startMs: atMs, atMs })),
  };
}
