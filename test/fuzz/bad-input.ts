import { deflateSync, gzipSync } from 'node:zlib';
import { pageRoutes, serviceRoutes } from '../../src/api/routes.ts';
import { type DataType, dataTypes } from '../../src/engine/tensor.ts';
import type { RouteTable } from '../../src/http/route-table.ts';
import { receiverRoutes } from '../../src/receiver/routes.ts';
import { jsonBombs } from '../api/bombs.ts';
import { Random } from './random.ts';

/** What goes over one connection. The sender's end is closed behind it. */
export type BadInput = {
  readonly kind: string;
  readonly to: 'service' | 'receiver';
  readonly bytes: Buffer;
  /** The connection is broken off after so many bytes; undefined: all are sent. */
  readonly brokenOffAt?: number;
};

/** The models that a service has to have for it, each y = x of the datatype that it is named by. */
export const fuzzedModels = ['FP32', 'INT64', 'BYTES', 'BOOL', 'FP16', 'UINT8'] as const satisfies readonly DataType[];

const routes = routesOf({ ...serviceRoutes, ...pageRoutes });
const routesOfReceiver = routesOf(receiverRoutes);
const forms = ['/v1/separate', '/v1/score', '/v1/speech', '/separate'];
const jsonTasks = ['/v1/generate', '/v1/microstructure'];

const ofReceiver = 'a route of the receiver';

const kinds: Readonly<Record<string, { weight: number; make(random: Random): Buffer }>> = {
  'any route': { weight: 22, make: anyRoute },
  [ofReceiver]: { weight: 3, make: receiverRoute },
  'an inference': { weight: 25, make: (random) => inference(random) },
  'an inference with changed bytes': { weight: 15, make: (random) => changed(random, inference(random)) },
  'a form': { weight: 10, make: form },
  'parameters of a task': {
    weight: 5,
    make: (random) => request(random, 'POST', random.of(jsonTasks), taskJson(random)),
  },
  'changed bytes of HTTP': { weight: 8, make: (random) => changed(random, anyRoute(random)) },
  chunks: { weight: 4, make: chunked },
  'several requests at once': {
    weight: 5,
    make: (random) => Buffer.concat(random.several(2, 5, () => random.of([anyRoute, inference])(random))),
  },
  noise: { weight: 2, make: (random) => random.bytes(random.upTo(600)) },
  'a large one': { weight: 1, make: large },
};

/** The input of this number: the same for the same seed, whatever came before it. */
export function badInput(seed: number, index: number): BadInput {
  const random = new Random(seed, index);
  let left = random.upTo(100);
  for (const [kind, { weight, make }] of Object.entries(kinds)) {
    left -= weight;
    if (left >= 0) continue;
    const bytes = make(random);
    const input: BadInput = { kind, to: kind === ofReceiver ? 'receiver' : 'service', bytes };
    return random.chance(0.07) ? { ...input, brokenOffAt: random.upTo(bytes.length) } : input;
  }
  throw new Error('The weights of the kinds do not add up to 100');
}

