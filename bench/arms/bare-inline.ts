process.env.ORT_DISABLE_TELEMETRY = '1';

import { createServer } from 'node:http';

// What most people would write first: node:http with ONNX Runtime on the event loop, a run for each
// request.

const [port = '0', file = ''] = process.argv.slice(2);
const { InferenceSession, Tensor } = await import('onnxruntime-node');
const session = await InferenceSession.create(file, {
  intraOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
});
const inputName = session.inputNames[0]!;
const outputName = session.outputNames[0]!;
createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', async () => {
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    const data = new Float32Array(body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength));
    const answer = await session.run({ [inputName]: new Tensor('float32', data, [1, data.length]) });
    const out = answer[outputName]!.data as Float32Array;
    const bytes = Buffer.from(out.buffer, out.byteOffset, out.byteLength);
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes.length });
    response.end(bytes);
  });
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
