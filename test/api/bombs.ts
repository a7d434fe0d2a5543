import { gzipSync } from 'node:zlib';

/** A request that is small on the wire, or on its author's mind, and large for its reader. */
export type Bomb = {
  readonly what: string;
  readonly model: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Unpacked. */
  readonly bytes: number;
};

const MiB = 2 ** 20;

/**
 * The requests that stopped the event loop for seconds: each nearly as large as is taken, packed.
 * For models named by their datatypes.
 */
export function jsonBombs(jsonBytes = 16 * MiB, bodyBytes = 64 * MiB): Bomb[] {
  const deep = (jsonBytes - 16) / 2;
  return [
    bomb('brackets that open', 'FP32', '['.repeat(jsonBytes - 16)),
    bomb('brackets that open and close', 'FP32', `${'['.repeat(deep)}${']'.repeat(deep)}`),
    bomb('numbers, one of them beyond 2^53', 'INT64', request('INT64', jsonBytes, '9007199254740993,', '1,')),
    bomb('numbers that are all beyond 2^53', 'INT64', request('INT64', jsonBytes, '', '9007199254740993,')),
    bomb('numbers of two bytes each', 'FP32', request('FP32', jsonBytes, '', '1,')),
    bomb('long numbers', 'FP64', request('FP64', jsonBytes, '', '-1.2345678901234567e-300,')),
    bomb('empty objects', 'FP32', request('FP32', jsonBytes, '', '{},')),
    bomb('empty arrays', 'FP32', request('FP32', jsonBytes, '', '[],')),
    bomb('empty texts', 'BYTES', request('BYTES', jsonBytes, '', '"",')),
    bomb(
      'one long text',
      'BYTES',
      JSON.stringify({
        inputs: [{ name: 'x', datatype: 'BYTES', shape: [1, 1], data: ['é\\"'.repeat(jsonBytes / 6 - 64)] }],
      }),
    ),
    bomb(
      'members',
      'FP32',
      `{${Array.from({ length: jsonBytes / 12 }, (_, at) => `"${at.toString(36).padStart(6, '0')}":1`).join()}}`,
    ),
    bomb('more JSON than is taken', 'FP32', '['.repeat(bodyBytes - 16)),
    binary('empty texts in binary data', 'BYTES', bodyBytes / 4 - 64, Buffer.alloc(bodyBytes - 256)),
    binary('one text in binary data', 'BYTES', 1, longText(bodyBytes - 256)),
    binary('flags in binary data', 'BOOL', bodyBytes - 256, Buffer.alloc(bodyBytes - 256, 1)),
    { ...binary('a raw text', 'BYTES', 1, Buffer.alloc(0)), ...packed(Buffer.alloc(bodyBytes - 256, 0x61), '0') },
  ];
}

function bomb(what: string, model: string, json: string): Bomb {
  return { what, model, ...packed(Buffer.from(json)) };
}

/** As many of the same as fit, in one row. */
function request(datatype: string, bytes: number, first: string, each: string): string {
  const count = Math.floor((bytes - 128 - first.length) / each.length);
  const all = count + (first === '' ? 0 : 1);
  return `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[1,${all}],"data":[${first}${each.repeat(count).slice(0, -1)}]}]}`;
}

function binary(what: string, datatype: string, count: number, data: Buffer): Bomb {
  const json = JSON.stringify({
    inputs: [{ name: 'x', datatype, shape: [1, count], parameters: { binary_data_size: data.length } }],
  });
  return { what, model: datatype, ...packed(Buffer.concat([Buffer.from(json), data]), String(json.length)) };
}

function longText(bytes: number): Buffer {
  const text = Buffer.alloc(bytes, 'é');
  text.writeUInt32LE(bytes - 4);
  return text;
}

function packed(body: Buffer, jsonLength?: string): Pick<Bomb, 'headers' | 'body' | 'bytes'> {
  return {
    headers: {
      'Content-Encoding': 'gzip',
      ...(jsonLength !== undefined && { 'Inference-Header-Content-Length': jsonLength }),
    },
    body: gzipSync(body, { level: 1 }),
    bytes: body.length,
  };
}