function anyRoute(random: Random): Buffer {
  const { verb, path } = random.of(routes);
  const method = random.chance(0.9)
    ? verb
    : random.of(['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'PATCH', 'OPTIONS', 'TRACE', 'get']);
  const target = path.replace(/[:*]\w+/g, () => name(random)) + (random.chance(0.3) ? query(random) : '');
  return request(random, method, target, random.chance(0.6) ? body(random) : undefined);
}

function routesOf(table: RouteTable): { verb: string; path: string }[] {
  return Object.entries(table).flatMap(([path, verbs]) =>
    Object.keys(verbs).map((verb) => ({ verb: verb.toUpperCase(), path })),
  );
}

function receiverRoute(random: Random): Buffer {
  const { verb, path } = random.of(routesOfReceiver);
  const given = verb === 'POST' || random.chance(0.1) ? delivery(random) : undefined;
  const bytes = given && random.chance(0.2) ? changed(random, given) : given;
  return request(random, random.chance(0.9) ? verb : random.of(['GET', 'POST', 'DELETE', 'HEAD']), path, bytes);
}

/**
 * A webhook, a release mark or lines of events, with something wrong in each, or what is none of
 * them.
 */
function delivery(random: Random): Buffer {
  const odd = (given: object) =>
    random.chance(0.5) ? given : { ...given, [random.of(deliveryMembers)]: random.json(random.upTo(4)) };
  const alert = () =>
    odd({
      status: 'firing',
      labels: { alertname: random.text(12) },
      annotations: {},
      startsAt: '2026-11-21T10:00:00Z',
    });
  const line = () =>
    JSON.stringify(
      odd({
        kind: random.of(['counter', 'gauge', 'histogram', 'event', 'x']),
        name: random.of(['runs', 'a_b']),
        value: 1,
      }),
    );
  return random.of([
    () => Buffer.from(JSON.stringify(odd({ version: '4', status: 'firing', alerts: random.several(0, 4, alert) }))),
    () => Buffer.from(JSON.stringify(odd({ version: random.of(['1.2.3', random.text(12)]) }))),
    () => Buffer.from(random.several(0, 6, line).join('\n')),
    () => Buffer.from(random.of(['[', '{"a":', '[],', '{},', '"",', '\n']).repeat(random.upTo(2 ** 19))),
    () => body(random),
  ])();
}

const deliveryMembers = [
  'labels',
  'alerts',
  'status',
  'buckets',
  'value',
  'name',
  'startsAt',
  'orgId',
  '__proto__',
  'x',
];

function name(random: Random): string {
  return random.of([
    () => random.of(fuzzedModels),
    () =>
      random.of([
        '1',
        '0',
        '-1',
        '..',
        '%2e%2e%2f',
        '__proto__',
        'constructor',
        '%00',
        '%zz',
        '*',
        'a'.repeat(300),
        '',
      ]),
    () => encodeURIComponent(random.text(20).toWellFormed()),
  ])();
}

function query(random: Random): string {
  const names = ['limit', 'model', 'recent', 'status', 'query', 'after', 'state', 'since', '__proto__', 'minutes'];
  return `?${random.several(0, 4, () => `${random.of(names)}=${random.of(['', '0', '-1', '1e9', 'NaN', '9'.repeat(30), encodeURIComponent(random.text(12).toWellFormed())])}`).join('&')}`;
}

function body(random: Random): Buffer {
  return random.of([
    () => Buffer.from(JSON.stringify(random.json(4))),
    () => Buffer.from(JSON.stringify({ [random.of(members)]: random.json(3), parameters: random.json(3) })),
    () => Buffer.from('['.repeat(random.upTo(70_000))),
    () => Buffer.from(JSON.stringify({ a: random.text(70_000) })),
    () => random.bytes(random.upTo(400)),
    () => Buffer.alloc(0),
  ])();
}

const members = [
  'ready',
  'parameters',
  'trace_level',
  'trace_rate',
  'log_verbose_level',
  'inputs',
  'prompt',
  'size',
  '__proto__',
  'config',
];

function inference(random: Random): Buffer {
  const datatype = random.of(fuzzedModels);
  const said = random.chance(0.85) ? datatype : random.of([...Object.keys(dataTypes), 'BF16', 'x', '']);
  const rows = random.of([1, 1, 1, 2, 64, 65, 0]);
  const length = random.of([0, 1, 2, 3, 16, 300]);
  const shape = random.chance(0.85)
    ? [rows, length]
    : random.of([[length], [rows, length, 1], [-1, 2], [2 ** 40, 2 ** 40], [1, 1e9], [0.5, 1], random.json(2)]);
  const input: Record<string, unknown> = { name: random.chance(0.9) ? 'x' : random.json(1), datatype: said, shape };
  const parts: Buffer[] = [];
  if (random.chance(0.5)) {
    const width = said in dataTypes ? dataTypes[said as DataType].bytes || 5 : 4;
    const size = random.chance(0.85) ? rows * length * width : random.of([0, 1, 7, -1, 2 ** 53, 1e6]);
    input.parameters = { binary_data_size: size };
    if (size >= 0 && size < 1e6)
      parts.push(random.chance(0.5) ? Buffer.alloc(size, random.chance(0.5) ? 0 : 1) : random.bytes(size));
  } else input.data = random.chance(0.8) ? flat(random, said, rows * length) : random.json(4);
  const call: Record<string, unknown> = { inputs: [input] };
  if (random.chance(0.3)) call.id = random.chance(0.7) ? random.text(40) : random.json(2);
  if (random.chance(0.3))
    call.outputs = random.chance(0.6)
      ? [{ name: 'y', parameters: { binary_data: random.chance(0.5) } }]
      : random.json(3);
  if (random.chance(0.3))
    call.parameters = random.of([
      { binary_data_output: true },
      { priority: random.json(0), timeout: random.json(0) },
      random.json(2),
    ]);
  if (random.chance(0.05)) call.inputs = random.json(4);
  const json = Buffer.from(JSON.stringify(call));
  const headers: Record<string, string> = {};
  if (parts.length > 0 ? random.chance(0.95) : random.chance(0.05))
    headers['Inference-Header-Content-Length'] = random.chance(0.95)
      ? String(json.length)
      : random.of(['0', '-1', '1', '1e3', '99999999', 'x', '']);
  const path = `/v2/models/${datatype}${random.chance(0.1) ? `/versions/${random.of(['1', '2', '0', 'x'])}` : ''}/infer`;
  return request(random, 'POST', path, Buffer.concat([json, ...parts]), headers);
}

function flat(random: Random, datatype: string, count: number): unknown[] {
  const odd = random.chance(0.2) ? random.upTo(count + 1) : -1;
  const value = datatype === 'BYTES' ? 'word' : datatype === 'BOOL' ? true : 1;
  const data: unknown[] = Array(count).fill(value);
  if (odd >= 0) data[odd] = random.of([null, '1', 1.5, -1, 2 ** 53, 1e300, {}, [1], '\ud800', false]);
  return data;
}

function taskJson(random: Random): Buffer {
  const known = ['prompt', 'seconds', 'seed', 'size', 'samples', 'steps', 'covariance', 'format', 'duration_seconds'];
  return Buffer.from(
    JSON.stringify(
      Object.fromEntries(
        random.several(0, 5, () => [random.chance(0.9) ? random.of(known) : random.text(8), random.json(2)]),
      ),
    ),
  );
}

function form(random: Random): Buffer {
  const border = random.chance(0.95) ? 'border' : random.text(30);
  const fields = random.several(0, 6, () => {
    const isFile = random.chance(0.5);
    const field = random.of([
      'file',
      'files',
      'model',
      'stems',
      'format',
      'weights',
      'min_ms',
      '__proto__',
      random.text(6),
    ]);
    const head = `Content-Disposition: form-data; name="${field}"${isFile ? `; filename="${random.of(['a.wav', '../b.wav', 'c\u0000.mp3', 'd.flac', '', random.text(10)])}"` : ''}`;
    return Buffer.concat([
      Buffer.from(`--${border}\r\n${head}\r\n\r\n`),
      isFile ? sound(random) : Buffer.from(random.text(60)),
      Buffer.from('\r\n'),
    ]);
  });
  const end = random.chance(0.85) ? `--${border}--\r\n` : '';
  const headers = {
    'Content-Type': `multipart/form-data; boundary=${border.replace(/[^\x20-\x7e]/g, '')}`,
    ...(random.chance(0.2) && { Prefer: 'respond-async' }),
  };
  return request(random, 'POST', random.of(forms), Buffer.concat([...fields, Buffer.from(end)]), headers);
}

/**
 * A WAV file of a few samples whose bytes may have been changed, or the begin of something else.
 */
function sound(random: Random): Buffer {
  const frames = random.upTo(400);
  const wav = Buffer.alloc(44 + 2 * frames);
  wav.write('RIFF').toString();
  wav.writeUInt32LE(36 + 2 * frames, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(random.of([0, 1, 1, 2, 8, 65_535]), 22);
  wav.writeUInt32LE(random.of([8000, 16_000, 48_000, 0, 2 ** 32 - 1]), 24);
  wav.writeUInt32LE(32_000, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(random.of([16, 16, 8, 24, 0]), 34);
  wav.write('data', 36);
  wav.writeUInt32LE(2 * frames, 40);
  return random.of([
    () => wav,
    () => changed(random, wav),
    () => Buffer.concat([Buffer.from(random.of(['fLaC', 'OggS', 'ID3\u0004', 'FORM'])), random.bytes(200)]),
  ])();
}

function chunked(random: Random): Buffer {
  const pieces = random.several(0, 6, () => {
    const piece = body(random).subarray(0, 2000);
    const size = random.chance(0.9) ? piece.length.toString(16) : random.of(['zz', '-1', 'ffffffff', '0', '1;x=y', '']);
    return Buffer.concat([Buffer.from(`${size}\r\n`), piece, Buffer.from('\r\n')]);
  });
  const { path } = random.of(routes.filter(({ verb }) => verb === 'POST'));
  const head = `POST ${path.replace(/[:*]\w+/g, () => name(random))} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), ...pieces, Buffer.from(random.chance(0.8) ? '0\r\n\r\n' : '')]);
}

let bombs: ReturnType<typeof jsonBombs> | undefined;

function large(random: Random): Buffer {
  bombs ??= jsonBombs(2 ** 21, 2 ** 23);
  const { model, headers, body: packed } = random.of(bombs);
  const path = `/v2/models/${random.chance(0.8) ? model : random.of(fuzzedModels)}/infer`;
  return head('POST', path, packed, headers);
}

function request(
  random: Random,
  method: string,
  path: string,
  given?: Buffer,
  more: Readonly<Record<string, string>> = {},
): Buffer {
  let bytes = given;
  const headers: Record<string, string> = { ...more };
  if (bytes && random.chance(0.1)) {
    headers['Content-Encoding'] = random.of(['gzip', 'deflate', 'gzip', 'br', 'identity', '']);
    if (headers['Content-Encoding'] === 'gzip' && random.chance(0.8)) bytes = gzipSync(bytes);
    if (headers['Content-Encoding'] === 'deflate' && random.chance(0.8)) bytes = deflateSync(bytes);
  }
  if (bytes && headers['Content-Type'] === undefined && random.chance(0.6))
    headers['Content-Type'] = random.of(['application/json', 'text/plain', 'application/octet-stream', '']);
  if (random.chance(0.2))
    headers[random.of(oddHeaders)] = random.of([
      '',
      '1',
      '0',
      '-1',
      'x',
      '9'.repeat(40),
      'http://evil.example',
      '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'gzip;q=0.5, *',
      'respond-async, wait=1',
    ]);
  if (headers.Connection === undefined && random.chance(0.8)) headers.Connection = 'close';
  return head(method, path, bytes, headers);
}

const oddHeaders = [
  'Host',
  'Origin',
  'Authorization',
  'Accept',
  'Accept-Encoding',
  'X-Request-Id',
  'X-Request-Timeout-Ms',
  'traceparent',
  'tracestate',
  'X-Vitrine-Trace',
  'Prefer',
  'Idempotency-Key',
  'Expect',
  'Connection',
  'Range',
  'If-None-Match',
  'Content-Length',
  'Last-Event-ID',
  'Upgrade',
];

function head(
  method: string,
  path: string,
  bytes: Buffer | undefined,
  headers: Readonly<Record<string, string>>,
): Buffer {
  const all = { Host: '127.0.0.1', ...(bytes && { 'Content-Length': String(bytes.length) }), ...headers };
  const lines = Object.entries(all).map(([header, value]) => `${header}: ${value}\r\n`);
  return Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'),
    bytes ?? Buffer.alloc(0),
  ]);
}

function changed(random: Random, given: Buffer): Buffer {
  const bytes = Buffer.from(given);
  if (bytes.length === 0) return bytes;
  for (let changes = 1 + random.upTo(6); changes > 0; changes -= 1) bytes[random.upTo(bytes.length)] = random.upTo(256);
  return bytes;
}
