import assert from 'node:assert/strict';
import { identity, slow, writeModel } from '../../testkit/models/models.ts';
import { startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

// A thread inside ONNX Runtime cannot be ended. One is left to finish; with a second the process
// has to be replaced, and says so where its supervisor asks.

describe('a service with threads that are stuck in a run', function () {
  this.timeout(120_000);

  it('is live with one, not with two, and serves other models all the while', async () => {
    await using folder = await temporaryFolder();
    await writeModel(folder.path, 'slow', slow(), { manifest: { lanes: { stuck_after_ms: 50 } } });
    await writeModel(folder.path, 'copy', identity('FP32'));
    await using service = await startService({
      VITRINE_DATA: `${folder.path}/data`,
      VITRINE_MODELS: folder.path,
      OTEL_SDK_DISABLED: 'true',
    });
    const statusOf = async (path: string) => (await fetch(`${service.url}${path}`)).status;
    const inferOne = async (model: string, inputs: unknown[], headers = {}) => {
      const body = JSON.stringify({ inputs });
      return (await fetch(`${service.url}/v2/models/${model}/infer`, { method: 'POST', body, headers })).status;
    };
    const x = { name: 'x', datatype: 'FP32', data: [1, 2, 3, 4] };
    const run = (iterations: number, headers = {}) => {
      const rounds = { name: 'iterations', datatype: 'INT64', shape: [], data: [iterations] };
      return inferOne('slow', [{ ...x, shape: [4] }, rounds], headers);
    };
    // An hour of work for a caller who waits a tenth of a second.
    const stick = () => run(10_000_000, { 'x-request-timeout-ms': '100' });

    assert.equal(await stick(), 504);
    assert.equal(await run(1), 200, 'its lane has been replaced');
    assert.equal(await statusOf('/live'), 200);

    assert.equal(await stick(), 504);
    await waitFor('it to be dead', async () => (await statusOf('/live')) === 503);
    const answer = await fetch(`${service.url}/live`);
    assert.match(await answer.text(), /2 threads are stuck in a run that does not end; restart the process/);
    for (const path of ['/health', '/v2/health/live']) assert.equal(await statusOf(path), 503, path);
    assert.notEqual(await run(1, { 'x-request-timeout-ms': '4000' }), 200, 'the second is not replaced');
    assert.equal(await inferOne('copy', [{ ...x, shape: [1, 4] }]), 200);
  });
});
