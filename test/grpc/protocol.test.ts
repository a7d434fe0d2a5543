import assert from 'node:assert/strict';
import { compressionAlgorithms, status } from '@grpc/grpc-js';
import { identity } from '../../testkit/models/models.ts';
import { type ServedApi, serveApi } from '../api/serve-api.ts';
import { copyRequest, entryOf, floatsOf, type GrpcClient, inferenceClient, mapOf } from './grpc-client.ts';

describe('the Open Inference Protocol over gRPC', () => {
  let api: ServedApi;
  let client: GrpcClient;

  before(async function () {
    // A dozen models, one after the other on a busy machine.
    this.timeout(240_000);
    const models = [
      'FP32',
      'FP64',
      'FP16',
      'BOOL',
      'BYTES',
      'INT8',
      'INT16',
      'INT32',
      'INT64',
      'UINT8',
      'UINT64',
    ] as const;
    const files = models.map(
      (datatype) =>
        [datatype.toLowerCase(), { onnx: identity(datatype), manifest: { batching: { rows_max: 0 } } }] as const,
    );
    api = await serveApi({ copy: { onnx: identity('FP32') }, ...Object.fromEntries(files) }, {}, { observed: true });
    client = inferenceClient(api.grpcPort);
  });

  after(async () => {
    client[Symbol.dispose]();
    await api[Symbol.asyncDispose]();
  });

  it('says that it is live, ready, and what it is', async () => {
    assert.equal((await client.ask('ServerLive')).answer.live, true);
    assert.equal((await client.ask('ServerReady')).answer.ready, true);
    const { answer } = await client.ask('ServerMetadata');
    assert.equal(answer.name, 'vitrine');
    assert.ok(answer.extensions.includes('statistics'));
  });

  it('says of a model whether it is ready, what it takes, and how it is configured', async () => {
    assert.equal((await client.ask('ModelReady', { name: 'copy', version: '1' })).answer.ready, true);
    const { answer: metadata } = await client.ask('ModelMetadata', { name: 'copy' });
    assert.deepEqual(metadata.inputs, [{ name: 'x', datatype: 'FP32', shape: ['-1', '-1'] }]);
    assert.deepEqual(metadata.versions, ['1']);
    const { answer: config } = await client.ask('ModelConfig', { name: 'copy' });
    assert.equal(config.config.backend, 'onnxruntime');
    assert.equal(config.config.input[0].data_type, 'TYPE_FP32');
    assert.deepEqual(config.config.input[0].dims, ['-1']);
    assert.equal(config.config.instance_group[0].kind, 'KIND_CPU');
    assert.ok(entryOf(config.config.parameters, 'batching').string_value.includes('rows_max'));
    assert.equal((await client.ask('ModelReady', { name: 'nobody' })).answer.ready, false);
    assert.equal((await client.ask('ModelReady', { name: 'copy', version: '7' })).answer.ready, false);
    assert.equal((await client.failure('ModelMetadata', { name: 'nobody' })).code, status.NOT_FOUND);
  });

  it('answers raw contents with raw contents', async () => {
    const { answer } = await client.ask('ModelInfer', copyRequest([1, 2.5], { id: 'seven' }));
    assert.equal(answer.model_name, 'copy');
    assert.equal(answer.model_version, '1');
    assert.equal(answer.id, 'seven');
    assert.deepEqual(answer.outputs[0].shape, ['1', '2']);
    assert.equal(answer.outputs[0].contents, null);
    assert.deepEqual(floatsOf(answer.raw_output_contents[0]), [1, 2.5]);
  });

  const typed = {
    FP32: ['fp32_contents', [1.5, Number.NaN, -0.25]],
    FP64: ['fp64_contents', [0.1, Number.NEGATIVE_INFINITY]],
    BOOL: ['bool_contents', [true, false, true]],
    BYTES: ['bytes_contents', [Buffer.from('žlutý'), Buffer.alloc(0), Buffer.from('x'.repeat(300))]],
    INT8: ['int_contents', [-128, 127]],
    INT16: ['int_contents', [-32_768, 32_767]],
    INT32: ['int_contents', [-(2 ** 31), 2 ** 31 - 1, 0]],
    INT64: ['int64_contents', ['-9223372036854775808', '9223372036854775807', '-1']],
    UINT8: ['uint_contents', [0, 255]],
    UINT64: ['uint64_contents', ['18446744073709551615', '4294967296']],
  } as const;

  for (const [datatype, [field, values]] of Object.entries(typed))
    it(`answers typed contents of ${datatype} with the same`, async () => {
      const input = { name: 'x', datatype, shape: [1, values.length], contents: { [field]: values } };
      const { answer } = await client.ask('ModelInfer', { model_name: datatype.toLowerCase(), inputs: [input] });
      assert.deepEqual(answer.outputs[0].contents[field], values);
      assert.deepEqual(answer.raw_output_contents, []);
    });

  it('carries FP16, which has no typed form, as its bits', async () => {
    const bits = Buffer.from(new Uint16Array([0x3e00, 0xfc00]).buffer);
    const input = { name: 'x', datatype: 'FP16', shape: [1, 2] };
    const request = { model_name: 'fp16', inputs: [input], raw_input_contents: [bits] };
    assert.deepEqual((await client.ask('ModelInfer', request)).answer.raw_output_contents, [bits]);
  });

  it('carries large tensors both ways, raw, typed and compressed', async () => {
    const values = Float32Array.from({ length: 300_000 }, (_, index) => index / 7);
    const raw = Buffer.from(values.buffer);
    const input = { name: 'x', datatype: 'FP32', shape: [1, values.length] };
    const request = { model_name: 'copy', inputs: [input], raw_input_contents: [raw] };
    assert.ok((await client.ask('ModelInfer', request)).answer.raw_output_contents[0].equals(raw));
    // Large answers are raw: to write a number after the other would hold up the others.
    const asTyped = { model_name: 'copy', inputs: [{ ...input, contents: { fp32_contents: [...values] } }] };
    assert.ok((await client.ask('ModelInfer', asTyped)).answer.raw_output_contents[0].equals(raw));
    for (const algorithm of [compressionAlgorithms.gzip, compressionAlgorithms.deflate]) {
      using packing = inferenceClient(api.grpcPort, { 'grpc.default_compression_algorithm': algorithm });
      assert.ok((await packing.ask('ModelInfer', request)).answer.raw_output_contents[0].equals(raw));
    }
  });

  it('takes the outputs that are asked for, and the parameters of the schedule', async () => {
    const request = copyRequest([3], {
      outputs: [{ name: 'y' }],
      parameters: mapOf({ priority: { uint64_param: 1 }, timeout: { int64_param: 5_000_000 } }),
    });
    assert.deepEqual(floatsOf((await client.ask('ModelInfer', request)).answer.raw_output_contents[0]), [3]);
  });

  it('answers with the ids of the request, and takes the caller’s own', async () => {
    const { metadata } = await client.ask('ModelInfer', copyRequest([1]), {
      'x-request-id': 'mine',
    });
    assert.deepEqual(metadata.get('x-request-id'), ['mine']);
    assert.match(String(metadata.get('traceresponse')), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    assert.equal(metadata.get('server-timing').length, 1);
  });

  it('counts what the models did, lists them, and unloads and loads them', async () => {
    const { answer } = await client.ask('ModelStatistics', { name: 'copy' });
    assert.ok(Number(answer.model_stats[0].inference_count) > 0);
    assert.ok(answer.model_stats[0].batch_stats.length > 0);
    const all = await client.ask('ModelStatistics');
    assert.equal(all.answer.model_stats.length, 12);
    const index = await client.ask('RepositoryIndex', { ready: true });
    assert.equal(index.answer.models.length, 12);
    assert.equal(index.answer.models[0].state, 'READY');
    await client.ask('RepositoryModelUnload', { model_name: 'uint8' });
    assert.equal((await client.ask('ModelReady', { name: 'uint8' })).answer.ready, false);
    assert.equal((await client.failure('ModelMetadata', { name: 'uint8' })).code, status.UNAVAILABLE);
    await client.ask('RepositoryModelLoad', {
      model_name: 'uint8',
      parameters: mapOf({ config: { string_param: '{"max_batch_size": 0}' } }),
    });
    const loaded = await client.ask('ModelConfig', { name: 'uint8' });
    assert.equal(loaded.answer.config.max_batch_size, 0);
  });

  it('shows and changes the settings of traces and logs', async () => {
    const changed = await client.ask('TraceSetting', {
      settings: mapOf({ trace_rate: { value: ['7'] } }),
      model_name: 'copy',
    });
    assert.deepEqual(entryOf(changed.answer.settings, 'trace_rate'), { value: ['7'] });
    const cleared = await client.ask('TraceSetting', {
      settings: mapOf({ trace_rate: { value: [] } }),
      model_name: 'copy',
    });
    assert.deepEqual(entryOf(cleared.answer.settings, 'trace_rate'), { value: ['1000'] });
    assert.deepEqual(entryOf((await client.ask('TraceSetting')).answer.settings, 'trace_level'), {
      value: ['TIMESTAMPS'],
    });
    const wrong = await client.failure('TraceSetting', { settings: mapOf({ trace_mode: { value: ['triton'] } }) });
    assert.equal(wrong.code, status.INVALID_ARGUMENT);
    assert.equal(entryOf((await client.ask('LogSettings')).answer.settings, 'log_error').bool_param, true);
    const logs = await client.ask('LogSettings', { settings: mapOf({ log_verbose_level: { uint32_param: 0 } }) });
    assert.equal(entryOf(logs.answer.settings, 'log_verbose_level').uint32_param, 0);
  });

  it('answers a stream in the order of its requests, and goes on after one that fails', async () => {
    const stream = client.stream('ModelStreamInfer');
    const answers = stream.toArray();
    for (let index = 0; index < 100; index += 1)
      stream.write(copyRequest([index], { id: String(index), ...(index === 50 && { model_name: 'nobody' }) }));
    stream.end();
    const messages = await answers;
    assert.equal(messages.length, 100);
    for (const [index, { error_message: problem, infer_response: answer }] of messages.entries()) {
      assert.equal(answer.id, String(index));
      if (index === 50) assert.match(problem, /nobody/);
      else assert.deepEqual(floatsOf(answer.raw_output_contents[0]), [index]);
    }
    assert.equal(entryOf(messages[0].infer_response.parameters, 'triton_final_response').bool_param, true);
  });

  it('ends a stream at its first failure where the caller asks for it as Triton’s callers do', async () => {
    const stream = client.stream('ModelStreamInfer', { triton_grpc_error: 'true' });
    stream.write(copyRequest([1]));
    stream.write(copyRequest([1], { model_name: 'nobody' }));
    await assert.rejects(stream.toArray(), { code: status.NOT_FOUND });
  });
});

describe('gRPC without telemetry', () => {
  it('answers the same, and says that no time was measured', async () => {
    await using api = await serveApi({ copy: { onnx: identity('FP32') } });
    using client = inferenceClient(api.grpcPort);
    const { answer, metadata } = await client.ask('ModelInfer', copyRequest([1]));
    assert.deepEqual(floatsOf(answer.raw_output_contents[0]), [1]);
    assert.deepEqual(metadata.get('server-timing'), []);
    assert.equal((await client.failure('ModelMetadata', { name: 'nobody' })).code, status.NOT_FOUND);
  });
});
