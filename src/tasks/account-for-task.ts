import { type Attributes, type Context, type TimeInput, trace } from '@opentelemetry/api';
import type { BatchFacts, InferAnswer } from '../engine/inference.ts';
import { type FailureCode, faultOf, levelOfFault, ofCallersDeadline, ServiceError } from '../errors.ts';
import { type LogFields, log } from '../telemetry/logger.ts';
import { type SpanName, scopeName, spanNames } from '../telemetry/names.ts';
import { recordFailure } from '../telemetry/spans.ts';
import type { TaskKind, TaskRequest, TaskResult, TaskTools } from './task.ts';
import type { TaskMeasures } from './task-work.ts';

/** What the work tells on its way; its spans are made from it when it has ended. */
export type TaskTelling = {
  measured(measures: TaskMeasures): void;
  /** `startMs` since the epoch. */
  step(name: string, startMs: number, tookMs: number): void;
  engineCall(call: () => Promise<InferAnswer>): Promise<InferAnswer>;
};

/** Of the engine calls of a task, the first so many have a span of their own; the rest are in the sums. */
const callSpansMax = 32;

type EngineCall = { readonly startMs: number; readonly endMs: number; readonly batch: BatchFacts | undefined };

/** Runs a task and tells of it, whatever becomes of it: metrics, its spans, one log line. */
export async function accountForTask(
  request: TaskRequest,
  model: string,
  tools: TaskTools,
  act: (told: TaskTelling) => Promise<TaskResult>,
): Promise<TaskResult> {
  const startMs = now();
  const told = new Told(request, model, startMs);
  try {
    const result = await act(told);
    told.end(tools, undefined);
    return result;
  } catch (thrown) {
    const error = tools.deadlineSetBy === 'caller' ? ofCallersDeadline(thrown) : thrown;
    told.end(tools, error);
    throw error;
  }
}

class Told implements TaskTelling {
  readonly #request: TaskRequest;
  readonly #model: string;
  readonly #startMs: number;
  readonly #steps: { name: string; startMs: number; tookMs: number }[] = [];
  readonly #calls: EngineCall[] = [];
  #callCount = 0;
  #callsFrom = Number.POSITIVE_INFINITY;
  #callsTo = 0;
  #measures: TaskMeasures = {};

  constructor(request: TaskRequest, model: string, startMs: number) {
    this.#request = request;
    this.#model = model;
    this.#startMs = startMs;
  }

  measured(measures: TaskMeasures): void {
    this.#measures = measures;
  }

