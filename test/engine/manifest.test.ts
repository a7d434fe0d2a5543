import assert from 'node:assert/strict';
import { readConfig } from '../../src/config.ts';
import { completeManifest, parseManifest } from '../../src/engine/registry/complete-manifest.ts';
import { manifestJsonSchema } from '../../src/engine/registry/manifest-schema.ts';
import type { TensorSpec } from '../../src/engine/registry/tensor-spec.ts';
import { fromTritonConfig, isTritonConfig, tritonConfig } from '../../src/engine/registry/triton-config.ts';

const tensor = (name: string, shape: number[], dimensionNames: string[]): TensorSpec => ({
  name,
  datatype: 'FP32',
  shape,
  dimensionNames,
});
const onnx = (inputs: TensorSpec[], outputs: TensorSpec[]) => ({
  irVersion: 8,
  opset: 17,
  producer: '',
  operators: [],
  inputs,
  outputs,
});
const id = { name: 'm', version: '1', sizeLimits: readConfig({}) };

describe('a manifest', () => {
  it('may be absent: everything has a default', () => {
    const manifest = parseManifest({}, 'model.json');
    assert.deepEqual(manifest.lanes, { kind: 'thread', count: 1, stuck_after_ms: 30_000, shortcut: true });
    assert.deepEqual(manifest.versions, { latest: 1 });
    assert.deepEqual(manifest.providers, ['cpu']);
  });

  it('is refused with the place and the file when a value cannot be used', () => {
    assert.throws(() => parseManifest({ lanes: { kind: 'fibre' } }, '/m/model.json'), {
      code: 'invalid_model',
      message: /^Cannot use \/m\/model\.json: lanes\.kind: /,
    });
    assert.throws(() => parseManifest({ lane: {} }, 'model.json'), /lane/);
    assert.throws(() => parseManifest([], 'model.json'), { code: 'invalid_model' });
  });

  it('is refused when its separator blends more than a chunk, or calls a stem like a path', () => {
    const separator = { stems: ['a', 'b'], chunk_samples: 1024, fade_samples: 1024 };
    assert.equal(parseManifest({ separator }, '').separator?.fade_samples, 1024);
    for (const [wrong, says] of [
      [{ fade_samples: 1026 }, /fade_samples is more than chunk_samples/],
      [{ stems: ['../a'] }, /stems/],
      [{ stems: ['a', 'a'] }, /each stem once/],
    ] as const)
      assert.throws(() => parseManifest({ separator: { ...separator, ...wrong } }, ''), {
        code: 'invalid_model',
        message: says,
      });
  });

  it('is tried for batching where every tensor has a free first dimension, whatever it is called', () => {
    const rowsOf = (inputs: TensorSpec[], outputs: TensorSpec[]) =>
      completeManifest(parseManifest({}, ''), onnx(inputs, outputs), id).batching.rows_max;
    assert.equal(rowsOf([tensor('x', [-1, 4], ['batch', ''])], [tensor('y', [-1], ['batch'])]), 64);
    assert.equal(rowsOf([tensor('x', [-1, 4], ['N', ''])], [tensor('y', [-1], ['N'])]), 64);
    assert.equal(rowsOf([tensor('x', [-1, 4], ['time', ''])], [tensor('y', [-1], ['time'])]), 64);
    assert.equal(rowsOf([tensor('x', [-1, 4], ['', ''])], [tensor('y', [-1], ['unk__5'])]), 64);
    const [x, k] = [tensor('x', [-1, 4], ['queries', '']), tensor('k', [-1, 4], ['keys', ''])];
    assert.equal(rowsOf([x, k], [tensor('y', [-1], ['queries'])]), 0);
    assert.equal(rowsOf([], []), 0);
    assert.equal(rowsOf([tensor('x', [-1, 4], ['batch', ''])], [tensor('y', [4], [''])]), 0);
    assert.equal(rowsOf([tensor('x', [1, 4], ['', ''])], [tensor('y', [1], [''])]), 0);
  });

  it('cannot ask for batches of a model whose first dimension is fixed', () => {
    const file = parseManifest({ batching: { rows_max: 8 } }, '');
    const fixed = onnx([tensor('x', [1, 4], ['', ''])], [tensor('y', [1, 4], ['', ''])]);
    assert.throws(() => completeManifest(file, fixed, id), /Cannot batch model m: x has the shape \[1,4\]/);
  });

  it('is told in Triton’s words, dims without the batch dimension', () => {
    const summary = onnx([tensor('x', [-1, 4], ['batch', ''])], [tensor('y', [-1, 2], ['batch', ''])]);
    const config = tritonConfig(completeManifest(parseManifest({}, ''), summary, id));
    assert.equal(config.max_batch_size, 64);
    assert.deepEqual(config.input, [{ name: 'x', data_type: 'TYPE_FP32', dims: [4] }]);
    assert.deepEqual(config.version_policy, { latest: { num_versions: 1 } });
    const alone = tritonConfig(completeManifest(parseManifest({ batching: { rows_max: 0 } }, ''), summary, id));
    assert.deepEqual([alone.max_batch_size, alone.input[0]?.dims], [0, [-1, 4]]);
  });

  it('may be given in Triton’s words, and comes out as it went in', () => {
    const given = {
      platform: 'onnxruntime_onnx',
      max_batch_size: 8,
      version_policy: { specific: { versions: ['3'] } },
      instance_group: [{ kind: 'KIND_CPU', count: 2 }],
      dynamic_batching: {
        max_queue_delay_microseconds: '500',
        priority_levels: 3,
        default_priority_level: 2,
        default_queue_policy: { max_queue_size: 7 },
      },
    };
    assert.ok(isTritonConfig(given) && !isTritonConfig({ lanes: {} }));
    const summary = onnx([tensor('x', [-1, 4], ['batch', ''])], [tensor('y', [-1, 2], ['batch', ''])]);
    const manifest = completeManifest(parseManifest(fromTritonConfig(given), ''), summary, id);
    assert.deepEqual([manifest.batching.rows_max, manifest.batching.delay_us_max, manifest.lanes.count], [8, 500, 2]);
    assert.deepEqual(parseManifest(fromTritonConfig(tritonConfig(manifest)), ''), {
      ...parseManifest(fromTritonConfig(given), ''),
    });
  });

  it('carries the bounds of sizes in Triton’s words, there and back', () => {
    const summary = onnx([tensor('x', [-1, -1], ['rows', 'columns'])], [tensor('y', [-1, -1], ['rows', 'columns'])]);
    const bounds = {
      dimensions_max: { rows: 8 },
      dimensions_min: { columns: 0 },
      products_max: [{ of: ['rows', 'columns'], max: 64 }],
    };
    const config = tritonConfig(completeManifest(parseManifest(bounds, ''), summary, id));
    assert.equal(config.parameters.dimensions_max?.string_value, '{"rows":8}');
    assert.equal(config.parameters.free_elements_max?.string_value, String(2 ** 24));
    const { dimensions_max, dimensions_min, products_max } = parseManifest(fromTritonConfig(config), '');
    assert.deepEqual({ dimensions_max, dimensions_min, products_max }, bounds);
  });

  it('cannot bound a dimension that no input has free', () => {
    const summary = onnx([tensor('x', [-1, 4], ['rows', ''])], [tensor('y', [4], [''])]);
    for (const bounds of [{ dimensions_max: { row: 8 } }, { products_max: [{ of: ['row'], max: 8 }] }])
      assert.throws(() => completeManifest(parseManifest(bounds, ''), summary, id), {
        code: 'invalid_model',
        message: /bounds the dimension "row", which no input has free; its free dimensions are rows/,
      });
  });

  it('refuses words of Triton’s that it would not follow', () => {
    assert.throws(() => fromTritonConfig({ max_batch_size: 4, sequence_batching: {} }), /sequence_batching/);
    assert.throws(() => fromTritonConfig({ backend: 'python' }), /Cannot use the configuration given: backend/);
  });

  it('has a JSON Schema that describes every key', () => {
    const { anyOf } = manifestJsonSchema() as { anyOf: { properties: Record<string, unknown> }[] };
    const [ofModels, ofPipelines] = anyOf.map(({ properties }) => Object.keys(properties));
    assert.ok(ofModels!.includes('batching') && ofModels!.includes('retry_safe'));
    assert.ok(ofPipelines!.includes('steps') && ofPipelines!.includes('versions'));
  });
});
