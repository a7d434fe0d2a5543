import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { slowInBatches } from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { serveApi } from '../api/serve-api.ts';
import { copyRequest, inferenceClient } from './grpc-client.ts';

describe('a server of gRPC that stops', () => {
  it('answers what it has taken, names its last call once, and closes each connection', async () => {
    await using api = await serveApi({ slow: { onnx: slowInBatches(300) } }, {}, { observed: true });
    const idle = connect(`http://127.0.0.1:${api.grpcPort}`);
    const errors: Error[] = [];
    const named: number[] = [];
    idle.on('error', (error) => errors.push(error));
    idle.on('goaway', (_code, lastCall) => named.push(lastCall));
    await once(idle, 'remoteSettings');
    using client = inferenceClient(api.grpcPort);
    const inFlight = [1, 2, 3].map((value) =>
      client.ask('ModelInfer', copyRequest([value, 0, 0, 0], { model_name: 'slow' })),
    );
    await waitFor('calls in flight', () => api.held().inFlight === 3, { everyMs: 1 });
    const closed = once(idle, 'close');
    await api.stopGrpc();
    await Promise.all(inFlight);
    await closed;
    assert.deepEqual(errors, []);
    assert.ok(named.length > 0 && named.every((lastCall, at) => at === 0 || lastCall <= named[at - 1]!), String(named));
  });
});
