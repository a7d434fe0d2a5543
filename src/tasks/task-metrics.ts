import { type FailureCode, faultOf } from '../errors.ts';
import type { TaskKind } from '../task-kinds.ts';
import type { Meter } from '../telemetry/meter.ts';
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
  readonly #meter: Meter;
  readonly #generationTimes = new Map<string, { count: number; sum: number; min: number; max: number }>();
  readonly #accuracy = new Map<string, { modelType: string; value: number }>();

  constructor(meter: Meter) {
    this.#meter = meter;
    meter.gauge('modelAccuracy', (observe) => {
      for (const [set, { modelType, value }] of this.#accuracy) observe(value, modelType, set);
    });
    meter.gauge('generationStatistic', (observe) => {
      for (const [model, { count, sum, min, max }] of this.#generationTimes)
        for (const [statistic, value] of Object.entries({ min, max, avg: sum / count }))
          observe(value, model, statistic);
    });
  }

  /**
   * Begins the series of what can be asked for: without a zero, the first event is invisible to
   * rate().
   */
  watch(possible: () => readonly { kind: TaskKind; model: string }[]): void {
    this.#meter.beforeCollecting(() => {
      for (const { kind, model } of possible()) this.#begin(kind, model);
    });
  }

  #begin(kind: TaskKind, model: string): void {
    this.#meter.counter('tasks').series(kind, model, 'success', '');
    this.#meter.histogram('taskSeconds').series(kind, model);
    for (const defect of ['silence', 'clipping', 'not_finite'])
      this.#meter.counter('outputDefects').series(model, defect);
    if (kind === 'generate') {
      this.#meter.counter('generations').series(model, 'success', '');
      for (const code of ['inference_failed', 'deadline_exceeded', 'internal'] satisfies FailureCode[])
        this.#meter.counter('generationErrors').series(code, faultOf(code));
    }
    if (kind !== 'separate') return;
    this.#meter.counter('separations').series(model, 'success', '');
    for (const histogram of ['separationSeconds', 'separationFileBytes', 'separationAudio'] as const)
      this.#meter.histogram(histogram).series(model);
  }

  ended(task: EndedTask): void {
    const { kind, model, modelType, failure, seconds, inferenceSeconds, measures } = task;
    this.#counted(kind, model, failure);
    if (inferenceSeconds !== undefined)
      this.#meter
        .histogram('modelInferenceSeconds')
        .series(model, modelType, measures.alloy ?? '')
        .record(inferenceSeconds);
    for (const [defect, count] of Object.entries(measures.defects ?? {}))
      this.#meter.counter('outputDefects').series(model, defect).value += count;
    if (failure === undefined) this.#succeeded(task);
    else this.#meter.histogram('taskSeconds').series(kind, model).record(seconds);
  }

  /** A request for a task that was refused before the task began, for its parameters or its files. */
  refused(kind: TaskKind, model: string, failure: FailureCode): void {
    this.#counted(kind, model, failure);
  }

  #counted(kind: TaskKind, model: string, failure: FailureCode | undefined): void {
    const status = failure ?? 'success';
    const fault = failure === undefined ? '' : faultOf(failure);
    this.#meter.counter('tasks').series(kind, model, status, fault).value += 1;
    if (kind === 'generate') this.#meter.counter('generations').series(model, status, fault).value += 1;
    if (kind === 'separate') this.#meter.counter('separations').series(model, status, fault).value += 1;
    if (kind === 'generate' && failure !== undefined)
      this.#meter.counter('generationErrors').series(failure, fault).value += 1;
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
    this.#meter.histogram('taskSeconds').series(kind, model).record(seconds);
    if (audioSeconds !== undefined && audioSeconds > 0) {
      this.#meter
        .histogram('realTimeFactor')
        .series(kind, model)
        .record(seconds / audioSeconds);
      this.#meter.counter('costAudio').series(tenant, model).value += audioSeconds;
    }
    if (kind === 'generate') {
      this.#meter
        .histogram('generationSeconds')
        .series(model, lengthLabel(Number(parameters.duration_seconds)))
        .record(seconds);
      this.#timeGeneration(model, seconds);
      this.#meter
        .histogram('generatedAudio')
        .series(model)
        .record(audioSeconds ?? 0);
    }
    if (kind === 'separate') {
      this.#meter.histogram('separationSeconds').series(model).record(seconds);
      this.#meter
        .histogram('separationFileBytes')
        .series(model)
        .record(fileBytes ?? 0);
      this.#meter
        .histogram('separationAudio')
        .series(model)
        .record(audioSeconds ?? 0);
    }
    if (accuracy) {
      this.#accuracy.set(accuracy.validationSet, { modelType, value: accuracy.value });
    }
  }
}

/** Lengths in steps: a label for each length would be a series for each. */
function lengthLabel(seconds: number): string {
  const step = [1, 5, 10, 30, 60].find((each) => seconds <= each);
  return step === undefined ? 'longer' : `${step}s`;
}
