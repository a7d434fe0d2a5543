import type { BatchMember, EngineObserver, LoadFacts } from '../engine/engine-observer.ts';
import {
  type BatchFacts,
  type CacheOutcome,
  type ClosedBy,
  cacheOutcomes,
  closings,
  type SequenceEnd,
  sequenceEnds,
} from '../engine/inference.ts';
import type { RunnableModel } from '../engine/pipelines/runnable-model.ts';
import type { ModelStatus, Registry } from '../engine/registry/registry.ts';
import { residentBytes } from '../proc.ts';
import type { CounterSeries, HistogramSeries, Meter } from '../telemetry/meter.ts';

const states = ['ready', 'loading', 'unloading', 'unavailable'] as const satisfies readonly ModelStatus['state'][];
const laneStates = ['idle', 'running', 'opening', 'abandoned'] as const;
const breakerNumbers = { closed: 0, half_open: 1, open: 2 } as const;

/**
 * What the engine does, by model. Counts go on when a model is reloaded; the model's own statistics
 * begin again.
 */
export class EngineMetrics implements Partial<EngineObserver> {
  readonly #meter: Meter;
  readonly #models = new Map<string, ModelSeries>();

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  /** Reads the states of its models at each collection. */
  watch(registry: WatchedRegistry): void {
    const meter = this.#meter;
    meter.beforeCollecting(() => {
      for (const { name, model } of registry.models()) {
        this.#of(name);
        if (model) this.#beginSpecial(model);
      }
    });
    meter.gauge('modelsLoaded', (observe) =>
      observe(registry.models().filter(({ state }) => state === 'ready').length),
    );
    meter.gauge('modelState', (observe) => {
      for (const { name, version, state: now } of registry.models())
        for (const state of states) observe(state === now ? 1 : 0, name, version, state);
    });
    meter.observe((observe) => {
      for (const [model, versions] of servingIn(registry)) {
        const sum = (of: (version: RunnableModel) => number) =>
          versions.reduce((total, version) => total + of(version), 0);
        observe(
          'inferenceQueueDepth',
          sum(({ queue }) => queue.waiting),
          model,
        );
        observe(
          'inferenceQueueBytes',
          sum(({ queue }) => queue.waitingBytes),
          model,
        );
        const waitsMs = versions.map(({ queue }) => queue.predictedWaitMs);
        observe('inferenceQueueWait', Math.max(0, ...waitsMs) / 1000, model);
        for (const state of laneStates)
          observe(
            'inferenceLanes',
            sum((each) => each.laneStates[state]),
            model,
            state,
          );
        const processIds = versions.flatMap(({ laneProcessIds }) => laneProcessIds);
        if (processIds.length > 0)
          observe(
            'inferenceLaneMemory',
            processIds.reduce((bytes, id) => bytes + residentBytes(id), 0),
            model,
          );
        observeMemory(observe, model, versions);
        const breakers = versions.map(({ breakerState }) => breakerNumbers[breakerState]);
        if (breakers.length > 0) observe('breakerState', Math.max(...breakers), model, 'running');
        for (const [set, value] of Object.entries(versions.at(-1)?.manifest.accuracy ?? {}))
          observe('modelAccuracy', value, model, set);
      }
      for (const [model, state] of Object.entries(registry.loadBreakers()))
        observe('breakerState', breakerNumbers[state], model, 'loading');
    });
  }

