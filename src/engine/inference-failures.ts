import { ServiceError } from '../errors.ts';

// What a request is told that got past the checks of its inputs and has no answer.

export function queueFull(
  model: string,
  queue: { count: number; bytes: number },
  predictedWaitMs: number,
): ServiceError {
  return new ServiceError(
    'queue_full',
    `Cannot take the request: ${queue.count} inputs (${queue.bytes} bytes) wait for model ${model}; come back later, or raise queue.inputs_max or queue.bytes_max in model.json.`,
    { retryAfterMs: Math.max(1, Math.round(predictedWaitMs)) },
  );
}

export function tooLate(model: string, waitedMs: number): ServiceError {
  return new ServiceError(
    'deadline_exceeded',
    `Cannot answer in time: the deadline of the request to model ${model} passed after ${Math.round(waitedMs)} ms; allow more time or come when less is waiting.`,
  );
}

export function callerGone(model: string): ServiceError {
  return new ServiceError('caller_gone', `Cannot answer: the caller of model ${model} has gone.`);
}

export function notRun(model: string, lane: string, reason: string): ServiceError {
  return new ServiceError(
    'inference_failed',
    `Cannot run model ${model} on ${lane}: ${reason.slice(0, 500)}; check the values of the inputs.`,
  );
}

export function notSent(model: string, cause: Error): ServiceError {
  return new ServiceError(
    'inference_failed',
    `Cannot hand the inputs to model ${model}: ${cause.message}; send them again, or less at once.`,
    { cause },
  );
}

export function rowsDoNotMatch(model: string, rows: number): ServiceError {
  return new ServiceError(
    'inference_failed',
    `Cannot share out the answer of model ${model}: an output does not have the ${rows} rows of its batch; set batching.rows_max to 0 in model.json.`,
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
    `Cannot join the parts of the answer of model ${model}: the output "${output}" has the shape [${shape}] for some rows and [${expected}] for others; send at most batching.rows_max rows at once, or set batching.split to false in model.json.`,
  );
}

export function laneCrashed(model: string, lane: string, how: string, retried: boolean): ServiceError {
  const remedy = retried
    ? 'a second run ended the same way'
    : 'set retry_safe in model.json to have such a run repeated';
  return new ServiceError(
    'lane_crashed',
    `Cannot run model ${model}: ${lane} was lost during the run (${how}); ${remedy}.`,
  );
}
