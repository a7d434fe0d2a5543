import assert from 'node:assert/strict';
import { runningTotal, writeModel } from '../../testkit/models/models.ts';
import { startSeveral } from '../../testkit/several-processes.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

describe('sequences of several processes', function () {
  this.timeout(300_000);

  it('go on whichever process a connection goes to', async () => {
    await using folder = await temporaryFolder();
    await writeModel(folder.path, 'total', runningTotal(), {
      manifest: { batching: { rows_max: 8 }, state: { tensors: [{ output: 'total_after', input: 'total' }] } },
    });
    await using several = await startSeveral(2, { VITRINE_MODELS: folder.path });
    await several.ready();
    const tensor = (name: string, value: number) => ({ name, datatype: 'INT32', shape: [1, 1], data: [value] });
    const add = async (id: string, parameters: object = {}) => {
      const answer = await fetch(`${several.url}/v2/models/total/infer`, {
        method: 'POST',
        // Each connection may go to another process.
        headers: { Connection: 'close' },
        body: JSON.stringify({
          parameters: { sequence_id: id, ...parameters },
          inputs: [tensor('x', 1), tensor('divisor', 1)],
        }),
      });
      const body = (await answer.json()) as { outputs: { data: number[] }[] };
      assert.equal(answer.status, 200, JSON.stringify(body));
      return body.outputs[0]!.data[0];
    };
    const ids = ['one', 'two', 'three', 'four'];
    await Promise.all(
      ids.map(async (id) => {
        for (let total = 1; total <= 10; total += 1)
          assert.equal(await add(id, { sequence_start: total === 1, sequence_end: total === 10 }), total);
      }),
    );
    const lost = await fetch(`${several.url}/v2/models/total/infer`, {
      method: 'POST',
      body: JSON.stringify({
        parameters: { sequence_id: 'one' },
        inputs: [tensor('x', 1), tensor('divisor', 1)],
      }),
    });
    assert.equal(lost.status, 404);
    assert.equal(((await lost.json()) as { code: string }).code, 'sequence_not_found');
  });
});
