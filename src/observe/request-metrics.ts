import { type FailureCode, type Fault, faultOf, faultOfStatus, isRefusal } from '../errors.ts';
import type { TaskKind } from '../task-kinds.ts';
import type { AggregatedMetric } from '../telemetry/meter/aggregated-metrics.ts';
import { collectAll, type HistogramSeries, HotCounter, HotHistogram } from '../telemetry/meter/hot-series.ts';
import { type KeptBecause, keptReasons } from './kept-reasons.ts';
import { type InferenceStage, inferenceStages, type StageName, stageNames, type TimeAccount } from './time-account.ts';

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
  readonly #models = new Map<string, Map<TaskKind | undefined, ModelSeries>>();
  // Most requests have the labels of the one before: they are not looked up again.
  #lastAnswered: AnsweredSeries | undefined;
  #lastModel: { readonly model: string; readonly task: TaskKind | undefined; readonly series: ModelSeries } | undefined;

  constructor() {
    for (const reason of keptReasons) this.#kept.series(reason);
  }

  /**
   * A route's series begin with the service, so that there is something to see before anything happens: the statuses and codes that rules ask for.
   * The others begin, at zero too, when they are first met.
   */
  beginRoute(endpoint: string, methods: readonly string[]): void {
    for (const method of methods) {
      for (const status of [200, 400, 429, 500, 503])
        this.#requests.series(method, endpoint, String(status), faultOfStatus(status) ?? '');
      this.#seconds.series(method, endpoint);
    }
    this.#errorsOf('internal', endpoint);
    if (!methods.includes('POST')) return;
    for (const code of ['inference_failed', 'deadline_exceeded', 'lane_crashed'] satisfies FailureCode[])
      this.#errorsOf(code, endpoint);
    for (const code of ['rate_limited', 'busy', 'queue_full', 'circuit_open'] satisfies FailureCode[])
      this.#refusedBy(code, endpoint);
  }

  /** The same for a model, and what it is used for, when that becomes known. */
  beginModel(model: string, task: TaskKind | undefined): ModelSeries {
    const uses = this.#models.get(model) ?? new Map<TaskKind | undefined, ModelSeries>();
    this.#models.set(model, uses);
    const known = uses.get(task);
    if (known) return known;
    const label = task ?? '';
    const stages = task === undefined ? inferenceStages : stageNames;
    const series = {
      ok: this.#inferences.series(model, 'ok', '', label),
      seconds: this.#inferenceSeconds.series(model, label),
      stages: Object.fromEntries(
        stages.map((stage) => [stage, this.#stageSeconds.series(model, stage, label)]),
      ) as ModelSeries['stages'],
      rest: this.#restSeconds.series(model, label),
    };
    for (const code of ['inference_failed', 'deadline_exceeded', 'lane_crashed', 'queue_full'] satisfies FailureCode[])
      this.#inferences.series(model, code, faultOf(code), label);
    uses.set(task, series);
    return series;
  }

  answered(method: string, endpoint: string, status: number, fault: Fault | undefined, tookMs: number): void {
    let last = this.#lastAnswered;
    if (
      last === undefined ||
      last.endpoint !== endpoint ||
      last.status !== status ||
      last.method !== method ||
      last.fault !== fault
    ) {
      const requests = this.#requests.series(method, endpoint, String(status), fault ?? '');
      last = { method, endpoint, status, fault, requests, seconds: this.#seconds.series(method, endpoint) };
      this.#lastAnswered = last;
    }
    last.requests.value += 1;
    last.seconds.record(tookMs / 1000);
  }

  /** Bytes that are no HTTP: counted, though no request came of them. */
  answeredUnread(status: string, code: FailureCode): void {
    this.#requests.series('_OTHER', 'unmatched', status, faultOf(code)).value += 1;
    this.failed('unmatched', code);
  }

  failed(endpoint: string, code: FailureCode): void {
    this.#errorsOf(code, endpoint).value += 1;
    if (isRefusal(code)) this.#refusedBy(code, endpoint).value += 1;
  }

  #errorsOf(code: FailureCode, endpoint: string): { value: number } {
    return this.#errors.series(code, endpoint, faultOf(code));
  }

  #refusedBy(code: FailureCode, endpoint: string): { value: number } {
    return this.#refused.series(endpoint, code, faultOf(code));
  }

  /** Books a time account by model; the rest is what no stage has of the whole. */
  used(model: string, task: TaskKind | undefined, account: TimeAccount, failedBy: FailureCode | undefined): void {
    let last = this.#lastModel;
    if (last === undefined || last.model !== model || last.task !== task) {
      last = { model, task, series: this.beginModel(model, task) };
      this.#lastModel = last;
    }
    const { ok, seconds, stages, rest } = last.series;
    const { tookMs } = account;
    if (failedBy === undefined) ok.value += 1;
    else this.#inferences.series(model, failedBy, faultOf(failedBy), task ?? '').value += 1;
    seconds.record(tookMs / 1000);
    stages.receive.record(account.receive / 1000);
    stages.decode.record(account.decode / 1000);
    stages.queue.record(account.queue / 1000);
    stages.assemble.record(account.assemble / 1000);
    stages.run.record(account.run / 1000);
    stages.split.record(account.split / 1000);
    stages.encode.record(account.encode / 1000);
    stages.send.record(account.send / 1000);
    stages.work?.record(account.work / 1000);
    stages.write?.record(account.write / 1000);
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
  readonly stages: Readonly<Record<InferenceStage, HistogramSeries>> &
    Readonly<Record<Exclude<StageName, InferenceStage>, HistogramSeries | undefined>>;
  readonly rest: HistogramSeries;
};

type AnsweredSeries = {
  readonly method: string;
  readonly endpoint: string;
  readonly status: number;
  readonly fault: Fault | undefined;
  readonly requests: { value: number };
  readonly seconds: HistogramSeries;
};
