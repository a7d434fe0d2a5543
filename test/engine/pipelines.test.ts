import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InferRequest, StepFacts } from '../../src/engine/inference.ts';
import { Owned } from '../../src/engine/owned.ts';
import type { ServiceError } from '../../src/errors.ts';
import {
  gather,
  identity,
  perceptron,
  slow,
  slowInBatches,
  sumAndProduct,
  writeModel,
  writePipeline,
} from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { fp32, numbersOf, type Served, serveModels, slowInputs, whole } from './serve-models.ts';

const batching = { rows_max: 64 };
const x64 = { name: 'x', datatype: 'FP32', shape: ['rows', 64] };
const scores = { name: 'classify', model: 'perceptron', inputs: { x: 'x' }, outputs: { y: 'scores' } };
const softmax = { name: 'softmax', operation: 'softmax', inputs: { x: 'scores' }, outputs: { y: 'chances' } };
const best = { name: 'best', operation: 'argmax', inputs: { x: 'chances' }, outputs: { index: 'best' } };
const classify = { inputs: [x64], steps: [best, softmax, scores], outputs: ['chances', 'best'] };
const slowStep = (name: string, x: string, y: string) => ({
  name,
  model: 'slow',
  inputs: { x, iterations: 'iterations' },
  outputs: { y },
});
const slowOnes = (steps: unknown[], outputs: string[]) => ({
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [4] },
    { name: 'iterations', datatype: 'INT64', shape: [] },
  ],
  steps,
  outputs,
});

const models = {
  perceptron: { onnx: perceptron(), manifest: { batching } },
  slow: { onnx: slow() },
  in_batches: { onnx: slowInBatches(60), manifest: { batching, lanes: { shortcut: false } } },
  gather: { onnx: gather(), manifest: { batching } },
  two: { onnx: sumAndProduct(), manifest: { batching } },
  texts: { onnx: identity('BYTES'), manifest: { batching } },
  wide: { onnx: identity('FP32'), manifest: { batching } },
  classify: { manifest: classify },
  outer: {
    manifest: {
      inputs: [x64],
      steps: [
        { name: 'inner', model: 'classify', inputs: { x: 'x' }, outputs: { chances: 'chances' } },
        {
          name: 'top',
          operation: 'top_k',
          with: { k: 3 },
          inputs: { x: 'chances' },
          outputs: { values: 'v', indices: 'i' },
        },
      ],
      outputs: ['v', 'i'],
    },
  },
  batched: {
    manifest: {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }],
      steps: [{ name: 'one', model: 'in_batches', inputs: { x: 'x' }, outputs: { y: 'y' } }],
      outputs: ['y'],
    },
  },
  picks: {
    manifest: {
      inputs: [{ name: 'index', datatype: 'INT64', shape: [-1, 1] }],
      steps: [
        { name: 'pick', model: 'gather', inputs: { index: 'index' }, outputs: { y: 'picked' } },
        { name: 'soft', operation: 'softmax', inputs: { x: 'picked' }, outputs: { y: 'y' } },
      ],
      outputs: ['y'],
    },
  },
  in_a_row: { manifest: slowOnes([slowStep('first', 'x', 'a'), slowStep('second', 'a', 'b')], ['b']) },
  side_by_side: { manifest: slowOnes([slowStep('left', 'x', 'a'), slowStep('right', 'x', 'b')], ['a', 'b']) },
  operation_first: {
    manifest: {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, -1] }],
      steps: [
        { name: 'double', operation: 'normalise', with: { scale: 2 }, inputs: { x: 'x' }, outputs: { y: 'a' } },
        { name: 'copy', model: 'wide', inputs: { x: 'a' }, outputs: { y: 'b' } },
      ],
      outputs: ['b'],
    },
  },
  through_large: {
    manifest: {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, -1] }],
      steps: [
        { name: 'there', model: 'wide', inputs: { x: 'x' }, outputs: { y: 'a' } },
        { name: 'left', model: 'wide', inputs: { x: 'a' }, outputs: { y: 'b' } },
        { name: 'right', operation: 'normalise', with: { scale: 2, mean: 1 }, inputs: { x: 'a' }, outputs: { y: 'c' } },
        { name: 'back', model: 'wide', inputs: { x: 'c' }, outputs: { y: 'd' } },
      ],
      outputs: ['b', 'd', 'x'],
    },
  },
};

