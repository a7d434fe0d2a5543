import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Stream, connect, constants } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { status } from '@grpc/grpc-js';
import { WireWriter } from '../../src/wire-writer.ts';
import { identity, slow } from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { type ServedApi, serveApi } from '../api/serve-api.ts';
import { copyRequest, floatsOf, type GrpcClient, inferenceClient, mapOf, rawFloats } from './grpc-client.ts';

const infer = '/inference.GRPCInferenceService/ModelInfer';
const input = { name: 'x', datatype: 'FP32', shape: [1, 2] };

describe('a call of gRPC that is wrong', () => {
  let api: ServedApi;
  let client: GrpcClient;

  before(async () => {
    api = await serveApi(
      {
        copy: { onnx: identity('FP32') },
        words: { onnx: identity('BYTES') },
        bytes: { onnx: identity('INT8') },
        slow: { onnx: slow() },
      },
      { bodyIdleMsMax: 400, bodyBytesMax: 100_000, grpcStreamsMax: 50 },
      { observed: true },
    );
    client = inferenceClient(api.grpcPort);
  });

  after(async () => {
    client[Symbol.dispose]();
    await api[Symbol.asyncDispose]();
  });

  /** Nothing of any of them is left. */
  afterEach(async () => {
    const { answer } = await client.ask('ModelInfer', copyRequest([4, 2]));
    assert.deepEqual(floatsOf(answer.raw_output_contents[0]), [4, 2]);
  });

  const refused: readonly (readonly [title: string, message: object, code: number, says: RegExp])[] = [
    ['names no model', { inputs: [input], raw_input_contents: [rawFloats(1, 2)] }, status.NOT_FOUND, /model/],
    ['names a model that there is not', copyRequest([1], { model_name: 'nobody' }), status.NOT_FOUND, /nobody/],
    ['has no inputs', { model_name: 'copy' }, status.INVALID_ARGUMENT, /the input "x" is missing/],
    [
      'has an input without data',
      { model_name: 'copy', inputs: [input] },
      status.INVALID_ARGUMENT,
      /contents is missing/,
    ],
    [
      'has too few raw bytes',
      { model_name: 'copy', inputs: [input], raw_input_contents: [rawFloats(1)] },
      status.INVALID_ARGUMENT,
      /has 4 bytes of data; its shape and datatype FP32 take 8/,
    ],
    [
      'has more raw contents than inputs',
      copyRequest([1], { raw_input_contents: [rawFloats(1), rawFloats(2)] }),
      status.INVALID_ARGUMENT,
      /raw_input_contents has 2 entries; there are 1 inputs/,
    ],
    [
      'has raw and typed contents',
      {
        model_name: 'copy',
        inputs: [{ ...input, contents: { fp32_contents: [1, 2] } }],
        raw_input_contents: [rawFloats(1, 2)],
      },
      status.INVALID_ARGUMENT,
      /set beside raw_input_contents/,
    ],
    [
      'has another number of values than its shape',
      { model_name: 'copy', inputs: [{ ...input, contents: { fp32_contents: [1, 2, 3] } }] },
      status.INVALID_ARGUMENT,
      /fp32_contents has 3 values; its shape has 2/,
    ],
    [
      'has its values in another type’s field',
      { model_name: 'copy', inputs: [{ ...input, contents: { int_contents: [1, 2] } }] },
      status.INVALID_ARGUMENT,
      /belong into fp32_contents/,
    ],
    [
      'has a value that its type cannot hold',
      { model_name: 'bytes', inputs: [{ ...input, datatype: 'INT8', contents: { int_contents: [1, 128] } }] },
      status.INVALID_ARGUMENT,
      /int_contents\[1\] is 128, which is no INT8/,
    ],
    [
      'has a text that is no UTF-8',
      {
        model_name: 'words',
        inputs: [{ ...input, datatype: 'BYTES', shape: [1, 1], contents: { bytes_contents: [Buffer.from([0xff])] } }],
      },
      status.INVALID_ARGUMENT,
      /is not UTF-8/,
    ],
    [
      'has a datatype of none',
      { model_name: 'copy', inputs: [{ ...input, datatype: 'FP99' }] },
      status.INVALID_ARGUMENT,
      /FP99/,
    ],
    [
      'has a negative size',
      { model_name: 'copy', inputs: [{ ...input, shape: [-1, 2] }] },
      status.INVALID_ARGUMENT,
      /shape\[0\] is -1/,
    ],
    [
      'has a shape of more elements than can be counted',
      { model_name: 'copy', inputs: [{ ...input, shape: ['9007199254740991', '9007199254740991'] }] },
      status.INVALID_ARGUMENT,
      /more elements than can be counted/,
    ],
    [
      'asks for an output twice',
      copyRequest([1], { outputs: [{ name: 'y' }, { name: 'y' }] }),
      status.INVALID_ARGUMENT,
      /which an earlier output has/,
    ],
    [
      'belongs to a sequence',
      copyRequest([1], { parameters: mapOf({ sequence_id: { int64_param: 7 } }) }),
      status.INVALID_ARGUMENT,
      /sequence_id is given, but the model has no state/,
    ],
    [
      'lies in shared memory',
      {
        model_name: 'copy',
        inputs: [{ ...input, parameters: mapOf({ shared_memory_region: { string_param: 'one' } }) }],
      },
      status.INVALID_ARGUMENT,
      /shared memory is not served/,
    ],
    ['is too large', copyRequest(Array<number>(30_000).fill(0)), status.RESOURCE_EXHAUSTED, /VITRINE_BODY_BYTES_MAX/],
  ];

  for (const [title, message, code, says] of refused)
    it(`is refused with its reason when it ${title}`, async () => {
      const failure = await client.failure('ModelInfer', message);
      assert.equal(failure.code, code, failure.details);
      assert.match(failure.details, says);
    });

  it('says the failure’s code and its trace in the details that clients of all languages read', async () => {
    const { metadata } = await client.failure('ModelMetadata', { name: 'nobody' });
    const [details] = metadata.get('grpc-status-details-bin');
    const text = String(details);
    for (const word of ['type.googleapis.com/google.rpc.ErrorInfo', 'model_not_found', 'trace_id', 'vitrine'])
      assert.ok(text.includes(word), word);
  });

  it('is given up at the deadline that it has: at once for 0, and a year is the server’s own', async () => {
    const none = await rawCall(message(copyBytes()), { 'grpc-timeout': '0m' });
    assert.equal(none.trailers['grpc-status'], String(status.DEADLINE_EXCEEDED));
    const year = await rawCall(message(copyBytes()), { 'grpc-timeout': '8784H' });
    assert.equal(year.trailers['grpc-status'], '0');
    for (const wrong of ['1', 'm', '123456789m', '-1S', '1.5S', '1x']) {
      const { trailers } = await rawCall(message(copyBytes()), { 'grpc-timeout': wrong });
      assert.equal(trailers['grpc-status'], String(status.INVALID_ARGUMENT), wrong);
    }
    const soon = await client.failure('ModelInfer', { model_name: 'slow' }, {}, { deadline: Date.now() + 5 });
    assert.ok([status.DEADLINE_EXCEEDED, status.INVALID_ARGUMENT].includes(soon.code));
  });

  it('is refused where its frames are wrong', async () => {
    const whole = message(copyBytes());
    const cases = {
      'nothing at all': Buffer.alloc(0),
      'half a prefix': whole.subarray(0, 3),
      'half a message': whole.subarray(0, -3),
      'two messages': Buffer.concat([whole, whole]),
      'a first byte of 7': Buffer.concat([Buffer.from([7]), whole.subarray(1)]),
      'compressed without saying how': Buffer.concat([Buffer.from([1]), whole.subarray(1)]),
      'a message of no fields': message(Buffer.from([0])),
      'a field that ends beyond the message': message(Buffer.from([0x0a, 0x7f, 0x61])),
      'a varint without end': message(Buffer.alloc(12, 0xff)),
      'a group': message(Buffer.from([0x0b])),
      'millions of fields': message(Buffer.alloc(90_000, Buffer.from([0x1a, 0x00]))),
    };
    for (const [title, bytes] of Object.entries(cases)) {
      const { trailers } = await rawCall(bytes);
      assert.equal(trailers['grpc-status'], String(status.INVALID_ARGUMENT), `${title}: ${trailers['grpc-message']}`);
    }
    const packed = await rawCall(message(copyBytes()), { 'grpc-encoding': 'snappy' });
    assert.equal(packed.trailers['grpc-status'], String(status.UNIMPLEMENTED));
    const noGzip = await rawCall(Buffer.concat([Buffer.from([1]), whole.subarray(1)]), { 'grpc-encoding': 'gzip' });
    assert.equal(noGzip.trailers['grpc-status'], String(status.INVALID_ARGUMENT));
  });

  it('is refused where it is no call, or none of ours', async () => {
    assert.equal((await rawCall(Buffer.alloc(0), { ':method': 'GET' })).headers[':status'], 405);
    assert.equal((await rawCall(Buffer.alloc(0), { 'content-type': 'application/json' })).headers[':status'], 415);
    const unknown = await rawCall(message(copyBytes()), { ':path': '/inference.GRPCInferenceService/Nothing' });
    assert.equal(unknown.trailers['grpc-status'], String(status.UNIMPLEMENTED));
  });

  it('is refused with more metadata than a request may have', async () => {
    const { trailers } = await rawCall(message(copyBytes()), { 'x-long': 'y'.repeat(40_000) });
    assert.equal(trailers['grpc-status'], String(status.RESOURCE_EXHAUSTED));
    assert.match(decodeURIComponent(String(trailers['grpc-message'])), /VITRINE_HEADER_BYTES_MAX/);
    const manyMore = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`x-${index}`, 'y']));
    assert.notEqual((await rawCall(message(copyBytes()), manyMore)).trailers['grpc-status'], '0');
  });

  it('is ended when it sends no message for too long', async () => {
    const session = connect(`http://127.0.0.1:${api.grpcPort}`);
    const stream = session.request(callHeaders());
    const answered = trailersOf(stream);
    assert.equal((await answered)['grpc-status'], String(status.ABORTED));
    session.destroy();
  });

  it('gives back all that it held when its caller leaves in the middle', async () => {
    const session = connect(`http://127.0.0.1:${api.grpcPort}`);
    session.on('error', () => undefined);
    for (let count = 0; count < 20; count += 1) {
      const stream = session.request(callHeaders());
      stream.on('error', () => undefined);
      stream.write(message(copyBytes()).subarray(0, 20));
      if (count % 2 === 0) stream.close(constants.NGHTTP2_CANCEL);
    }
    await new Promise((resolve) => session.ping(resolve));
    session.destroy();
    await waitFor('the bodies to be given back', () => api.held().bodyBytes === 0);
    await waitFor('the requests in flight to end', () => api.held().inFlight === 0);
  });

  it('gives back the half of a second message when the first one failed', async () => {
    await using patient = await serveApi(
      { copy: { onnx: identity('FP32') } },
      { bodyIdleMsMax: 600_000, slowAfterMs: 600_000 },
    );
    const session = connect(`http://127.0.0.1:${patient.grpcPort}`);
    const stream = session.request({ ...callHeaders(), ':path': '/inference.GRPCInferenceService/ModelMetadata' });
    const answered = trailersOf(stream);
    const named = new WireWriter();
    named.text(1, 'nobody');
    const first = message(named.bytes);
    stream.write(Buffer.concat([first, message(Buffer.alloc(20_000)).subarray(0, 10_000)]));
    assert.equal((await answered)['grpc-status'], String(status.NOT_FOUND));
    await waitFor('the bodies to be given back', () => patient.held().bodyBytes === 0);
    session.destroy();
  });

  it('of a stream that nobody reads is cut off, and no other call waits for it', async () => {
    const session = connect(`http://127.0.0.1:${api.grpcPort}`, { settings: { initialWindowSize: 0 } });
    session.on('error', () => undefined);
    await once(session, 'remoteSettings');
    const stream = session.request({ ...callHeaders(), ':path': '/inference.GRPCInferenceService/ModelStreamInfer' });
    stream.on('error', () => undefined);
    stream.write(message(copyBytes(15_000)));
    const { answer } = await client.ask('ModelInfer', copyRequest([1]));
    assert.deepEqual(floatsOf(answer.raw_output_contents[0]), [1]);
    if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
    assert.equal(stream.rstCode, constants.NGHTTP2_CANCEL);
    session.destroy();
    await waitFor('the requests in flight to end', () => api.held().inFlight === 0);
  });

  it('of a flood on one connection waits for its turn or is refused, and others are served', async () => {
    const session = connect(`http://127.0.0.1:${api.grpcPort}`);
    session.on('error', () => undefined);
    await once(session, 'remoteSettings');
    assert.equal(session.remoteSettings.maxConcurrentStreams, 50);
    const streams = Array.from({ length: 400 }, () => {
      const stream = session.request(callHeaders());
      stream.on('error', () => undefined);
      stream.end(message(copyBytes()));
      return stream;
    });
    const { answer } = await client.ask('ModelInfer', copyRequest([8]));
    assert.deepEqual(floatsOf(answer.raw_output_contents[0]), [8]);
    await Promise.all(streams.map((stream) => closedOf(stream)));
    session.destroy();
  });

  it('of a flood of cancelled ones ends its connection, and no other', async () => {
    const session = connect(`http://127.0.0.1:${api.grpcPort}`);
    session.on('error', () => undefined);
    let isGone = false;
    const gone = new Promise<void>((resolve) => session.once('close', resolve)).then(() => {
      isGone = true;
    });
    await once(session, 'remoteSettings');
    for (let round = 0; round < 200 && !session.closed && !session.destroyed; round += 1) {
      const streams = Array.from({ length: 40 }, () => session.request(callHeaders()));
      for (const stream of streams) stream.on('error', () => undefined);
      await Promise.race([gone, Promise.all(streams.map((stream) => stream.pending && once(stream, 'ready')))]);
      for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL);
      await Promise.race([gone, new Promise((resolve) => session.destroyed || session.ping(resolve))]);
    }
    await waitFor('the connection to be ended', () => isGone);
  });

  it('that is HTTP/1 or no HTTP at all ends its own connection only', async () => {
    for (const bytes of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\0'.repeat(100)]) {
      const socket = connectSocket(api.grpcPort, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume();
      socket.write(bytes);
      await once(socket, 'close');
    }
  });

  it('is counted, recorded and says whose failure it was', async () => {
    await client.failure('ModelInfer', copyRequest([1], { model_name: 'nobody' }), { 'x-request-id': 'recorded' });
    const answer = await api.fetch('/v1/requests?failed=50');
    const { requests } = (await answer.json()) as {
      requests: { request_id: string; route: string; failure: string }[];
    };
    const found = requests.find(({ request_id: id }) => id === 'recorded');
    assert.equal(found?.route, infer);
  });

  async function rawCall(bytes: Buffer, headers: Record<string, string> = {}) {
    const session = connect(`http://127.0.0.1:${api.grpcPort}`);
    session.on('error', () => undefined);
    try {
      const isGet = headers[':method'] === 'GET';
      const stream = session.request({ ...callHeaders(), ...headers }, { endStream: isGet });
      const answer = answerOf(stream);
      if (!isGet) stream.end(bytes);
      return await answer;
    } finally {
      session.destroy();
    }
  }
});

