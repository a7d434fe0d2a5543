import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { identity } from '../../testkit/models/models.ts';
import { serveApi } from '../api/serve-api.ts';

const run = promisify(execFile);

/** A Python with the package tritonclient[grpc] in it. */
const python = process.env.VITRINE_TEST_PYTHON ?? 'python3';

describe('Triton’s Python client over gRPC', function () {
  this.timeout(240_000);

  before(async function () {
    const missing = await run(python, ['-c', 'import tritonclient.grpc, tritonclient.grpc.aio']).then(
      () => undefined,
      (error: { stderr?: string; message: string }) => error.stderr?.trim().split('\n').at(-1) ?? error.message,
    );
    if (missing === undefined) return;
    process.stderr.write(
      `Skipped: ${python} has no tritonclient (${missing}); install "tritonclient[grpc]" and name that Python in VITRINE_TEST_PYTHON.\n`,
    );
    this.skip();
  });

  it('works unchanged, blocking, asynchronous and in streams', async () => {
    await using api = await serveApi({
      copy: { onnx: identity('FP32') },
      longs: { onnx: identity('INT64') },
      words: { onnx: identity('BYTES') },
      halves: { onnx: identity('FP16') },
    });
    const { stdout } = await run(python, [join(import.meta.dirname, 'triton-client.py'), `127.0.0.1:${api.grpcPort}`]);
    const { error, statistics, ...seen } = JSON.parse(stdout);
    assert.deepEqual(seen, {
      live: true,
      ready: true,
      model_ready: true,
      model_absent: false,
      server: 'vitrine',
      metadata: [{ name: 'x', datatype: 'FP32', shape: ['-1', '-1'] }],
      config: [{ name: 'x', data_type: 'TYPE_FP32', dims: ['-1'] }],
      concurrent: 20,
      with_timeout: [3, 4],
      streamed: 20,
      stream_error: true,
      all_statistics: 4,
      index: ['copy', 'halves', 'longs', 'words'],
      unloaded: false,
      loaded: true,
      trace: ['7'],
      trace_cleared: ['1000'],
      log: true,
      log_changed: 0,
      aio: [10, 10],
    });
    assert.ok(statistics > 0);
    assert.equal(error[0], 'StatusCode.INVALID_ARGUMENT');
    assert.match(error[1], /FP32/);
  });
});
