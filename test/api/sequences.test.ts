import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { voice, voiceWindows } from '../../src/tasks/speech/voice-windows.ts';
import { identity, runningTotal } from '../../testkit/models/models.ts';
import { type GrpcClient, inferenceClient, mapOf } from '../grpc/grpc-client.ts';
import { sound } from '../models/reference-sounds.ts';
import { nameOfWay, type ServedApi, serveApi, waysToServe } from './serve-api.ts';

const repository = new URL('../../models/', import.meta.url);
const state = { tensors: [{ output: 'total_after', input: 'total' }] };

for (const way of waysToServe)
  describe(`sequences, ${nameOfWay(way)}`, function () {
    this.timeout(120_000);
    let api: ServedApi;
    let client: GrpcClient;
    before(async () => {
      api = await serveApi(
        {
          total: { onnx: runningTotal(), manifest: { state, batching: { rows_max: 8 } } },
          copy: { onnx: identity('FP32') },
          'silero-vad': {
            onnx: await readFile(new URL('silero-vad/1/model.onnx', repository)),
            manifest: JSON.parse(await readFile(new URL('silero-vad/model.json', repository), 'utf8')),
          },
        },
        {},
        way,
      );
      client = inferenceClient(api.grpcPort);
    });
    after(async () => {
      client[Symbol.dispose]();
      await api[Symbol.asyncDispose]();
    });

    const ask = async (model: string, parameters: object, inputs: object[]) => {
      const response = await api.fetch(`/v2/models/${model}/infer`, {
        method: 'POST',
        body: JSON.stringify({ parameters, inputs }),
      });
      return { status: response.status, body: (await response.json()) as Answer };
    };
    const int = (name: string, value: number) => ({ name, datatype: 'INT32', shape: [1, 1], data: [value] });
    const add = async (x: number, parameters: object) => {
      const { status, body } = await ask('total', parameters, [int('x', x), int('divisor', 1)]);
      return status === 200 ? body.outputs.map(({ name, data }) => `${name} ${data}`).join() : `${status} ${body.code}`;
    };

    it('take a number or a text for their id', async () => {
      for (const id of [42, 'forty-two', '42'])
        assert.equal(await add(3, { sequence_id: id, sequence_start: true }), 'y 3');
      assert.equal(await add(1, { sequence_id: 42 }), 'y 4');
      assert.equal(await add(1, { sequence_id: 'forty-two' }), 'y 4');
      assert.equal(await add(1, { sequence_id: 'forty-two', sequence_end: true }), 'y 5');
      assert.equal(await add(1, { sequence_id: 'forty-two' }), '404 sequence_not_found');
    });

    it('go on over gRPC where they were begun over HTTP', async () => {
      assert.equal(await add(10, { sequence_id: 'both', sequence_start: true }), 'y 10');
      const { answer } = await client.ask('ModelInfer', {
        model_name: 'total',
        parameters: mapOf({ sequence_id: { string_param: 'both' } }),
        inputs: ['x', 'divisor'].map((name) => ({
          name,
          datatype: 'INT32',
          shape: [1, 1],
          contents: { int_contents: [1] },
        })),
      });
      assert.deepEqual(
        answer.outputs.map(({ name, contents }: { name: string; contents: Contents }) => [name, contents.int_contents]),
        [['y', [11]]],
      );
      assert.equal(await add(1, { sequence_id: 'both', sequence_end: true }), 'y 12');
    });

    it('take their tensors as binary data, in the same words each time', async () => {
      const call = async (x: number, parameters: object) => {
        const inputs = ['x', 'divisor'].map((name) => ({
          name,
          datatype: 'INT32',
          shape: [1, 1],
          parameters: { binary_data_size: 4 },
        }));
        const json = JSON.stringify({ parameters: { ...parameters, binary_data_output: true }, inputs });
        const response = await api.fetch('/v2/models/total/infer', {
          method: 'POST',
          headers: { 'Inference-Header-Content-Length': String(json.length) },
          body: Buffer.concat([Buffer.from(json), Buffer.from(Int32Array.of(x, 1).buffer)]),
        });
        const length = Number(response.headers.get('inference-header-content-length'));
        return Buffer.from(await response.arrayBuffer()).readInt32LE(length);
      };
      assert.equal(await call(1, { sequence_id: 7, sequence_start: true }), 1);
      for (const total of [2, 3, 4, 5]) assert.equal(await call(1, { sequence_id: 7 }), total);
    });

    it('are refused in words and with the status of the failure', async () => {
      for (const [parameters, expected] of [
        [{ sequence_id: 'unknown' }, '404 sequence_not_found'],
        [{ sequence_id: 'unknown', sequence_end: true }, '404 sequence_not_found'],
        [{ sequence_start: true }, '400 invalid_body'],
        [{ sequence_id: 0, sequence_end: true }, '400 invalid_body'],
        [{ sequence_id: -1 }, '400 invalid_body'],
        [{ sequence_id: 1.5 }, '400 invalid_body'],
        [{ sequence_id: 2 ** 53 }, '400 invalid_body'],
        [{ sequence_id: [] }, '400 invalid_body'],
        [{ sequence_id: 'x'.repeat(129) }, '400 invalid_body'],
        [{ sequence_id: 1, sequence_start: 'yes' }, '400 invalid_body'],
        // No id is no sequence: then the state is an input that is missing.
        [{ sequence_id: 0 }, '400 invalid_input'],
      ] as const)
        assert.equal(await add(1, parameters), expected, JSON.stringify(parameters));
      const failure = await client.failure('ModelInfer', {
        model_name: 'total',
        parameters: mapOf({ sequence_id: { int64_param: 99 } }),
        inputs: ['x', 'divisor'].map((name) => ({
          name,
          datatype: 'INT32',
          shape: [1, 1],
          contents: { int_contents: [1] },
        })),
      });
      assert.match(failure.details, /sequence_start/);
      assert.equal(failure.code, 9);
    });

    it('are in the configuration, in Triton’s words, over HTTP and gRPC', async () => {
      const config = (await (await api.fetch('/v2/models/total/config')).json()) as Answer;
      assert.deepEqual(config.sequence_batching, {
        max_sequence_idle_microseconds: 60_000_000,
        state: [{ input_name: 'total', output_name: 'total_after', data_type: 'TYPE_INT32', dims: [1] }],
      });
      const { answer } = await client.ask('ModelConfig', { name: 'total' });
      assert.equal(answer.config.sequence_batching.state[0].output_name, 'total_after');
      assert.ok(!answer.config.dynamic_batching);
    });

    // It is the engine's doing, whichever way a request comes.
    if (way === waysToServe[0])
      it('of Silero VAD, fed in pieces, answer what the whole sound does', async () => {
        const samples = sound('speech').subarray(0, 16_000 * 4);
        const [windows] = [...voiceWindows(samples)];
        const { rows, data } = windows!;
        const width = voice.contextSamples + voice.windowSamples;
        const input = (from: number, to: number) => ({
          name: 'input',
          datatype: 'FP32',
          shape: [to - from, width],
          data: [...data.subarray(from * width, to * width)],
        });
        const zeros = (name: string) => ({ name, datatype: 'FP32', shape: [1, 1, 128], data: new Array(128).fill(0) });
        const whole = await ask('silero-vad', {}, [input(0, rows), zeros('h'), zeros('c')]);
        const expected = whole.body.outputs.find(({ name }) => name === 'speech_probs')!.data;
        const heard: number[] = [];
        for (let at = 0, size = 1; at < rows; at += size, size = (size % 7) + 1) {
          const to = Math.min(rows, at + size);
          const { status, body } = await ask(
            'silero-vad',
            { sequence_id: 'sound', sequence_start: at === 0, sequence_end: to === rows },
            [input(at, to)],
          );
          assert.equal(status, 200, JSON.stringify(body));
          heard.push(...body.outputs[0]!.data);
        }
        assert.equal(heard.length, expected.length);
        for (const [at, value] of heard.entries()) assert.ok(Math.abs(value - expected[at]!) < 1e-5, `window ${at}`);
        assert.equal(api.registry.find('silero-vad').sequences?.count, 0);
      });
  });

type Answer = {
  code?: string;
  outputs: { name: string; data: number[] }[];
  sequence_batching?: unknown;
};
type Contents = { int_contents: number[] };
