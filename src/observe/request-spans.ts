import { type Attributes, type Context, SpanKind, trace } from '@opentelemetry/api';
import type { BatchFacts, StepFacts } from '../engine/inference.ts';
import { type Ids, newIds, sampled } from '../telemetry/ids.ts';
import { spanNames } from '../telemetry/names/names.ts';
import { recordSpan } from '../telemetry/spans.ts';
import { batchAttributes } from './batch-attributes.ts';
import { batchSpans } from './batch-spans.ts';
import { type InferenceStage, inferenceStages, type Stages } from './stages.ts';
import { makeStepSpans } from './step-spans.ts';

export type EndedRequest = {
  ids: Ids;
  /** The caller's context, or the root. */
  parent: Context;
  name: string;
  attributes: Attributes;
  /** In the milliseconds of performance.now(). */
  startedAt: number;
  tookMs: number;
  /** The server is at fault: how it is described. */
  error: string | undefined;
  stages: Stages | undefined;
  /** The stages that become spans, if not all: a task has spans of its own in between. */
  withSpans?: readonly InferenceStage[] | undefined;
  /** Of the span of the run, where somebody has to know it before it is made. */
  runSpanId?: string | undefined;
  /** Its batch: it is on the span of the run, which is linked with the batch's. */
  batch: BatchFacts | undefined;
  /** Of a pipeline: they have spans in the place of its waiting and its runs. */
  steps?: readonly StepFacts[] | undefined;
};

/** Of a request that does a task, and of one that waits for its job. */
export const aroundTask = ['receive', 'send'] as const satisfies readonly InferenceStage[];
export const aroundJob = ['receive', 'run', 'send'] as const satisfies readonly InferenceStage[];

const stagesOfEngine: readonly InferenceStage[] = ['queue', 'assemble', 'run', 'split'];

/**
 * Makes the spans of a kept request, after the fact: the server's, and one for each stage that took
 * time.
 */
export function makeRequestSpans(request: EndedRequest): void {
  const { ids, name, attributes, startedAt, tookMs, error, stages, batch, steps } = request;
  const { withSpans = inferenceStages } = request;
  const startMs = performance.timeOrigin + startedAt;
  if (stages) {
    const parent = sampled(ids);
    const runIds = { traceId: ids.traceId, spanId: request.runSpanId ?? newIds().spanId };
    let atMs = startMs;
    for (const stage of withSpans) {
      const stageMs = stages[stage];
      if (stageMs <= 0) continue;
      // Sending is the end, whatever came before.
      if (stage === 'send') atMs = Math.max(atMs, startMs + tookMs - stageMs);
      const times = { name: spanNames[stage].name, parent, startMs: atMs, endMs: atMs + stageMs };
      atMs += stageMs;
      if (steps && stagesOfEngine.includes(stage)) continue;
      if (stage === 'run' && batch) {
        const links = [batchSpans.join(batch, sampled(runIds))];
        const failed = batch.outcome === 'ran' ? undefined : batch.outcome;
        recordSpan({ ...times, ids: runIds, attributes: batchAttributes(batch), links, error: failed });
      } else recordSpan(times);
    }
  }
  if (steps) makeStepSpans(steps, sampled(ids));
  const parent = trace.getSpanContext(request.parent);
  recordSpan({ name, kind: SpanKind.SERVER, ids, parent, startMs, endMs: startMs + tookMs, attributes, error });
}