  batchEnded(batch: BatchFacts, members: readonly BatchMember[]): void {
    const series = this.#of(batch.model);
    series.cpu.value += batch.cpuMs / 1000;
    switch (batch.outcome) {
      case 'ran':
        series.batches[batch.closedBy].value += 1;
        if (batch.tookShortcut) series.shortcuts.value += 1;
        series.rows.record(batch.rows);
        series.fill.record(batch.rowsMax === 0 ? 1 : batch.rows / batch.rowsMax);
        for (const { bytes } of members) series.bytesIn.value += bytes;
        series.bytesOut.value += batch.outputBytes;
        if (batch.paddingBytes > 0)
          this.#meter.counter('inferencePadding').series(batch.model).value += batch.paddingBytes;
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
    this.#meter.counter('modelLoads').series(model, result).value += 1;
    if (result === 'ok')
      this.#meter
        .histogram('modelLoadSeconds')
        .series(model)
        .record((endedAt - startedAt) / 1000);
  }

  requestDropped(model: string, why: 'gone' | 'expired' | 'refused'): void {
    this.#of(model);
    this.#meter.counter('inferenceDropped').series(model, why).value += 1;
  }

  requestRetried(model: string): void {
    this.#of(model).retries.value += 1;
  }

  lookedUp(model: string, outcome: CacheOutcome): void {
    this.#meter.counter('cacheLookups').series(model, outcome).value += 1;
  }

  runSaved(model: string, laneMs: number): void {
    this.#meter.counter('cacheSaved').series(model).value += laneMs / 1000;
  }

  answersEvicted(model: string, count: number): void {
    this.#meter.counter('cacheEvictions').series(model).value += count;
  }

  sequenceEnded(model: string, why: SequenceEnd): void {
    this.#meter.counter('sequencesEnded').series(model, why).value += 1;
  }

  /** The same of a model that remembers answers, has a state, or pads rows. */
  #beginSpecial({ name, manifest, cache, sequences }: RunnableModel): void {
    const meter = this.#meter;
    if (manifest.padding) meter.counter('inferencePadding').series(name);
    if (cache) {
      for (const outcome of cacheOutcomes) meter.counter('cacheLookups').series(name, outcome);
      meter.counter('cacheSaved').series(name);
      meter.counter('cacheEvictions').series(name);
    }
    if (sequences) for (const why of sequenceEnds) meter.counter('sequencesEnded').series(name, why);
  }

  /** All series of a model begin at zero, together. */
  #of(model: string): ModelSeries {
    const known = this.#models.get(model);
    if (known) return known;
    const meter = this.#meter;
    for (const why of ['gone', 'expired', 'refused']) meter.counter('inferenceDropped').series(model, why);
    meter.counter('modelLoads').series(model, 'ok');
    const batches = meter.counter('inferenceBatches');
    const bytes = meter.counter('inferenceBytes');
    const losses = meter.counter('inferenceLaneLosses');
    const series: ModelSeries = {
      batches: Object.fromEntries(closings.map((by) => [by, batches.series(model, by)])) as ModelSeries['batches'],
      shortcuts: meter.counter('inferenceShortcutBatches').series(model),
      rows: meter.histogram('inferenceBatchRows').series(model),
      fill: meter.histogram('inferenceBatchFill').series(model),
      bytesIn: bytes.series(model, 'in'),
      bytesOut: bytes.series(model, 'out'),
      crashed: losses.series(model, 'crashed'),
      stuck: losses.series(model, 'stuck'),
      retries: meter.counter('inferenceLaneRetries').series(model),
      cpu: meter.counter('inferenceLaneCpu').series(model),
    };
    this.#models.set(model, series);
    return series;
  }
}

/** What versions that serve side by side remember: answers, and states of sequences. */
function observeMemory(observe: Observe, model: string, versions: readonly RunnableModel[]): void {
  const caches = versions.flatMap(({ cache }) => cache ?? []);
  const sequences = versions.flatMap((version) => version.sequences ?? []);
  const bytesOf = (those: readonly { bytes: number }[]) => those.reduce((sum, { bytes }) => sum + bytes, 0);
  if (caches.length > 0) observe('cacheBytes', bytesOf(caches), model);
  if (sequences.length === 0) return;
  const open = sequences.reduce((sum, { count }) => sum + count, 0);
  observe('sequencesOpen', open, model);
  observe('sequenceBytes', bytesOf(sequences), model);
}

type Observe = Parameters<Parameters<Meter['observe']>[0]>[0];

type ModelSeries = {
  readonly batches: Readonly<Record<ClosedBy, CounterSeries>>;
  readonly shortcuts: CounterSeries;
  readonly rows: HistogramSeries;
  readonly fill: HistogramSeries;
  readonly bytesIn: CounterSeries;
  readonly bytesOut: CounterSeries;
  readonly crashed: CounterSeries;
  readonly stuck: CounterSeries;
  readonly retries: CounterSeries;
  readonly cpu: CounterSeries;
};

type WatchedRegistry = Pick<Registry, 'models' | 'loadBreakers'>;

/** Versions that serve side by side, by their model. */
function servingIn(registry: WatchedRegistry): Map<string, RunnableModel[]> {
  const byName = Map.groupBy(registry.models(), ({ name }) => name);
  return new Map(
    [...byName].map(([name, versions]) => [name, versions.flatMap(({ model }) => (model ? [model] : []))]),
  );
}