  step(name: string, startMs: number, tookMs: number): void {
    if (this.#steps.length < callSpansMax) this.#steps.push({ name, startMs, tookMs });
  }

  async engineCall(call: () => Promise<InferAnswer>): Promise<InferAnswer> {
    const startMs = now();
    let batch: BatchFacts | undefined;
    try {
      const answer = await call();
      batch = answer.batch;
      return answer;
    } finally {
      const endMs = now();
      this.#callCount += 1;
      this.#callsFrom = Math.min(this.#callsFrom, startMs);
      this.#callsTo = Math.max(this.#callsTo, endMs);
      if (this.#calls.length < callSpansMax) this.#calls.push({ startMs, endMs, batch });
    }
  }

  end(tools: Pick<TaskTools, 'metrics' | 'tenant' | 'context' | 'belongsTo'>, error: unknown): void {
    const { metrics, tenant, context, belongsTo } = tools;
    const { kind } = this.#request;
    const endMs = now();
    const failure = error === undefined ? undefined : codeOf(error);
    const seconds = (endMs - this.#startMs) / 1000;
    const inferenceSeconds = this.#callCount > 0 ? (this.#callsTo - this.#callsFrom) / 1000 : undefined;
    // A name that the caller made up is no label.
    const model = failure === 'model_not_found' ? 'unknown' : this.#model;
    metrics.ended({
      kind,
      model,
      modelType: modelTypes[kind],
      failure,
      seconds,
      inferenceSeconds,
      tenant,
      parameters: this.#request.parameters,
      measures: this.#measures,
    });
    const spans = this.#makeSpans({ model, tenant, parent: context, endMs, failure, error });
    tellInLog({ kind, model, tenant, failure, seconds, measures: this.#measures, belongsTo }, spans);
  }

  /** The task's span; in it what the work did, and the use of the model with its first calls. Answers the context of the first. */
  #makeSpans(of: {
    model: string;
    tenant: string;
    parent: Context;
    endMs: number;
    failure: FailureCode | undefined;
    error: unknown;
  }): Context {
    const { model, tenant, parent, endMs, failure, error } = of;
    const tracer = trace.getTracer(scopeName);
    const { kind, parameters } = this.#request;
    const begin = (name: SpanName, startTime: TimeInput, attributes: Attributes, within: Context) =>
      tracer.startSpan(spanNames[name].name, { startTime, attributes }, within);
    const common = { 'task.kind': kind, 'inference.model.name': model, ...measuresOf(this.#measures) };
    const task = begin('task', this.#startMs, { ...common, 'task.status': failure ?? 'success', tenant }, parent);
    const inTask = trace.setSpan(parent, task);
    for (const { name, startMs, tookMs } of this.#steps)
      begin('taskStep', startMs, { 'task.step': name }, inTask).end(startMs + tookMs);
    if (this.#callCount > 0) {
      const prompt = typeof parameters.prompt === 'string' ? { 'prompt.length': parameters.prompt.length } : {};
      const attributes = { ...common, ...prompt, 'inference.calls': this.#callCount };
      const inference = begin('modelInference', this.#callsFrom, attributes, inTask);
      const inInference = trace.setSpan(inTask, inference);
      for (const [index, call] of this.#calls.entries())
        begin('chunk', call.startMs, { 'task.chunk': index, ...batchOf(call.batch) }, inInference).end(call.endMs);
      if (error !== undefined) recordFailure(inference, error);
      inference.end(this.#callsTo);
    }
    if (error !== undefined) recordFailure(task, error);
    task.end(endMs);
    return inTask;
  }
}

function batchOf(batch: BatchFacts | undefined): Attributes {
  if (!batch) return {};
  return {
    'inference.batch.id': batch.id,
    'inference.lane': batch.lane,
    'inference.provider': batch.provider,
    'inference.session.duration_ms': batch.sessionMs,
  };
}

function measuresOf({ audioSeconds, generatedSamples }: TaskMeasures): Attributes {
  return {
    ...(audioSeconds !== undefined && { 'audio.duration': audioSeconds }),
    ...(generatedSamples !== undefined && { 'audio.generated_samples': generatedSamples }),
  };
}

/** The event's word in the log, by kind of task. */
export const taskEvents: Readonly<Record<TaskKind, string>> = {
  separate: 'audio_separation',
  generate: 'audio_generation',
  score: 'audio_scoring',
  microstructure: 'microstructure_generation',
  speech: 'speech_detection',
};

function tellInLog(
  of: {
    kind: TaskKind;
    model: string;
    tenant: string;
    failure: FailureCode | undefined;
    seconds: number;
    measures: TaskMeasures;
    belongsTo: LogFields | undefined;
  },
  context: Context,
): void {
  const { kind, model, tenant, failure: code, seconds, measures, belongsTo } = of;
  log(
    'app',
    code === undefined ? 'info' : levelOfFault[faultOf(code)],
    code === undefined ? `Task ${kind} done in ${seconds.toFixed(3)} s` : `Task ${kind} failed: ${code}`,
    {
      event_type: taskEvents[kind],
      ...belongsTo,
      model,
      model_type: modelTypes[kind],
      status: code === undefined ? 'success' : 'error',
      success: code === undefined,
      processing_duration_seconds: Math.round(seconds * 1e6) / 1e6,
      duration_ms: Math.round(seconds * 1e6) / 1e3,
      ...(code && { 'error.type': code, fault: faultOf(code) }),
      tenant,
      ...(measures.audioSeconds !== undefined && { audio_duration_seconds: measures.audioSeconds }),
      ...(measures.fileBytes !== undefined && { file_size_bytes: measures.fileBytes }),
    },
    context,
  );
}

/** The label model_type: what the model of each kind of task is. */
export const modelTypes: Readonly<Record<TaskKind, string>> = {
  separate: 'separation',
  generate: 'synthesis',
  score: 'quality',
  microstructure: 'diffusion',
  speech: 'voice_activity',
};

function codeOf(error: unknown): FailureCode {
  return error instanceof ServiceError ? error.code : 'internal';
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
