import { type Attributes, type Context, trace } from '@opentelemetry/api';
import type { AskedBy, BatchFacts, InferAnswer } from '../engine/inference.ts';
import { shapesOf, type Tensor } from '../engine/tensor.ts';
import { type FailureCode, faultOf, levelOfFault, ofCallersDeadline, ServiceError } from '../errors.ts';
import type { TaskKind } from '../task-kinds.ts';
import { type LogFields, log } from '../telemetry/logger.ts';
import type { EventName } from '../telemetry/names/events.ts';
import { attribute, spanNames } from '../telemetry/names/names.ts';
import { failureOf, recordSpan } from '../telemetry/spans.ts';
import { LaneWaits } from './lane-waits.ts';
import { type EngineCall, TaskTime } from './task-time.ts';
import type { Followed, ModelInUse, TaskRecord, TaskTools } from './task-tools.ts';
import type { TaskRequest, TaskResult } from './task-types.ts';
import type { TaskMeasures } from './task-work.ts';
import { type Stretch, waitingName, workName } from './threads/task-clock.ts';

/**
 * Of the stretches and of the engine calls of a task, the first so many have a span each; the rest
 * of each name have one together.
 */
const spansMax = 32;
/** Shorter ones of no name are not worth a span. */
const workMsMin = 1;

/** Runs a task and records its outcome: metrics, spans, one log line. */
export async function accountForTask(
  request: TaskRequest,
  model: string,
  tools: TaskTools,
  act: (record: TaskRecord) => Promise<TaskResult>,
): Promise<TaskResult> {
  // What the process did since the request was received, it did before it turned to the task: that is
  // waiting, too.
  const markedAt = tools.asker?.row?.markedAt;
  const startMs = markedAt === undefined ? now() : performance.timeOrigin + markedAt;
  const record = new TaskRecorder(request, model, startMs, tools);
  try {
    const result = await act(record);
    record.end(undefined);
    return result;
  } catch (thrown) {
    const error = tools.deadlineSetBy === 'caller' ? ofCallersDeadline(thrown) : thrown;
    record.end(error);
    throw error;
  }
}

class TaskRecorder implements TaskRecord {
  readonly #request: TaskRequest;
  readonly #model: string;
  readonly #startMs: number;
  readonly #tools: TaskTools;
  readonly #time: TaskTime;
  readonly #by: AskedBy | undefined;
  readonly #waits = new LaneWaits();
  readonly #given = { rows: 0, bytes: 0 };
  readonly #steps = new RecordedStretches();
  readonly #calls: EngineCall[] = [];
  #later: { readonly first: number; readonly startMs: number; readonly endMs: number } | undefined;
  #threadWait: { readonly sinceMs: number; readonly givenMs: number | undefined } | undefined;
  #callCount = 0;
  #callsFrom = Number.POSITIVE_INFINITY;
  #callsTo = 0;
  #measures: TaskMeasures = {};

  constructor(request: TaskRequest, model: string, startMs: number, tools: TaskTools) {
    this.#request = request;
    this.#model = model;
    this.#startMs = startMs;
    this.#tools = tools;
    this.#time = new TaskTime(startMs);
    this.#by = askedBy(request.kind, tools.belongsTo);
    const { asker } = tools;
    if (!asker) return;
    asker.task = request.kind;
    asker.spending = () => this.#time.stages(now());
  }

