import type { Registry } from '../engine/registry/registry.ts';
import { type FailureCode, type Fault, faultOf, faultOfStatus, isRefusal } from '../errors.ts';
import type { TaskKind } from '../task-kinds.ts';
import type { CounterSeries, Exemplar, Meter } from '../telemetry/meter.ts';
import { HistogramSeries } from '../telemetry/meter.ts';
import { conventionSeconds, requestSeconds } from '../telemetry/names/metric.ts';
import type { RequestRow } from './flight/request-row.ts';
import { type KeptBecause, keptReasons } from './kept-reasons.ts';
import { LastFound } from './last-found.ts';
import type { RequestTrace } from './request-trace.ts';
import { inferenceStages, stageNames } from './stages.ts';

/** What is counted of every request, kept trace or not. */
export class RequestMetrics {
  readonly #meter: Meter;
  readonly #models = new Map<string, Map<TaskKind | undefined, ModelSeries>>();
  readonly #lastAnswered = new LastFound<AnsweredSeries>();
  readonly #lastModel = new LastFound<ModelSeries>();
  readonly #scheme: 'http' | 'https';
  /** By method, route and status: what both histograms of requests are made of. */
  readonly #seconds = new Map<string, HistogramSeries>();
  readonly #active = new Map<string, CounterSeries>();

  constructor(meter: Meter, scheme: 'http' | 'https' = 'http') {
    this.#meter = meter;
    this.#scheme = scheme;
    for (const reason of keptReasons) meter.counter('tracesKept').series(reason);
  }

