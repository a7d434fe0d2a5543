import type { SpanContext } from '@opentelemetry/api';
import type { OperatorProfile } from '../engine/lanes/operator-profile.ts';
import { attribute, spanNames } from '../telemetry/names/names.ts';
import { recordSpan } from '../telemetry/spans.ts';

/** So many of the longest stand on the profile's own span. */
const topMax = 5;

/**
 * The spans of a profile: one for the twin, as a child of the run that it repeats. Within it each
 * operator has one, at the time when the twin ran it.
 */
export function makeProfileSpans(
  profile: OperatorProfile,
  of: { run: SpanContext; model: string; version: string; startMs: number; endMs: number },
): void {
  const top = [...profile.operators].sort((one, other) => other.tookMs - one.tookMs).slice(0, topMax);
  const parent = recordSpan({
    name: spanNames.profile.name,
    parent: of.run,
    startMs: of.startMs,
    endMs: of.endMs,
    attributes: {
      [attribute.modelName]: of.model,
      [attribute.modelVersion]: of.version,
      [attribute.profileRunMs]: profile.runMs,
      [attribute.profileOperators]: profile.operatorCount,
      [attribute.profileTop]: top.map(
        ({ type, node, tookMs }) =>
          `${type} ${node} ${tookMs.toFixed(3)} ms ${Math.round((100 * tookMs) / Math.max(profile.runMs, 0.001))} %`,
      ),
    },
  });
  // The run is the last part of the twin's time; its exact start is unknown.
  const runStartMs = Math.max(of.startMs, of.endMs - profile.runMs);
  for (const operator of profile.operators) {
    const startMs = runStartMs + operator.startMs;
    const attributes = {
      [attribute.onnxNode]: operator.node,
      [attribute.onnxType]: operator.type,
      [attribute.onnxProvider]: operator.provider,
      [attribute.onnxInputs]: operator.inputs,
      [attribute.onnxOutputs]: operator.outputs,
      [attribute.onnxOutputBytes]: operator.outputBytes,
      [attribute.onnxParameterBytes]: operator.parameterBytes,
      [attribute.onnxActivationBytes]: operator.activationBytes,
      ...(operator.memoryInUseBytes !== undefined && { [attribute.onnxMemory]: operator.memoryInUseBytes }),
    };
    recordSpan({ name: spanNames.operator.name, parent, startMs, endMs: startMs + operator.tookMs, attributes });
  }
}
