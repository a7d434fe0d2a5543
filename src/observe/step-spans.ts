import type { Attributes, SpanContext } from '@opentelemetry/api';
import type { StepFacts } from '../engine/inference.ts';
import { newIds, sampled } from '../telemetry/ids.ts';
import { attribute, spanNames } from '../telemetry/names/names.ts';
import { recordSpan } from '../telemetry/spans.ts';
import { batchAttributes } from './batch-attributes.ts';
import { batchSpans } from './batch-spans.ts';

/** A span for each step of a request to a pipeline, linked with the batch that it was in. */
export function makeStepSpans(steps: readonly StepFacts[], parent: SpanContext): void {
  for (const step of steps) {
    const ids = { traceId: parent.traceId, spanId: newIds().spanId };
    const { startedAt, endedAt, batch, failure } = step;
    const own = sampled(ids);
    recordSpan({
      name: spanNames.pipelineStep.name,
      ids,
      parent,
      startMs: performance.timeOrigin + startedAt,
      endMs: performance.timeOrigin + endedAt,
      attributes: stepAttributes(step),
      error: failure,
      ...(batch && { links: [batchSpans.join(batch, own)] }),
    });
    if (step.steps) makeStepSpans(step.steps, own);
  }
}

function stepAttributes({ name, by, queueMs, runMs, outputBytes, batch, cache, failure }: StepFacts): Attributes {
  return {
    [attribute.pipelineStep]: name,
    ...('operation' in by
      ? { [attribute.pipelineOperation]: by.operation }
      : {
          [attribute.modelName]: by.model,
          ...(by.version !== undefined && { [attribute.modelVersion]: by.version }),
        }),
    [attribute.pipelineQueueMs]: microseconds(queueMs),
    [attribute.pipelineRunMs]: microseconds(runMs),
    [attribute.pipelineOutputBytes]: outputBytes,
    ...(cache && { [attribute.cache]: cache }),
    ...(failure && { [attribute.errorType]: failure }),
    ...(batch && batchAttributes(batch)),
  };
}

function microseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