function callHeaders(): Record<string, string> {
  return { ':method': 'POST', ':path': infer, 'content-type': 'application/grpc', te: 'trailers' };
}

type Headers = Record<string, string | number | undefined>;

async function answerOf(stream: ClientHttp2Stream): Promise<{ headers: Headers; trailers: Headers }> {
  let headers: Headers = {};
  let trailers: Headers = {};
  stream.on('error', () => undefined);
  stream.on('response', (given) => (headers = given as Headers));
  stream.on('trailers', (given) => (trailers = given as Headers));
  stream.resume();
  await closedOf(stream);
  return { headers, trailers: { ...headers, ...trailers } };
}

async function trailersOf(stream: ClientHttp2Stream): Promise<Headers> {
  return (await answerOf(stream)).trailers;
}

async function closedOf(stream: ClientHttp2Stream): Promise<void> {
  stream.resume();
  // Not by events.once: a stream that is reset has an error first.
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
}

/** A message with its prefix. */
function message(bytes: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

/** A ModelInferRequest for so many numbers, by hand. */
function copyBytes(count = 1): Buffer {
  const writer = new WireWriter();
  writer.text(1, 'copy');
  writer.message(5, () => {
    writer.text(1, 'x');
    writer.text(2, 'FP32');
    writer.message(3, () => {
      writer.unsigned(1);
      writer.unsigned(count);
    });
  });
  writer.part(7, Buffer.alloc(4 * count));
  return writer.bytes;
}
