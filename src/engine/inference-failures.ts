import { ServiceError } from '../errors.ts';
import { ours, Sentence, say } from '../sentence.ts';
import type { PaddedBatch } from './batching/padding.ts';
import { withoutValues } from './registry/onnx-messages.ts';

// The failures of a request that passed the checks of its inputs and has no answer.

export function queueFull(
  model: string,
  queue: { count: number; bytes: number },
  predictedWaitMs: number,
): ServiceError {
  return new ServiceError(
    'queue_full',
    say`Cannot take the request: ${queue.count} inputs (${queue.bytes} bytes) wait for model ${ours(model)}; come back later, or raise queue.inputs_max or queue.bytes_max in model.json.`,
    { retryAfterMs: Math.max(1, Math.round(predictedWaitMs)) },
  );
}

export function tooLate(model: string, waitedMs: number): ServiceError {
  return new ServiceError(
    'deadline_exceeded',
    say`Cannot answer in time: the deadline of the request to model ${ours(model)} passed after ${Math.round(waitedMs)} ms; allow more time or come when less is waiting.`,
  );
}

export function sequenceNotFound(model: string, idleMsMax: number, isEnd: boolean): ServiceError {
  const what = isEnd ? 'it is to end, but ' : '';
  return new ServiceError(
    'sequence_not_found',
    say`Cannot go on with the sequence of model ${ours(model)}: ${ours(what)}there is none of this id; it has ended, was idle for ${idleMsMax} ms (state.idle_ms_max), or the model was loaded again: begin it with sequence_start.`,
  );
}

/** `waiting`: how many calls wait; undefined: none may. */
export function sequenceBusy(model: string, waiting: number | undefined): ServiceError {
  const remedy =
    waiting === undefined
      ? say`wait for its answer, or set state.at_once to queue in model.json`
      : say`wait for their answers, or raise state.queued_max in model.json`;
  return new ServiceError(
    'sequence_busy',
    say`Cannot take the call of the sequence of model ${ours(model)}: another one is under way${waiting === undefined ? '' : say`, and ${waiting} wait`}; ${remedy}.`,
    { retryAfterMs: 100 },
  );
}

export function callerGone(model: string): ServiceError {
  return new ServiceError('caller_gone', say`Cannot answer: the caller of model ${ours(model)} has gone.`);
}

export function notRun(model: string, lane: string, reason: string): ServiceError {
  return new ServiceError(
    'inference_failed',
    say`Cannot run model ${ours(model)} on ${ours(lane)}: ${withValuesCut(reason.slice(0, 500))}; check the values of the inputs.`,
  );
}

export function notSent(model: string, cause: Error): ServiceError {
  return new ServiceError(
    'inference_failed',
    say`Cannot hand the inputs to model ${ours(model)}: ${cause.message}; send them again, or less at once.`,
    { cause },
  );
}

export function rowsDoNotMatch(model: string, rows: number): ServiceError {
  return new ServiceError(
    'inference_failed',
    say`Cannot share out the answer of model ${ours(model)}: an output does not have the ${rows} rows of its batch; set batching.rows_max to 0 in model.json.`,
  );
}

export function lengthsDoNotMatch(model: string, { padding, lengths }: PaddedBatch): ServiceError {
  const names = padding.dimensions.map(({ name }) => name).join(', ');
  return new ServiceError(
    'inference_failed',
    say`Cannot share out the answer of model ${ours(model)}: an output does not have the rows of its padded batch, or not its lengths [${lengths}] (${ours(names)}); correct batching.padding in model.json, or leave it out.`,
  );
}

export function partsDoNotMatch(
  model: string,
  output: string,
  shape: readonly number[],
  expected: readonly number[],
): ServiceError {
  return new ServiceError(
    'inference_failed',
    say`Cannot join the parts of the answer of model ${ours(model)}: the output "${ours(output)}" has the shape [${shape}] for some rows and [${expected}] for others; send at most batching.rows_max rows at once, or set batching.split to false in model.json.`,
  );
}

export function laneCrashed(model: string, lane: string, how: string, retried: boolean): ServiceError {
  const remedy = retried
    ? 'a second run ended the same way'
    : 'set retry_safe in model.json to have such a run repeated';
  return new ServiceError(
    'lane_crashed',
    say`Cannot run model ${ours(model)}: ${ours(lane)} was lost during the run (${ours(how)}); ${ours(remedy)}.`,
  );
}

/**
 * ONNX Runtime's messages repeat values of inputs; the caller may read them, the record may not.
 */
function withValuesCut(reason: string): Sentence {
  return new Sentence(reason, withoutValues(reason));
}
