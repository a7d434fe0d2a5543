import type { EngineObserver } from '../engine-observer.ts';
import type { Manifest } from '../registry/manifest.ts';
import { manifestSchema, type PipelineFile } from '../registry/manifest-schema.ts';
import { type SizeLimits, shapeBounds } from '../registry/shape-bounds.ts';
import { Pipeline } from './pipeline.ts';
import { type PipelinePlan, planPipeline } from './pipeline-plan.ts';
import type { RunParts } from './pipeline-run.ts';
import type { RunnableModel } from './runnable-model.ts';
import type { StepThread } from './step-thread.ts';

export type OpenPipelineOptions = {
  readonly name: string;
  readonly version: string;
  readonly given: PipelineFile;
  /** Undefined while it is not ready. */
  readonly find: (model: string, version: string | undefined) => RunnableModel | undefined;
  /** Throws where it is not ready. */
  readonly mustFind: RunParts['find'];
  readonly thread: StepThread;
  readonly observer: EngineObserver;
  readonly sizeLimits: SizeLimits;
};

/** Wires the steps. Throws invalid_model, or model_not_ready while a step's model is not there. */
export function openPipeline(options: OpenPipelineOptions): Pipeline {
  const { name, version, given, find, mustFind, thread, observer, sizeLimits } = options;
  const plan = planPipeline(name, given, (model, of) => find(model, of)?.manifest);
  const manifest = pipelineManifest({ name, version, given, plan, sizeLimits });
  return new Pipeline({ manifest, plan, find: mustFind, thread, observer });
}

const eachByItself = { rows_max: 0, bytes_max: 1, delay_us_max: 0, split: false };

/** A pipeline in the words of a model: what checks its requests and describes it. */
function pipelineManifest(of: {
  name: string;
  version: string;
  given: PipelineFile;
  plan: PipelinePlan;
  sizeLimits: SizeLimits;
}): Manifest {
  const { name, version, given, plan, sizeLimits } = of;
  const { inputs: _inputs, outputs: _outputs, steps, ...common } = given;
  return {
    ...manifestSchema.parse(common),
    name,
    version,
    batching: eachByItself,
    batchingBecause: { from: 'file', reason: 'it is a pipeline, each step of which is batched by itself' },
    rowsBeyondMax: 'alone',
    inputs: plan.inputs,
    outputs: plan.outputs,
    bounds: shapeBounds(name, plan, given, eachByItself, sizeLimits),
    onnx: { irVersion: 0, opset: 0, producer: '', operators: [] },
    steps,
  };
}
