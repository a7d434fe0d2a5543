import type { Registry } from '../engine/registry/registry.ts';
import { type FailureCode, type Fault, faultOf, faultOfStatus, isRefusal } from '../errors.ts';
import type { TaskKind } from '../task-kinds.ts';
import type { CounterSeries, HistogramSeries, Meter } from '../telemetry/meter.ts';
import { type KeptBecause, keptReasons } from './kept-reasons.ts';
import { type InferenceStage, inferenceStages, type StageName, stageNames, type TimeAccount } from './time-account.ts';

/** What is counted of every request, kept trace or not. */
export class RequestMetrics {
  readonly #meter: Meter;
  readonly #models = new Map<string, Map<TaskKind | undefined, ModelSeries>>();
  // Most requests have the labels of the one before: they are not looked up again.
  #lastAnswered: AnsweredSeries | undefined;
  #lastModel: { readonly model: string; readonly task: TaskKind | undefined; readonly series: ModelSeries } | undefined;

  constructor(meter: Meter) {
    this.#meter = meter;
    for (const reason of keptReasons) meter.counter('tracesKept').series(reason);
  }

  /** Begins the series of models as they become known. */
  watch(registry: Pick<Registry, 'models'>): void {
    this.#meter.beforeCollecting(() => {
      for (const { name } of registry.models()) this.beginModel(name, undefined);
    });
  }

  /**
   * A route's series begin with the service, so that there is something to see before anything happens: the statuses and codes that rules ask for.
   * The others begin, at zero too, when they are first met.
   */
  beginRoute(endpoint: string, methods: readonly string[]): void {
    for (const method of methods) {
      for (const status of [200, 400, 429, 500, 503]) this.#requestsOf(method, endpoint, status, faultOfStatus(status));
      this.#meter.histogram('httpRequestSeconds').series(method, endpoint);
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
    const requests = this.#meter.counter('inferenceRequests');
    const stageSeconds = this.#meter.histogram('inferenceStageSeconds');
    const series = {
      ok: requests.series(model, 'ok', '', label),
      seconds: this.#meter.histogram('inferenceSeconds').series(model, label),
      stages: Object.fromEntries(
        stages.map((stage) => [stage, stageSeconds.series(model, stage, label)]),
      ) as ModelSeries['stages'],
      rest: this.#meter.histogram('inferenceRestSeconds').series(model, label),
    };
    for (const code of ['inference_failed', 'deadline_exceeded', 'lane_crashed', 'queue_full'] satisfies FailureCode[])
      requests.series(model, code, faultOf(code), label);
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
      const requests = this.#requestsOf(method, endpoint, status, fault);
      const seconds = this.#meter.histogram('httpRequestSeconds').series(method, endpoint);
      last = { method, endpoint, status, fault, requests, seconds };
      this.#lastAnswered = last;
    }
    last.requests.value += 1;
    last.seconds.record(tookMs / 1000);
  }

  /** Bytes that are no HTTP: counted, though no request came of them. */
  answeredUnread(status: string, code: FailureCode): void {
    this.#requestsOf('_OTHER', 'unmatched', status, faultOf(code)).value += 1;
    this.failed('unmatched', code);
  }

  failed(endpoint: string, code: FailureCode): void {
    this.#errorsOf(code, endpoint).value += 1;
    if (isRefusal(code)) this.#refusedBy(code, endpoint).value += 1;
  }

  #requestsOf(method: string, endpoint: string, status: number | string, fault: Fault | undefined): CounterSeries {
    return this.#meter.counter('httpRequests').series(method, endpoint, String(status), fault ?? '');
  }

  #errorsOf(code: FailureCode, endpoint: string): CounterSeries {
    return this.#meter.counter('errors').series(code, endpoint, faultOf(code));
  }

  #refusedBy(code: FailureCode, endpoint: string): CounterSeries {
    return this.#meter.counter('requestsRefused').series(endpoint, code, faultOf(code));
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
    else this.#meter.counter('inferenceRequests').series(model, failedBy, faultOf(failedBy), task ?? '').value += 1;
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
    this.#meter.counter('tracesKept').series(because).value += 1;
  }
}

type ModelSeries = {
  readonly ok: CounterSeries;
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
  readonly requests: CounterSeries;
  readonly seconds: HistogramSeries;
};
