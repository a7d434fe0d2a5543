import { type FailureCode, faultOf } from '../errors.ts';
import type { TaskKind } from '../task-kinds.ts';
import type { AggregatedMetric, AggregatedPoint } from '../telemetry/meter/aggregated-metrics.ts';
import { collectAll, HotCounter, HotHistogram } from '../telemetry/meter/hot-series.ts';
import { metricNames } from '../telemetry/names/names.ts';
import type { TaskMeasures } from './task-work.ts';

export type EndedTask = {
  readonly kind: TaskKind;
  readonly model: string;
  readonly modelType: string;
  readonly failure: FailureCode | undefined;
  readonly seconds: number;
  /** From the first engine call to the last answer. */
  readonly inferenceSeconds: number | undefined;
  readonly tenant: string;
  readonly parameters: Record<string, unknown>;
  readonly measures: TaskMeasures;
};

/** What is counted of every task, whether a request or a job asked for it. */
export class TaskMetrics {
  readonly #tasks = new HotCounter('tasks');
  readonly #seconds = new HotHistogram('taskSeconds');
  readonly #realTimeFactor = new HotHistogram('realTimeFactor');
  readonly #defects = new HotCounter('outputDefects');
  readonly #generations = new HotCounter('generations');
  readonly #generationSeconds = new HotHistogram('generationSeconds');
  readonly #generatedAudio = new HotHistogram('generatedAudio');
  readonly #generationErrors = new HotCounter('generationErrors');
  readonly #separations = new HotCounter('separations');
  readonly #separationSeconds = new HotHistogram('separationSeconds');
  readonly #separationFileBytes = new HotHistogram('separationFileBytes');
  readonly #separationAudio = new HotHistogram('separationAudio');
  readonly #inferenceSeconds = new HotHistogram('modelInferenceSeconds');
  readonly #audioSeconds = new HotCounter('costAudio');
  #possible: () => readonly { kind: TaskKind; model: string }[] = () => [];
  readonly #generationTimes = new Map<string, { count: number; sum: number; min: number; max: number }>();
  readonly #accuracy = new Map<string, { labels: Record<string, string>; value: number; startMs: number }>();

  /** What can be asked for is looked up before each export: series begin at zero, or the first event would be invisible to rate(). */
  watch(possible: () => readonly { kind: TaskKind; model: string }[]): void {
    this.#possible = possible;
  }

  #begin(kind: TaskKind, model: string): void {
    this.#tasks.series(kind, model, 'success', '');
    this.#seconds.series(kind, model);
    for (const defect of ['silence', 'clipping', 'not_finite']) this.#defects.series(model, defect);
    if (kind === 'generate') {
      this.#generations.series(model, 'success', '');
      for (const code of ['inference_failed', 'deadline_exceeded', 'internal'] satisfies FailureCode[])
        this.#generationErrors.series(code, faultOf(code));
    }
    if (kind !== 'separate') return;
    this.#separations.series(model, 'success', '');
    for (const histogram of [this.#separationSeconds, this.#separationFileBytes, this.#separationAudio])
      histogram.series(model);
  }

  ended(task: EndedTask): void {
    const { kind, model, modelType, failure, seconds, inferenceSeconds, measures } = task;
    this.#counted(kind, model, failure);
    if (inferenceSeconds !== undefined)
      this.#inferenceSeconds.series(model, modelType, measures.alloy ?? '').record(inferenceSeconds);
    for (const [defect, count] of Object.entries(measures.defects ?? {}))
      this.#defects.series(model, defect).value += count;
    if (failure === undefined) this.#succeeded(task);
    else this.#seconds.series(kind, model).record(seconds);
  }

  /** A request for a task that was refused before the task began, for its parameters or its files. */
  refused(kind: TaskKind, model: string, failure: FailureCode): void {
    this.#counted(kind, model, failure);
  }

  #counted(kind: TaskKind, model: string, failure: FailureCode | undefined): void {
    const status = failure ?? 'success';
    const fault = failure === undefined ? '' : faultOf(failure);
    this.#tasks.series(kind, model, status, fault).value += 1;
    if (kind === 'generate') this.#generations.series(model, status, fault).value += 1;
    if (kind === 'separate') this.#separations.series(model, status, fault).value += 1;
    if (kind === 'generate' && failure !== undefined) this.#generationErrors.series(failure, fault).value += 1;
  }

  collect(): AggregatedMetric[] {
    for (const { kind, model } of this.#possible()) this.#begin(kind, model);
    const metrics = collectAll([
      this.#tasks,
      this.#seconds,
      this.#realTimeFactor,
      this.#defects,
      this.#generations,
      this.#generationSeconds,
      this.#generatedAudio,
      this.#generationErrors,
      this.#separations,
      this.#separationSeconds,
      this.#separationFileBytes,
      this.#separationAudio,
      this.#inferenceSeconds,
      this.#audioSeconds,
    ]);
    const atMs = Date.now();
    const accuracy = [...this.#accuracy.values()].map((point) => ({ ...point, atMs }));
    return [...metrics, gauge('modelAccuracy', accuracy), gauge('generationStatistic', this.#statistics(atMs))];
  }

  #statistics(atMs: number): AggregatedPoint<number>[] {
    return [...this.#generationTimes].flatMap(([model, { count, sum, min, max }]) =>
      Object.entries({ min, max, avg: sum / count }).map(([statistic, value]) => ({
        labels: { model, statistic },
        startMs: atMs,
        atMs,
        value,
      })),
    );
  }

  #timeGeneration(model: string, seconds: number): void {
    const { count, sum, min, max } = this.#generationTimes.get(model) ?? {
      count: 0,
      sum: 0,
      min: Number.POSITIVE_INFINITY,
      max: 0,
    };
    this.#generationTimes.set(model, {
      count: count + 1,
      sum: sum + seconds,
      min: Math.min(min, seconds),
      max: Math.max(max, seconds),
    });
  }

  #succeeded({ kind, model, modelType, seconds, tenant, parameters, measures }: EndedTask): void {
    const { audioSeconds, fileBytes, accuracy } = measures;
    this.#seconds.series(kind, model).record(seconds);
    if (audioSeconds !== undefined && audioSeconds > 0) {
      this.#realTimeFactor.series(kind, model).record(seconds / audioSeconds);
      this.#audioSeconds.series(tenant, model).value += audioSeconds;
    }
    if (kind === 'generate') {
      this.#generationSeconds.series(model, lengthLabel(Number(parameters.duration_seconds))).record(seconds);
      this.#timeGeneration(model, seconds);
      this.#generatedAudio.series(model).record(audioSeconds ?? 0);
    }
    if (kind === 'separate') {
      this.#separationSeconds.series(model).record(seconds);
      this.#separationFileBytes.series(model).record(fileBytes ?? 0);
      this.#separationAudio.series(model).record(audioSeconds ?? 0);
    }
    if (accuracy) {
      const labels = { model_type: modelType, validation_set: accuracy.validationSet };
      this.#accuracy.set(accuracy.validationSet, { labels, value: accuracy.value, startMs: Date.now() });
    }
  }
}

function gauge(of: 'modelAccuracy' | 'generationStatistic', points: AggregatedPoint<number>[]): AggregatedMetric {
  const { name, unit, says } = metricNames[of];
  return { name, unit, says, kind: 'gauge', points };
}

/** Lengths in steps: a label for each length would be a series for each. */
function lengthLabel(seconds: number): string {
  const step = [1, 5, 10, 30, 60].find((each) => seconds <= each);
  return step === undefined ? 'longer' : `${step}s`;
}
