import assert from 'node:assert/strict';
import { perceptron, slowToOpen } from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { serveModels } from './serve-models.ts';

// alone: it measures a time limit.

describe('a model that does not open in its time', function () {
  this.timeout(60_000);

  it('is given up and hurts no other; the process that was opening it is gone', async () => {
    await using served = await serveModels(
      {
        endless: { onnx: slowToOpen(1e9), manifest: { lanes: { kind: 'process' } } },
        perceptron: { onnx: perceptron() },
      },
      { modelLoadMsMax: 6_000 },
    );
    const { registry } = served;
    const status = registry.models().find(({ name }) => name === 'endless');
    assert.equal(status?.state, 'unavailable');
    assert.match(status?.reason ?? '', /was not ready after 6000 ms; .*VITRINE_MODEL_LOAD_MS_MAX/);
    assert.equal(registry.find('perceptron').name, 'perceptron');
    assert.equal(registry.healthy, true);
  });

  it('is left to finish where it is a thread, which ends by itself', async () => {
    await using served = await serveModels({ late: { onnx: slowToOpen(1_000) } }, { modelLoadMsMax: 10 });
    const { registry } = served;
    assert.equal(registry.models()[0]?.state, 'unavailable');
    await waitFor('the thread to end', () => registry.abandonedLanes === 0);
  });
});
