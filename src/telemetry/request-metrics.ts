import type { AggregatedMetric } from './aggregated-metrics.ts';
import { type HistogramSeries, HotCounter, HotHistogram } from './hot-series.ts';
import { type KeptBecause, keptReasons } from './kept-reasons.ts';
import { stageNames, type TimeAccount } from './time-account.ts';

/** What is counted of every request, kept trace or not. */
export class RequestMetrics {
  readonly #requests = new HotCounter('httpRequests');
  readonly #seconds = new HotHistogram('httpRequestSeconds');
  readonly #stageSeconds = new HotHistogram('inferenceStageSeconds');
  readonly #restSeconds = new HotHistogram('inferenceRestSeconds');
  readonly #kept = new HotCounter('tracesKept');
  readonly #stagesOf = new Map<string, readonly HistogramSeries[]>();

  constructor() {
    for (const reason of keptReasons) this.#kept.series(reason);
  }

  answered(method: string, endpoint: string, status: string, tookMs: number): void {
    this.#requests.series(method, endpoint, status).value += 1;
    this.#seconds.series(method, endpoint).record(tookMs / 1000);
  }

  /** Books a time account by model; the rest is what no stage has of the whole. */
  inferred(model: string, account: TimeAccount, tookMs: number): void {
    const stages = this.#stagesOf.get(model) ?? this.#begin(model);
    for (const [at, stage] of stageNames.entries()) stages[at]!.record(account[stage] / 1000);
    this.#restSeconds.series(model).record(Math.max(0, tookMs - account.booked()) / 1000);
  }

  kept(because: KeptBecause): void {
    this.#kept.series(because).value += 1;
  }

  collect(): AggregatedMetric[] {
    return [this.#requests, this.#seconds, this.#stageSeconds, this.#restSeconds, this.#kept].map((metric) =>
      metric.collect(),
    );
  }

  #begin(model: string): readonly HistogramSeries[] {
    const stages = stageNames.map((stage) => this.#stageSeconds.series(model, stage));
    this.#stagesOf.set(model, stages);
    return stages;
  }
}