  /** Begins the series of models as they become known. */
  watch(registry: Pick<Registry, 'models'>): void {
    this.#meter.beforeCollecting(() => {
      for (const { name } of registry.models()) this.beginModel(name, undefined);
    });
  }

  /**
   * A route's series begin with the service, so that there is something to see before anything
   * happens: the statuses and codes that rules ask for. The others begin, at zero too, when they
   * are first met.
   */
  beginRoute(endpoint: string, methods: readonly string[]): void {
    for (const method of methods) {
      for (const status of [200, 400, 429, 500, 503]) this.#requestsOf(method, endpoint, status, faultOfStatus(status));
      this.#meter.summed('httpRequestSeconds').series(method, endpoint);
      this.#meter.exponential('httpRequestLatency').series(method, endpoint);
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
    const stages = new Set<string>(task === undefined ? inferenceStages : stageNames);
    const requests = this.#meter.counter('inferenceRequests');
    const stageSeconds = this.#meter.histogram('inferenceStageSeconds');
    const series = {
      ok: requests.series(model, 'ok', '', label),
      seconds: this.#meter.histogram('inferenceSeconds').series(model, label),
      stages: stageNames.map((stage) => (stages.has(stage) ? stageSeconds.series(model, stage, label) : undefined)),
      rest: this.#meter.histogram('inferenceRestSeconds').series(model, label),
    };
    for (const code of ['inference_failed', 'deadline_exceeded', 'lane_crashed', 'queue_full'] satisfies FailureCode[])
      requests.series(model, code, faultOf(code), label);
    uses.set(task, series);
    return series;
  }

  /** A request has begun; `ended` follows. */
  began(method: string): void {
    this.#activeOf(method).value += 1;
  }

  ended(method: string): void {
    this.#activeOf(method).value -= 1;
  }

  answered(
    method: string,
    endpoint: string,
    status: number,
    fault: Fault | undefined,
    { tookMs, bodyBytes, answerBytes }: Pick<RequestRow, 'tookMs' | 'bodyBytes' | 'answerBytes'>,
  ): void {
    const series =
      this.#lastAnswered.get(status, endpoint, method, fault) ??
      this.#lastAnswered.set(
        {
          requests: this.#requestsOf(method, endpoint, status, fault),
          seconds: this.#secondsOf(method, endpoint, status),
          bodies: this.#meter.histogram('httpServerBodyBytes').series(method, endpoint, this.#scheme),
          answers: this.#meter.histogram('httpServerAnswerBytes').series(method, endpoint, this.#scheme),
        },
        status,
        endpoint,
        method,
        fault,
      );
    series.requests.value += 1;
    series.seconds.record(tookMs / 1000);
    series.bodies.record(bodyBytes);
    series.answers.record(answerBytes);
  }

  /** The trace of a request that was counted is kept: one can go from its buckets to it. */
  exemplify(words: ExemplaryWords, row: RequestRow, ids: Exemplar): void {
    const { method, route, servedBy, task, isForJob } = words;
    this.#secondsOf(method, route, row.status).exemplify(ids);
    if (servedBy === undefined || isForJob) return;
    const { seconds, stages, rest } = this.beginModel(servedBy.name, task);
    seconds.exemplify(ids);
    for (let stage = 0; stage < stages.length; stage += 1)
      stages[stage]?.exemplify({ ...ids, value: row.stageMs(stage) / 1000 });
    rest.exemplify({ ...ids, value: row.restMs / 1000 });
  }

  /** Recorded once, in the bounds of both histograms. */
  #secondsOf(method: string, endpoint: string, status: number): HistogramSeries {
    const key = `${method} ${status} ${endpoint}`;
    const known = this.#seconds.get(key);
    if (known !== undefined) return known;
    const series = new HistogramSeries(
      secondsOfBoth,
      this.#meter.exponential('httpRequestLatency').series(method, endpoint),
    );
    this.#seconds.set(key, series);
    this.#meter.summed('httpRequestSeconds').series(method, endpoint).add(series);
    this.#meter
      .summed('httpServerSeconds')
      .series(method, endpoint, String(status), this.#scheme, status >= 500 ? String(status) : '')
      .add(series);
    return series;
  }

  #activeOf(method: string): CounterSeries {
    let series = this.#active.get(method);
    if (series === undefined) {
      series = this.#meter.upDownCounter('httpServerActive').series(method, this.#scheme);
      this.#active.set(method, series);
    }
    return series;
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

  /** A model was used; the rest is what no stage has of the whole. */
  used(model: string, task: TaskKind | undefined, row: RequestRow, failedBy: FailureCode | undefined): void {
    const series =
      this.#lastModel.get(0, model, task) ?? this.#lastModel.set(this.beginModel(model, task), 0, model, task);
    const { ok, seconds, stages, rest } = series;
    if (failedBy === undefined) ok.value += 1;
    else this.#meter.counter('inferenceRequests').series(model, failedBy, faultOf(failedBy), task ?? '').value += 1;
    seconds.record(row.tookMs / 1000);
    for (let stage = 0; stage < stages.length; stage += 1) stages[stage]?.record(row.stageMs(stage) / 1000);
    rest.record(row.restMs / 1000);
    if (row.firstPartMs > 0)
      this.#meter
        .histogram('firstPartSeconds')
        .series(model, task ?? '')
        .record(row.firstPartMs / 1000);
  }

  kept(because: KeptBecause): void {
    this.#meter.counter('tracesKept').series(because).value += 1;
  }
}

type ModelSeries = {
  readonly ok: CounterSeries;
  readonly seconds: HistogramSeries;
  /** In the order of stageNames; an inference has not all of them. */
  readonly stages: readonly (HistogramSeries | undefined)[];
  readonly rest: HistogramSeries;
};

type AnsweredSeries = {
  readonly requests: CounterSeries;
  readonly seconds: HistogramSeries;
  readonly bodies: HistogramSeries;
  readonly answers: HistogramSeries;
};

type ExemplaryWords = Pick<RequestTrace, 'method' | 'route' | 'servedBy' | 'task' | 'isForJob'>;

const secondsOfBoth = [...new Set<number>([...requestSeconds, ...conventionSeconds])].sort((a, b) => a - b);