describe('a pipeline', function () {
  this.timeout(120_000);
  let served: Served;
  before(async () => {
    served = await serveModels(models, { outputBytesMax: 4_000_000, breakerFailuresMax: 100 });
  });
  after(() => served[Symbol.asyncDispose]());

  const rowsOf = (count: number, seed = 1) =>
    fp32(
      'x',
      [count, 64],
      Array.from({ length: count * 64 }, (_, at) => Math.sin(seed + at)),
    );

  async function followed(model: string, inputs: InferRequest['inputs'], options: Partial<InferRequest> = {}) {
    let steps: readonly StepFacts[] = [];
    const follower = {
      arrived: () => undefined,
      batchEnded: () => undefined,
      expiredInRun: () => undefined,
      stepsEnded: (ended: readonly StepFacts[]) => {
        steps = ended;
      },
    };
    const answer = await served.infer(model, inputs, { follower, ...options }).catch((error: Error) => error);
    return { answer, steps };
  }

  it('begins each step once, also one behind an operation that is done at once', async () => {
    const { statistics } = served.registry.find('wide');
    const before = statistics.success.count;
    const { outputs } = await served.infer('operation_first', [fp32('x', [1, 2], [1, 2])]);
    assert.deepEqual([...outputs[0]!.data], [2, 4]);
    await served.infer('wide', [fp32('x', [1, 2], [0, 0])]);
    assert.equal(statistics.success.count - before, 2);
  });

  it('runs its steps in the order of their needs and answers as they would one by one', async () => {
    const alone = await served.infer('perceptron', [rowsOf(3)]);
    const { outputs } = await served.infer('classify', [rowsOf(3)]);
    assert.deepEqual(
      outputs.map(({ name, datatype, shape }) => [name, datatype, shape]),
      [
        ['chances', 'FP32', [3, 10]],
        ['best', 'INT64', [3]],
      ],
    );
    const chances = numbersOf(outputs[0]) as number[];
    const raw = numbersOf(alone.outputs[0]) as number[];
    for (let row = 0; row < 3; row += 1) {
      const own = raw.slice(row * 10, row * 10 + 10);
      const sum = own.reduce((total, one) => total + Math.exp(one), 0);
      for (const [at, one] of own.entries()) assert.ok(Math.abs(chances[row * 10 + at]! - Math.exp(one) / sum) < 1e-6);
      assert.equal(numbersOf(outputs[1])[row], BigInt(own.indexOf(Math.max(...own))));
    }
  });

  it('answers the outputs asked for, in their order, and runs no step that they do not need', async () => {
    const { answer, steps } = await followed('classify', [rowsOf(1)], { outputs: ['chances'] });
    assert.ok(!(answer instanceof Error));
    assert.deepEqual(
      answer.outputs.map(({ name }) => name),
      ['chances'],
    );
    assert.deepEqual(
      steps.map(({ name }) => name),
      ['classify', 'softmax'],
    );
    const turned = await served.infer('classify', [rowsOf(1)], { outputs: ['best', 'chances'] });
    assert.deepEqual(
      turned.outputs.map(({ name }) => name),
      ['best', 'chances'],
    );
  });

  it('may be a step of another one', async () => {
    const { answer, steps } = await followed('outer', [rowsOf(2)]);
    assert.ok(!(answer instanceof Error), String(answer));
    const [values, indices] = answer.outputs;
    assert.deepEqual(
      [values!.shape, indices!.shape],
      [
        [2, 3],
        [2, 3],
      ],
    );
    const { outputs } = await served.infer('classify', [rowsOf(2)]);
    const chances = (numbersOf(outputs[0]) as number[]).slice(10);
    const sorted = chances.toSorted((one, other) => other - one);
    assert.deepEqual(numbersOf(values).slice(3), sorted.slice(0, 3));
    assert.deepEqual(
      numbersOf(indices).slice(3),
      sorted.slice(0, 3).map((one) => BigInt(chances.indexOf(one))),
    );
    assert.deepEqual(
      steps[0]!.steps?.map(({ name }) => name),
      ['classify', 'softmax'],
    );
  });

  it('shares the batches of its models with other requests', async () => {
    const one = (value: number) => served.infer('batched', [fp32('x', [1, 4], [value, value, value, value])]);
    const seen: number[] = [];
    const answers = await Promise.all(
      Array.from({ length: 12 }, async (_, at) => {
        const { answer, steps } = await followed('batched', [fp32('x', [1, 4], [at, at, at, at])]);
        seen.push(steps[0]!.batch!.inputs);
        return answer;
      }).concat(one(5)),
    );
    for (const [at, answer] of answers.slice(0, 12).entries()) {
      assert.ok(!(answer instanceof Error));
      assert.ok(Math.abs((numbersOf(answer.outputs[0])[0] as number) - at) < 1e-3);
    }
    assert.ok(Math.max(...seen) > 1, `batches of ${seen}`);
  });

  it('says of each step where its time went, and the sum is no more than the whole', async () => {
    for (const model of ['in_a_row', 'side_by_side']) {
      const startedAt = performance.now();
      const { answer, steps } = await followed(model, slowInputs(40));
      const tookMs = performance.now() - startedAt;
      assert.ok(!(answer instanceof Error));
      const { queueMs, assembleMs, runMs, splitMs } = answer.stages;
      assert.ok(queueMs + assembleMs + runMs + splitMs <= tookMs);
      assert.ok(runMs > 0);
      for (const step of steps) {
        assert.ok(step.runMs > 0, step.name);
        assert.ok(step.queueMs + step.assembleMs + step.runMs + step.splitMs <= step.endedAt - step.startedAt + 0.001);
        assert.deepEqual(step.by, { model: 'slow', version: '1' });
      }
      if (model === 'in_a_row') assert.ok(steps[1]!.startedAt >= steps[0]!.endedAt);
    }
  });

  it('gives large tensors from step to step, also those that several take and that are answered', async () => {
    const values = Array.from({ length: 40_000 }, (_, at) => at % 1000);
    for (const inputs of [[fp32('x', [4, 10_000], values)], Owned.of([fp32('x', [4, 10_000], values)])]) {
      const { outputs, owned } = await served.infer('through_large', inputs);
      assert.deepEqual(numbersOf(outputs[0]), values);
      assert.deepEqual(
        numbersOf(outputs[1]),
        values.map((value) => value * 2 - 1),
      );
      assert.deepEqual(numbersOf(outputs[2]), values);
      owned?.release();
    }
  });

  it('holds no more bytes between its steps than are answered at most', async () => {
    const { answer } = await followed('through_large', [fp32('x', [4, 100_000], new Float32Array(400_000))]);
    assert.equal((answer as ServiceError).code, 'invalid_input');
    assert.match(String(answer), /step "\w+".*VITRINE_OUTPUT_BYTES_MAX/);
  });

  it('fails with the failure of a step, named, and runs none that comes after it', async () => {
    const { answer, steps } = await followed('picks', [whole('INT64', 'index', [1, 1], [9])]);
    assert.equal((answer as ServiceError).code, 'inference_failed');
    assert.match(String(answer), /Cannot run pipeline picks: its step "pick" failed: Cannot run model gather/);
    assert.deepEqual(
      steps.map(({ name, failure }) => [name, failure]),
      [['pick', 'inference_failed']],
    );
  });

  it('has one deadline for all steps', async () => {
    const { answer, steps } = await followed('in_a_row', slowInputs(200), { deadlineAt: performance.now() + 30 });
    assert.equal((answer as ServiceError).code, 'deadline_exceeded');
    assert.ok(steps.length < 3);
    const late = await followed('in_a_row', slowInputs(1), { deadlineAt: performance.now() - 1 });
    assert.equal((late.answer as ServiceError).code, 'deadline_exceeded');
    assert.deepEqual(late.steps, []);
  });

  it('begins no later step when its caller has left', async () => {
    const signal = { aborted: false };
    const asked = followed('in_a_row', slowInputs(300), { signal });
    await waitFor('the first step runs', () => served.registry.find('slow').queue.running > 0);
    signal.aborted = true;
    const { answer, steps } = await asked;
    assert.equal((answer as ServiceError).code, 'caller_gone');
    assert.deepEqual(
      steps.map(({ name }) => name),
      ['first'],
    );
  });

  it('refuses inputs that are not its own, and sequences', async () => {
    const refused = async (inputs: InferRequest['inputs'], options: Partial<InferRequest> = {}) => {
      const { answer } = await followed('classify', inputs, options);
      assert.equal((answer as ServiceError).code, 'invalid_input');
      return String(answer);
    };
    assert.match(await refused([fp32('x', [1, 63], new Float32Array(63))]), /takes FP32 \[-1,64\]/);
    assert.match(await refused([fp32('z', [1, 64], new Float32Array(64))]), /has no input/);
    assert.match(await refused([rowsOf(1)], { outputs: ['scores'] }), /has no output/);
    assert.match(await refused([rowsOf(1)], { sequence: { id: '1', start: true, end: true } }), /no state/);
    // More rows than the model takes at once: its own words, with the step's name.
    assert.match(await refused([rowsOf(65)]), /step "classify" failed: .*65 rows/);
  });

  it('is not ready while a model of it is not, and is ready again with it', async () => {
    const statusOf = (name: string) => served.registry.models().find((model) => model.name === name)!;
    await served.registry.unload('perceptron');
    for (const name of ['classify', 'outer']) {
      assert.equal(statusOf(name).state, 'unavailable', name);
      assert.throws(() => served.registry.find(name), /not ready|unavailable/);
    }
    assert.match(statusOf('classify').reason, /step "classify" needs model perceptron, which is not ready/);
    assert.match(statusOf('outer').reason, /step "inner" needs model classify/);
    await served.registry.load('perceptron');
    for (const name of ['classify', 'outer']) assert.equal(statusOf(name).state, 'ready', statusOf(name).reason);
    await served.infer('outer', [rowsOf(1)]);
  });

  it('takes up a model that is loaded again, and is not ready when it no longer fits', async () => {
    await writeModel(served.folder, 'perceptron', perceptron({ seed: 9 }), { version: '2', manifest: { batching } });
    await served.registry.load('perceptron');
    const { steps } = await followed('classify', [rowsOf(1)]);
    assert.deepEqual(steps[0]!.by, { model: 'perceptron', version: '2' });
    await writeModel(served.folder, 'perceptron', perceptron({ widths: [32, 10] }), {
      version: '3',
      manifest: { batching },
    });
    await served.registry.load('perceptron');
    const { state, reason } = served.registry.models().find((model) => model.name === 'classify')!;
    assert.equal(state, 'unavailable');
    assert.match(
      reason,
      /step "classify" takes "x" as "x", but that is FP32 \[-1,64\] and model perceptron takes FP32 \[-1,32\]/,
    );
    await writeModel(served.folder, 'perceptron', perceptron(), { version: '4', manifest: { batching } });
    await served.registry.load('perceptron');
    await served.infer('classify', [rowsOf(1)]);
  });

  it('that was unloaded does not come back with its model', async () => {
    await served.registry.unload('batched');
    await served.registry.load('in_batches');
    assert.throws(() => served.registry.find('batched'), /unloaded/);
    await served.registry.load('batched');
    await served.infer('batched', [fp32('x', [1, 4], [1, 2, 3, 4])]);
  });

  it('counts its requests as a model does', async () => {
    const { statistics } = served.registry.find('outer');
    const before = { ...statistics.success };
    await served.infer('outer', [rowsOf(2)]);
    assert.equal(statistics.success.count, before.count + 1);
    assert.equal(statistics.fail.count, 0);
  });

  describe('that does not fit is refused at load:', () => {
    const step = (more: object) => ({ ...scores, ...more });
    const of = (steps: unknown[], more: object = {}) => ({ inputs: [x64], steps, outputs: ['scores'], ...more });
    const cases: Record<string, [unknown, RegExp]> = {
      'a tensor that nothing gives': [
        of([step({ inputs: { x: 'nothing' } })]),
        /step "classify" takes "nothing" as "x", which no input and no step gives/,
      ],
      'an input that the model does not have': [
        of([step({ inputs: { x: 'x', z: 'x' } })]),
        /names the input "z", which model perceptron does not have; it has "x"/,
      ],
      'an input that is left out': [
        of([{ ...scores, model: 'two', inputs: {}, outputs: { sum: 'scores' } }]),
        /no tensor for its input/,
      ],
      'an output that the model does not have': [of([step({ outputs: { z: 'scores' } })]), /names the output "z"/],
      'a shape that the model does not take': [
        of([scores], { inputs: [{ ...x64, shape: ['rows', 63] }] }),
        /step "classify" takes "x" as "x", but that is FP32 \[-1,63\] and model perceptron takes FP32 \[-1,64\]/,
      ],
      'a type that the model does not take': [
        of([scores], { inputs: [{ ...x64, datatype: 'FP64' }] }),
        /FP64 \[-1,64\] and model perceptron takes FP32/,
      ],
      'a type that the operation does not take': [
        of([{ ...softmax, inputs: { x: 'x' }, outputs: { y: 'scores' } }], { inputs: [{ ...x64, datatype: 'INT64' }] }),
        /step "softmax" \(softmax\) takes "x" as "x", but it takes FP32 or FP64, and x is INT64/,
      ],
      'an axis that is not there': [
        of([{ ...softmax, with: { axis: 2 }, inputs: { x: 'x' }, outputs: { y: 'scores' } }]),
        /no axis 2/,
      ],
      'an operation with another word': [
        of([{ ...softmax, with: { axes: 2 }, inputs: { x: 'x' }, outputs: { y: 'scores' } }]),
        /step "softmax" cannot be done as it says.*axes/,
      ],
      'steps in a circle': [
        of([
          step({ inputs: { x: 'b' }, outputs: { y: 'a' } }),
          step({ name: 'back', inputs: { x: 'a' }, outputs: { y: 'b' } }),
          { ...scores, name: 'end' },
        ]),
        /steps wait for each other: "classify" → "back" → "classify"/,
      ],
      'a tensor that two steps give': [
        of([scores, step({ name: 'again' })]),
        /step "again" gives "scores" as "y", which an input or another step gives already/,
      ],
      'a step that nobody needs': [
        of([scores, step({ name: 'idle', outputs: { y: 'unused' } })]),
        /step "idle" gives nothing/,
      ],
      'an output that no step gives': [
        of([scores], { outputs: ['scores', 'more'] }),
        /output "more" is a tensor that no step gives/,
      ],
      'an output of another shape than is said': [
        of([scores], { outputs: [{ name: 'scores', datatype: 'FP32', shape: [-1, 11] }] }),
        /is to be FP32 \[-1,11\], and it is FP32 \[-1,10\]/,
      ],
      'a step that is itself': [of([step({ model: 'bad' })]), /steps lead back to itself: bad → bad/],
      'a step that is a model and an operation': [of([step({ operation: 'softmax' })]), /name a model or an operation/],
      'a word that is a model’s': [{ ...of([scores]), lanes: { count: 2 } }, /lanes/],
      'a bound of what is not free': [
        { ...of([scores]), dimensions_max: { columns: 4 } },
        /bounds the dimension "columns"/,
      ],
    };
    for (const [what, [manifest, says]] of Object.entries(cases))
      it(what, async () => {
        await writePipeline(served.folder, 'bad', manifest);
        await assert.rejects(served.registry.load('bad'), (error: ServiceError) => {
          assert.equal(error.code, 'invalid_model');
          assert.match(error.message, says);
          return true;
        });
        assert.equal(served.registry.models().find(({ name }) => name === 'bad')!.state, 'unavailable');
      });

    it('a model that is not there, with the failure that says so, and it comes with it', async () => {
      await writePipeline(served.folder, 'early', of([step({ model: 'late' })]));
      await assert.rejects(served.registry.load('early'), { code: 'model_not_ready' });
      await writeModel(served.folder, 'late', perceptron(), { manifest: { batching } });
      await served.registry.load('late');
      await served.infer('early', [rowsOf(1)]);
    });

    it('a circle over several pipelines, which is said of each of them', async () => {
      const leads = (to: string) => of([step({ model: to })]);
      for (const [name, to] of [
        ['ring_a', 'ring_b'],
        ['ring_b', 'ring_c'],
        ['ring_c', 'ring_a'],
      ] as const) {
        await writePipeline(served.folder, name, leads(to));
        await assert.rejects(served.registry.load(name));
      }
      for (const name of ['ring_a', 'ring_b', 'ring_c']) {
        const { state, reason } = served.registry.models().find((model) => model.name === name)!;
        assert.equal(state, 'unavailable');
        assert.match(reason, /steps lead back to itself/, name);
      }
    });

    it('steps beside a model.onnx', async () => {
      await writeModel(served.folder, 'both', perceptron(), { manifest: of([scores]) });
      await assert.rejects(served.registry.load('both'), /model.onnx beside them/);
    });

    it('and one that is loaded goes on serving when its new file cannot be used', async () => {
      await writePipeline(served.folder, 'classify', of([step({ outputs: { z: 'scores' } })]));
      await assert.rejects(served.registry.load('classify'), /names the output "z"/);
      await served.infer('classify', [rowsOf(1)]);
      await writePipeline(served.folder, 'classify', classify);
      await served.registry.load('classify');
    });
  });

  it('is read from Triton’s config.pbtxt of an ensemble', async () => {
    await writePipeline(served.folder, 'ensemble', {});
    const { rm, mkdir } = await import('node:fs/promises');
    await rm(join(served.folder, 'ensemble', 'model.json'));
    await mkdir(join(served.folder, 'ensemble', '7'));
    await writeFile(join(served.folder, 'ensemble', 'config.pbtxt'), pbtxt);
    await served.registry.load('ensemble');
    const { outputs } = await served.infer('ensemble', [fp32('PIXELS', [2, 64], new Float32Array(128).fill(0.5))]);
    assert.deepEqual([outputs[0]!.name, outputs[0]!.shape], ['CHANCES', [2, 10]]);
    assert.deepEqual(served.registry.versions('ensemble'), ['7']);
    await writeFile(join(served.folder, 'ensemble', 'config.pbtxt'), pbtxt.replace('key: "x"', 'key "x"'));
    await assert.rejects(served.registry.load('ensemble'), /config.pbtxt: line \d+: ":" or "{" is missing before "x"/);
  });
});

const pbtxt = `
# An ensemble, as Triton's guide writes it.
name: "ensemble"
platform: "ensemble"
max_batch_size: 8
input [
  { name: "PIXELS" data_type: TYPE_FP32 dims: [ 64 ] }
]
output { name: "CHANCES" data_type: TYPE_FP32 dims: 10 }
ensemble_scheduling {
  step [
    {
      model_name: "perceptron"
      model_version: -1
      input_map { key: "x" value: "PIXELS" }
      output_map { key: "y" value: "CHANCES" }
    }
  ]
}
`;
