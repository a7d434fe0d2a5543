import assert from 'node:assert/strict';
import { biggestDifference } from '../../src/engine/compare-tensors.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { perceptron } from '../../testkit/models/models.ts';
import { softwareVulkan } from '../../testkit/software-vulkan.ts';
import { fp32, serveModels } from './serve-models.ts';

const x = fp32('x', [1, 8], [1, 2, 3, 4, 5, 6, 7, 8]);

describe('execution providers', function () {
  this.timeout(120_000);

  it('fall back to the CPU when the one wanted cannot be had, and say so', async () => {
    await using served = await serveModels({
      m: { onnx: perceptron({ widths: [8, 3] }), manifest: { providers: ['cuda', 'cpu'] } },
    });
    const [status] = served.registry.models();
    assert.equal(status?.state, 'ready');
    assert.match(status.reason, /^cuda is not used: it cannot be had: /);
    assert.deepEqual((await served.infer('m', [x])).batch.provider, 'cpu');
  });

  describe('on software Vulkan (SwiftShader, no GPU)', () => {
    const given = ['VK_DRIVER_FILES', 'LD_LIBRARY_PATH'].map((name) => [name, process.env[name]] as const);
    before(function () {
      // The child processes of process lanes take these over when they start.
      Object.assign(process.env, availableOrSkip(this, softwareVulkan()));
    });
    after(() => {
      // One by one: replaced as a whole, it would no longer be the environment that libraries see.
      for (const [name, value] of given) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    });
    const onWebGpu = { providers: ['webgpu'], lanes: { kind: 'process' } };

    it('webgpu runs a model and agrees with the CPU', async () => {
      const onnx = perceptron({ widths: [8, 16, 3] });
      await using served = await serveModels({ gpu: { onnx, manifest: onWebGpu }, cpu: { onnx } });
      const [gpu, cpu] = await Promise.all(['gpu', 'cpu'].map((name) => served.infer(name, [x])));
      assert.equal(gpu?.batch.provider, 'webgpu');
      assert.equal(biggestDifference(cpu!.outputs, gpu.outputs, { absolute: 1e-4, relative: 1e-3 }), undefined);
    });

    it('webgpu is refused where its answer to the probe differs from the CPU’s by more than is tolerated', async () => {
      const manifest = { ...onWebGpu, provider_tolerance: { absolute: 0, relative: 0 } };
      await using served = await serveModels({ m: { onnx: perceptron(), manifest } });
      const [status] = served.registry.models();
      // Sums of 256 products in another order: the last digits differ, and nothing was tolerated.
      assert.match(
        status?.reason ?? '',
        /^webgpu is not used: its answer to the probe differs from the CPU’s: output y /,
      );
      assert.equal((await served.infer('m', [fp32('x', [1, 64], new Float32Array(64))])).batch.provider, 'cpu');
    });
  });
});

describe('two answers', () => {
  const tolerance = { absolute: 0.01, relative: 0.1 };
  const differ = (expected: Tensor, found: Tensor) => biggestDifference([expected], [found], tolerance);
  const y = (...elements: number[]) => fp32('y', [elements.length], elements);

  it('agree within absolute + relative × expected', () => {
    assert.equal(
      differ(y(100, 0, Number.NaN, Number.POSITIVE_INFINITY), y(109, 0.009, Number.NaN, Number.POSITIVE_INFINITY)),
      undefined,
    );
  });

  it('differ by the element that is furthest off', () => {
    assert.match(differ(y(1, 1, 1), y(1.2, 5, 1)) ?? '', /output y is 5 instead of 1 at element 1/);
    assert.ok(differ(y(1), y(Number.NaN)));
    assert.ok(differ(y(1), y(1, 2)));
    assert.ok(biggestDifference([y(1)], [], tolerance));
  });

  it('of whole numbers, strings and half floats are compared as what they are', () => {
    const whole = (value: bigint): Tensor => ({
      name: 'y',
      datatype: 'INT64',
      shape: [1],
      data: BigInt64Array.of(value),
    });
    assert.equal(differ(whole(2n ** 53n), whole(2n ** 53n)), undefined);
    assert.ok(differ(whole(2n ** 53n), whole(2n ** 53n + 1n)));
    const half = (bits: number): Tensor => ({ name: 'y', datatype: 'FP16', shape: [1], data: Uint16Array.of(bits) });
    assert.equal(differ(half(0x3c00), half(0x3c01)), undefined);
    assert.ok(differ(half(0x3c00), half(0x4000)));
    const words = (text: string): Tensor => ({ name: 'y', datatype: 'BYTES', shape: [1], data: [text] });
    assert.ok(differ(words('a'), words('b')));
  });
});
