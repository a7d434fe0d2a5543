import { createServer } from 'node:http';
import { readConfig } from '../../src/config.ts';
import { Owned } from '../../src/engine/owned.ts';
import { Registry } from '../../src/engine/registry/registry.ts';

// The limit: node:http and nothing else over the same lane and batching. A row of bytes in, a row
// of bytes out.

const [port = '0', name = 'perceptron'] = process.argv.slice(2);
const registry = new Registry(readConfig());
await registry.start();
const model = registry.find(name);
const [input] = model.manifest.inputs;
const never = new AbortController().signal;
createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', async () => {
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    const data = new Float32Array(body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength));
    const inputs = [{ name: input!.name, datatype: 'FP32' as const, shape: [1, data.length], data }];
    const answer = await model.infer({
      inputs: Owned.of(inputs),
      priority: 0,
      deadlineAt: performance.now() + 10_000,
      signal: never,
    });
    const out = answer.outputs[0]!.data as Float32Array;
    const bytes = Buffer.from(out.buffer, out.byteOffset, out.byteLength);
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes.length });
    response.end(bytes);
  });
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
