import assert from 'node:assert/strict';
import { perceptron } from '../../testkit/models/models.ts';
import { fp32, serveModels } from './serve-models.ts';

const times = 500;
const atOnce = 10;

describe('loading and unloading', function () {
  this.timeout(300_000);

  it(`a model ${times} times leaves the process as big as it was`, async () => {
    const names = Array.from({ length: atOnce }, (_, index) => `m${index}`);
    const onnx = perceptron({ widths: [64, 512, 512, 10] });
    await using served = await serveModels(Object.fromEntries(names.map((name) => [name, { onnx }])), {
      modelControl: 'explicit',
      modelsLoadingMax: 2,
    });
    const rss: number[] = [];
    for (let round = 0; round < times / atOnce; round += 1) {
      await Promise.all(
        names.map(async (name) => {
          await served.registry.load(name);
          await served.infer(name, [fp32('x', [1, 64], new Float32Array(64))]);
          await served.registry.unload(name);
        }),
      );
      rss.push(process.memoryUsage.rss() / 2 ** 20);
    }
    const [early, late] = [middleOf(rss.slice(5, 15)), middleOf(rss.slice(-10))];
    assert.ok(
      late - early < 60,
      `from ${early.toFixed(0)} to ${late.toFixed(0)} MiB: ${rss.map(Math.round).join(' ')}`,
    );
  });
});

function middleOf(numbers: number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}
