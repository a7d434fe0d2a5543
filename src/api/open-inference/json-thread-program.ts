import { buffersUnder } from '../../threads/buffers-under.ts';
import { carried } from '../../threads/carried-error.ts';
import { parent } from '../../threads/parent.ts';
import { readInferMessage } from '../grpc/read-infer-message.ts';
import { dataToJsonPieces } from './json-tensor.ts';
import type { FromJsonThread, ToJsonThread } from './json-thread-messages.ts';
import { readGenerateRequest } from './read-generate-request.ts';
import { readInferRequest } from './read-infer-request.ts';
import { readRawRequest } from './read-raw-request.ts';

// The thread that reads large requests and writes large answers, so that they hold up nobody on the
// event loop.

const service = parent<ToJsonThread, FromJsonThread>();

service.receive((message) => {
  const answer = work(message);
  service.send(answer, buffersUnder(viewsOf(answer)));
});

function work(message: ToJsonThread): FromJsonThread {
  try {
    if (message.kind === 'write') return { kind: 'written', data: message.tensors.map(dataToJsonPieces) };
    const { form, body: bytes, jsonBytes, manifest, limits } = message;
    const body = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
    if (form === 'message') return { kind: 'call', call: readInferMessage(body, limits, manifest) };
    if (form === 'generate') return { kind: 'call', call: readGenerateRequest(body, limits, manifest) };
    const call =
      jsonBytes === 0 ? readRawRequest(body, manifest, limits) : readInferRequest(body, jsonBytes, limits, manifest);
    return { kind: 'call', call };
  } catch (error) {
    return { kind: 'failed', failure: carried(error) };
  }
}

function viewsOf(answer: FromJsonThread): readonly unknown[] {
  switch (answer.kind) {
    case 'call':
      return answer.call.inputs.map(({ data }) => data);
    case 'written':
      return answer.data.flatMap(({ pieces }) => pieces);
    default:
      return [];
  }
}