  uses(model: ModelInUse): void {
    if (this.#tools.asker) this.#tools.asker.servedBy = model;
  }

  waitsForThread(): void {
    this.#threadWait = { sinceMs: this.#startMs, givenMs: undefined };
    this.#time.waitsForThread(this.#startMs);
  }

  givenToThread(): void {
    if (this.#threadWait) this.#threadWait = { ...this.#threadWait, givenMs: now() };
  }

  measured(measures: TaskMeasures): void {
    this.#measures = measures;
  }

  spent(stretches: readonly Stretch[]): void {
    const [first] = stretches;
    if (first) this.#threadHasBegun(first.startMs);
    for (const stretch of stretches) {
      this.#time.spent(stretch);
      const { name, tookMs } = stretch;
      if (name !== waitingName && (name !== workName || tookMs >= workMsMin)) this.#steps.add(stretch);
    }
  }

  #threadHasBegun(atMs: number): void {
    const wait = this.#threadWait;
    if (!wait) return;
    this.#threadWait = undefined;
    this.#time.threadBegan(atMs);
    const { sinceMs, givenMs = atMs } = wait;
    const parts = [
      { name: 'thread.wait', startMs: sinceMs, tookMs: givenMs - sinceMs },
      { name: 'thread.open', startMs: givenMs, tookMs: atMs - givenMs },
    ];
    for (const part of parts) if (part.tookMs >= workMsMin) this.#steps.add(part);
  }

  async engineCall(
    inputs: readonly Tensor[],
    call: (followed: Followed) => Promise<InferAnswer>,
  ): Promise<InferAnswer> {
    const { asker, tenant } = this.#tools;
    const startMs = now();
    let batch: BatchFacts | undefined;
    let ranFrom: number | undefined;
    const follower: Followed['follower'] = {
      arrived: (...queue) => {
        const [, , , , , rows, bytes] = queue;
        this.#given.rows += rows;
        this.#given.bytes += bytes;
        asker?.row?.arrived(...queue);
      },
      batchEnded: (ended) => {
        batch = ended;
        ranFrom = ended.startedAt;
        if (ended.outcome !== 'ran') asker?.row?.runLost(ended);
      },
      expiredInRun: (beganAt) => {
        ranFrom = beganAt;
      },
    };
    // The data is given away with the call.
    const shapes = shapesOf(inputs);
    this.#time.callBegan();
    try {
      return await call({ tenant, follower, by: this.#by });
    } catch (error) {
      if (asker) asker.inputs = shapes;
      throw error;
    } finally {
      const ranFromMs = ranFrom === undefined ? undefined : performance.timeOrigin + ranFrom;
      this.#callEnded({ startMs, endMs: now(), ranFromMs, batch });
    }
  }

  #callEnded(call: EngineCall): void {
    const { startMs, endMs, ranFromMs = endMs } = call;
    this.#time.callEnded(call);
    this.#waits.add(startMs, ranFromMs);
    this.#callCount += 1;
    this.#callsFrom = Math.min(this.#callsFrom, startMs);
    this.#callsTo = Math.max(this.#callsTo, endMs);
    if (this.#calls.length < spansMax) this.#calls.push(call);
    else this.#later = { first: spansMax, startMs: Math.min(startMs, this.#later?.startMs ?? startMs), endMs };
  }

  end(error: unknown): void {
    const { metrics, tenant, context, belongsTo, asker } = this.#tools;
    const { kind } = this.#request;
    const endMs = now();
    if (this.#threadWait) this.#threadHasBegun(endMs);
    if (asker) {
      asker.row?.markTask(this.#time.stages(endMs));
      asker.row?.gaveEngine(this.#given.rows, this.#given.bytes);
      asker.waits = this.#waits.found();
      asker.spending = undefined;
    }
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
    writeLog({ kind, model, tenant, failure, seconds, measures: this.#measures, belongsTo }, spans);
  }

  /**
   * The task's span; in it what the work did, and the use of the model with its first calls. Answers
   * the context of the first.
   */
  #makeSpans(of: {
    model: string;
    tenant: string;
    parent: Context;
    endMs: number;
    failure: FailureCode | undefined;
    error: unknown;
  }): Context {
    const { model, tenant, parent, endMs, failure, error } = of;
    const { kind, parameters } = this.#request;
    const failed = error === undefined ? undefined : failureOf(error);
    const common = { [attribute.taskKind]: kind, [attribute.modelName]: model, ...measuresOf(this.#measures) };
    const task = recordSpan({
      ...failed,
      name: spanNames.task.name,
      parent: trace.getSpanContext(parent),
      startMs: this.#startMs,
      endMs,
      attributes: { ...common, [attribute.taskStatus]: failure ?? 'success', tenant, ...failed?.attributes },
    });
    for (const { name, startMs, endMs: untilMs, count, busyMs } of this.#steps)
      recordSpan({
        name: spanNames.taskStep.name,
        parent: task,
        startMs,
        endMs: untilMs,
        attributes: {
          [attribute.taskStep]: name,
          ...(count > 1 && { [attribute.taskStepCount]: count, [attribute.taskStepBusy]: busyMs }),
        },
      });
    if (this.#callCount > 0) {
      const prompt =
        typeof parameters.prompt === 'string' ? { [attribute.promptLength]: parameters.prompt.length } : {};
      const inference = recordSpan({
        ...failed,
        name: spanNames.modelInference.name,
        parent: task,
        startMs: this.#callsFrom,
        endMs: this.#callsTo,
        attributes: {
          ...common,
          ...prompt,
          ...(this.#request.kind === 'generate' && generationAttributes(this.#model, parameters)),
          [attribute.taskCalls]: this.#callCount,
          ...failed?.attributes,
        },
      });
      const chunk = { name: spanNames.chunk.name, parent: inference };
      for (const [index, call] of this.#calls.entries()) {
        const { startMs, endMs: untilMs, batch } = call;
        const outcome = batch && batch.outcome !== 'ran' ? batch.outcome : undefined;
        const attributes = { [attribute.taskChunk]: index, ...batchOf(call) };
        recordSpan({ ...chunk, startMs, endMs: untilMs, attributes, error: outcome });
      }
      if (this.#later) {
        const { first, startMs, endMs: untilMs } = this.#later;
        const attributes = { [attribute.taskChunk]: first, [attribute.taskStepCount]: this.#callCount - first };
        recordSpan({ ...chunk, startMs, endMs: untilMs, attributes });
      }
    }
    return trace.setSpanContext(parent, task);
  }
}

/** By OpenTelemetry's names for generative models. Nothing of the prompt is recorded. */
function generationAttributes(model: string, { seed }: Readonly<Record<string, unknown>>): Attributes {
  return {
    [attribute.genAiOperation]: 'generate_content',
    [attribute.genAiProvider]: 'vitrine',
    [attribute.genAiOutput]: 'audio',
    [attribute.genAiModel]: model,
    ...(typeof seed === 'number' && { [attribute.genAiSeed]: seed }),
  };
}

/**
 * The first stretches one by one; of those that come later, one for each name, from the first to
 * the last.
 */
class RecordedStretches {
  readonly #first: RecordedStretch[] = [];
  readonly #later = new Map<string, RecordedStretch>();

  add({ name, startMs, tookMs }: Stretch): void {
    const stretch = { name, startMs, endMs: startMs + tookMs, count: 1, busyMs: tookMs };
    if (this.#first.length < spansMax) {
      this.#first.push(stretch);
      return;
    }
    const known = this.#later.get(name);
    if (!known) this.#later.set(name, stretch);
    else {
      known.endMs = stretch.endMs;
      known.count += 1;
      known.busyMs += tookMs;
    }
  }

  *[Symbol.iterator](): Generator<RecordedStretch> {
    yield* this.#first;
    yield* this.#later.values();
  }
}

type RecordedStretch = {
  readonly name: string;
  readonly startMs: number;
  endMs: number;
  count: number;
  busyMs: number;
};

/** Which request or job its batches are named after. */
function askedBy(task: TaskKind, belongsTo: LogFields = {}): AskedBy | undefined {
  const { [attribute.requestId]: requestId, [attribute.jobId]: jobId } = belongsTo;
  const id = jobId ?? requestId;
  return id === undefined ? undefined : { task, id: String(id), isJob: jobId !== undefined };
}

function batchOf({ startMs, ranFromMs, batch }: EngineCall): Attributes {
  const waited = ranFromMs === undefined ? {} : { [attribute.taskChunkWaited]: Math.max(0, ranFromMs - startMs) };
  if (!batch) return waited;
  return {
    ...waited,
    [attribute.batchId]: batch.id,
    [attribute.lane]: batch.lane,
    [attribute.provider]: batch.provider,
    [attribute.sessionMs]: batch.sessionMs,
  };
}

function measuresOf({ audioSeconds, generatedSamples }: TaskMeasures): Attributes {
  return {
    ...(audioSeconds !== undefined && { [attribute.audioDuration]: audioSeconds }),
    ...(generatedSamples !== undefined && { [attribute.audioSamples]: generatedSamples }),
  };
}

/** The event's word in the log, by kind of task. */
export const taskEvents: Readonly<Record<TaskKind, EventName>> = {
  separate: 'audio_separation',
  generate: 'audio_generation',
  score: 'audio_scoring',
  microstructure: 'microstructure_generation',
  speech: 'speech_detection',
};

function writeLog(
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
      ...(code && { [attribute.errorType]: code, fault: faultOf(code) }),
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
