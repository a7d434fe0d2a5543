import assert from 'node:assert/strict';
import { asWideAsItsValues, identity } from '../../testkit/models/models.ts';
import { fp32, numbersOf, type Served, serveModels } from './serve-models.ts';

describe('the answer to a request that was cut into parts', () => {
  let served: Served;

  before(async () => {
    const manifest = { batching: { rows_max: 1, split: true } };
    served = await serveModels({
      width: { onnx: asWideAsItsValues(), manifest: { ...manifest, warm_up_runs: 0 } },
      copy: { onnx: identity('BYTES'), manifest },
    });
  });

  after(() => served[Symbol.asyncDispose]());

  const rows = (...widths: number[]) =>
    fp32(
      'x',
      [widths.length, 5],
      widths.flatMap((width) => [width, 1, 1, 1, 1]),
    );

  it('has the rows of all of them, one after the other', async () => {
    const { outputs } = await served.infer('width', [rows(3, 3, 3)]);
    assert.deepEqual(outputs[0]?.shape, [3, 3]);
    assert.deepEqual(numbersOf(outputs[0]), [3, 1, 1, 3, 1, 1, 3, 1, 1]);
  });

  for (const [what, widths] of Object.entries({ wider: [2, 5], narrower: [5, 2] }))
    it(`is a failure of that request alone where a later part is ${what}, and no number is invented`, async () => {
      await assert.rejects(served.infer('width', [rows(...widths)]), {
        code: 'inference_failed',
        message: /the output "y" has the shape \[1,\d\] for some rows and \[1,\d\] for others; .*batching\.split/,
      });
      assert.deepEqual(numbersOf((await served.infer('width', [rows(2, 2)])).outputs[0]), [2, 1, 2, 1]);
    });

  it('has the texts of all of them', async () => {
    const data = ['a', 'b', 'c', 'd'];
    const { outputs } = await served.infer('copy', [{ name: 'x', datatype: 'BYTES', shape: [2, 2], data }]);
    assert.deepEqual(outputs[0]?.data, data);
  });
});
