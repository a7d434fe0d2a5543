import { type FailureCode, isRefusal } from '../errors.ts';
import type { AggregatedMetric } from './aggregated-metrics.ts';
import { collectAll, type HistogramSeries, HotCounter, HotHistogram } from './hot-series.ts';
import { type KeptBecause, keptReasons } from './kept-reasons.ts';
import { type StageName, stageNames, type TimeAccount } from './time-account.ts';

/** What is counted of every request, kept trace or not. */
export class RequestMetrics {
  readonly #requests = new HotCounter('httpRequests');
  readonly #seconds = new HotHistogram('httpRequestSeconds');
  readonly #errors = new HotCounter('errors');
  readonly #refused = new HotCounter('requestsRefused');
  readonly #inferences = new HotCounter('inferenceRequests');
  readonly #inferenceSeconds = new HotHistogram('inferenceSeconds');
  readonly #stageSeconds = new HotHistogram('inferenceStageSeconds');
  readonly #restSeconds = new HotHistogram('inferenceRestSeconds');
  readonly #kept = new HotCounter('tracesKept');
  readonly #models = new Map<string, ModelSeries>();
  // Most requests have the labels of the one before: they are not looked up again.
  #lastAnswered: AnsweredSeries | undefined;
  #lastModel: { readonly model: string; readonly series: ModelSeries } | undefined;

  constructor() {
    for (const reason of keptReasons) this.#kept.series(reason);
  }

  /**
   * A route's series begin with the service, so that there is something to see before anything happens: the statuses and codes that rules ask for.
   * The others begin, at zero too, when they are first met.
   */
  beginRoute(endpoint: string, methods: readonly string[]): void {
    for (const method of methods) {
      for (const status of ['200', '400', '429', '500', '503']) this.#requests.series(method, endpoint, status);
      this.#seconds.series(method, endpoint);
    }
    this.#errors.series('internal', endpoint);
    if (!methods.includes('POST')) return;
    for (const code of ['inference_failed', 'deadline_exceeded', 'lane_crashed'] satisfies FailureCode[])
      this.#errors.series(code, endpoint);
    for (const code of ['rate_limited', 'busy', 'queue_full', 'circuit_open'] satisfies FailureCode[])
      this.#refused.series(endpoint, code);
  }

  /** The same for a model, when it becomes known. */
  beginModel(model: string): ModelSeries {
    const known = this.#models.get(model);
    if (known) return known;
    const series = {
      ok: this.#inferences.series(model, 'ok'),
      seconds: this.#inferenceSeconds.series(model),
      stages: Object.fromEntries(
        stageNames.map((stage) => [stage, this.#stageSeconds.series(model, stage)]),
      ) as ModelSeries['stages'],
      rest: this.#restSeconds.series(model),
    };
    for (const code of ['inference_failed', 'deadline_exceeded', 'lane_crashed', 'queue_full'] satisfies FailureCode[])
      this.#inferences.series(model, code);
    this.#models.set(model, series);
    return series;
  }

  answered(method: string, endpoint: string, status: number, tookMs: number): void {
    let last = this.#lastAnswered;
    if (last === undefined || last.endpoint !== endpoint || last.status !== status || last.method !== method) {
      const requests = this.#requests.series(method, endpoint, String(status));
      last = { method, endpoint, status, requests, seconds: this.#seconds.series(method, endpoint) };
      this.#lastAnswered = last;
    }
    last.requests.value += 1;
    last.seconds.record(tookMs / 1000);
  }

  /** Bytes that are no HTTP: counted, though no request came of them. */
  answeredUnread(status: string, code: FailureCode): void {
    this.#requests.series('_OTHER', 'unmatched', status).value += 1;
    this.failed('unmatched', code);
  }

  failed(endpoint: string, code: FailureCode): void {
    this.#errors.series(code, endpoint).value += 1;
    if (isRefusal(code)) this.#refused.series(endpoint, code).value += 1;
  }

  /** Books a time account by model; the rest is what no stage has of the whole. */
  inferred(model: string, account: TimeAccount, failedBy: FailureCode | undefined): void {
    let last = this.#lastModel;
    if (last === undefined || last.model !== model) {
      last = { model, series: this.beginModel(model) };
      this.#lastModel = last;
    }
    const { ok, seconds, stages, rest } = last.series;
    const { tookMs } = account;
    if (failedBy === undefined) ok.value += 1;
    else this.#inferences.series(model, failedBy).value += 1;
    seconds.record(tookMs / 1000);
    stages.receive.record(account.receive / 1000);
    stages.decode.record(account.decode / 1000);
    stages.queue.record(account.queue / 1000);
    stages.assemble.record(account.assemble / 1000);
    stages.run.record(account.run / 1000);
    stages.split.record(account.split / 1000);
    stages.encode.record(account.encode / 1000);
    stages.send.record(account.send / 1000);
    rest.record(Math.max(0, tookMs - account.booked()) / 1000);
  }

  kept(because: KeptBecause): void {
    this.#kept.series(because).value += 1;
  }

  collect(): AggregatedMetric[] {
    return collectAll([
      this.#requests,
      this.#seconds,
      this.#errors,
      this.#refused,
      this.#inferences,
      this.#inferenceSeconds,
      this.#stageSeconds,
      this.#restSeconds,
      this.#kept,
    ]);
  }
}

type ModelSeries = {
  readonly ok: { value: number };
  readonly seconds: HistogramSeries;
  readonly stages: Readonly<Record<StageName, HistogramSeries>>;
  readonly rest: HistogramSeries;
};

type AnsweredSeries = {
  readonly method: string;
  readonly endpoint: string;
  readonly status: number;
  readonly requests: { value: number };
  readonly seconds: HistogramSeries;
};
