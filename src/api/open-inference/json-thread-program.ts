import { isMarkedAsUntransferable, parentPort } from 'node:worker_threads';
import { isStrings } from '../../engine/tensor.ts';
import { ServiceError } from '../../errors.ts';
import { dataToJsonPieces } from './json-tensor.ts';
import type { FromJsonThread, ToJsonThread } from './json-thread-messages.ts';
import { readInferRequest } from './read-infer-request.ts';
import { readRawRequest } from './read-raw-request.ts';

// The thread that reads large requests and writes large answers, so that they hold up nobody on the event loop.

parentPort?.on('message', (message: ToJsonThread) => {
  const answer = work(message);
  parentPort?.postMessage(answer, buffersOf(answer));
});

function work(message: ToJsonThread): FromJsonThread {
  try {
    if (message.kind === 'write') return { kind: 'written', data: message.tensors.map(dataToJsonPieces) };
    const { body: bytes, jsonBytes, manifest, limits } = message;
    const body = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
    const call =
      jsonBytes === 0 ? readRawRequest(body, manifest, limits) : readInferRequest(body, jsonBytes, limits, manifest);
    return { kind: 'call', call };
  } catch (error) {
    if (error instanceof ServiceError) {
      const { code, message, recorded } = error;
      return { kind: 'failed', code, message, recorded };
    }
    return { kind: 'defect', cause: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** They change hands: several tensors may lie in one, and what Node cuts from its pool is copied. */
function buffersOf(answer: FromJsonThread): ArrayBuffer[] {
  const views =
    answer.kind === 'call'
      ? answer.call.inputs.flatMap(({ data }) => (isStrings(data) ? [] : [data]))
      : answer.kind === 'written'
        ? answer.data.flatMap(({ pieces }) => pieces)
        : [];
  const buffers = new Set(views.map(({ buffer }) => buffer as ArrayBuffer));
  return [...buffers].filter((buffer) => !isMarkedAsUntransferable(buffer));
}
