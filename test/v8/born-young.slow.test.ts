import assert from 'node:assert/strict';
import { join } from 'node:path';
import { perceptron, writeModel } from '../../testkit/models/models.ts';
import { startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

// alone: V8 decides by how the service is scheduled.

const decision = /AllocationSite.*=> .*/;

describe('what a request makes', () => {
  it('is born young, whatever a burst of requests that are all in flight at once may teach', async () => {
    await using folder = await temporaryFolder();
    await writeModel(folder.path, 'perceptron', perceptron());
    await using service = await startService({
      NODE_OPTIONS: `--import=${join(import.meta.dirname, './say-what-is-made-old.ts')}`,
      OTEL_SDK_DISABLED: 'true',
      VITRINE_MODELS: folder.path,
    });
    const body = JSON.stringify({
      inputs: [{ name: 'x', shape: [1, 64], datatype: 'FP32', data: Array.from({ length: 64 }, () => 0.5) }],
    });
    // What is made at the start does live long, and V8 may say so: it says what it decides.
    const before = service.said().length;
    assert.match(service.said(), decision);
    const url = `${service.url}/v2/models/perceptron/infer`;
    for (let burst = 0; burst < 4; burst += 1) {
      const answers = await Promise.all(
        Array.from({ length: 300 }, async () => {
          const answer = await fetch(url, { method: 'POST', body });
          await answer.arrayBuffer();
          return answer.status;
        }),
      );
      assert.ok(answers.includes(200));
    }
    const said = service.said().slice(before).split('\n');
    const decided = said.filter((line) => decision.test(line));
    assert.deepEqual(decided, []);
  });
});
