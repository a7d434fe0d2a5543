import { deflateSync, gzipSync } from 'node:zlib';
import { dataTypes } from '../../src/engine/tensor.ts';
import { post } from './serve-api.ts';

export type MalformedRequest = {
  /** What is wrong, as it completes "refuses …". */
  what: string;
  bytes: readonly (string | Buffer)[];
  status: number;
  code: string;
  /** What the message has to say. */
  says: RegExp;
};

const path = '/v2/models/copy/infer';

/** Of the model that takes this datatype: names and types are looked at before data is. */
function pathOf(datatype: unknown): string {
  return datatype === undefined || datatype === 'FP32' ? path : `/v2/models/${datatype}/infer`;
}
const lengthHeader = 'Inference-Header-Content-Length';

/** Limits small enough that a test can meet them. */
export const malformedLimits = {
  bodyBytesMax: 1 << 20,
  jsonBytesMax: 1 << 18,
  headerBytesMax: 8192,
  headersMsMax: 400,
  bodyIdleMsMax: 300,
  bodyMsMax: 1200,
};

/**
 * Requests that cannot be answered with 200, for a server that has the models `copy` (x: FP32
 * [-1,-1]), `pair` (a, b: FP32 [-1,-1]), `longs`, `words`, and one for each datatype but FP32,
 * named so.
 */
export function malformedRequests(): MalformedRequest[] {
  return [
    ...badJson(),
    ...badMembers(),
    ...badShapes(),
    ...badValues(),
    ...badBinary(),
    ...badForModel(),
    ...badPacking(),
    ...badHttp(),
    ...badPaths(),
    ...slowOnes(),
    ...badAdministration(),
  ];
}

const good = { name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] };

function body(
  what: string,
  text: string | Buffer,
  says: RegExp,
  more: Partial<MalformedRequest> = {},
): MalformedRequest {
  return { what, bytes: [post(path, text)], status: 400, code: 'invalid_body', says, ...more };
}

function request(what: string, value: unknown, says: RegExp, more: Partial<MalformedRequest> = {}): MalformedRequest {
  return body(what, JSON.stringify(value), says, more);
}

function input(
  what: string,
  change: Record<string, unknown>,
  says: RegExp,
  more: Partial<MalformedRequest> = {},
): MalformedRequest {
  const bytes = [
    post(
      pathOf(isKnown(change.datatype) ? change.datatype : undefined),
      JSON.stringify({ inputs: [{ ...good, ...change }] }),
    ),
  ];
  return request(what, {}, says, { bytes, ...more });
}

function isKnown(datatype: unknown): boolean {
  return typeof datatype === 'string' && Object.hasOwn(dataTypes, datatype);
}

function badJson(): MalformedRequest[] {
  const deep = '['.repeat(100_000);
  return [
    body('no body at all', '', /JSON is not valid JSON \(it ends too early\)/),
    body('a lone brace', '{', /is not valid JSON/),
    body(
      'JSON cut off in the data',
      '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,',
      /is not valid JSON/,
    ),
    body('a trailing comma', '{"inputs":[],}', /is not valid JSON \(the error is at position 13\)/),
    body('something after the JSON', '{"inputs":[]} {}', /is not valid JSON/),
    body('single quotes', "{'inputs':[]}", /is not valid JSON/),
    body('a comment', '{/* */"inputs":[]}', /is not valid JSON/),
    body('NaN in JSON', '{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[NaN]}]}', /is not valid JSON/),
    body(
      'Infinity in JSON',
      '{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[-Infinity]}]}',
      /is not valid JSON/,
    ),
    body(
      'a number with a leading zero',
      '{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[01]}]}',
      /is not valid JSON/,
    ),
    body(
      'a hexadecimal number',
      '{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[0x10]}]}',
      /is not valid JSON/,
    ),
    body('a byte order mark', '\ufeff{"inputs":[]}', /is not valid JSON/),
    body('an unfinished escape', '{"id":"\\u12"}', /is not valid JSON/),
    body('a raw control character in text', '{"id":"a\u0001b"}', /is not valid JSON/),
    body('bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), /is not UTF-8/),
    body(
      'UTF-8 cut off in a character',
      Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xe2, 0x82]), Buffer.from('"}')]),
      /is not UTF-8/,
    ),
    body(
      'an overlong UTF-8 sequence',
      Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
      /is not UTF-8/,
    ),
    body('UTF-16', Buffer.from('{"inputs":[]}', 'utf16le'), /JSON is not/),
    body('a hundred thousand open brackets', deep, /the JSON is nested more than 64 levels deep/),
    body(
      'a hundred thousand nested arrays',
      `${deep}${']'.repeat(100_000)}`,
      /the JSON is nested more than 64 levels deep/,
    ),
    body(
      'nested arrays as data',
      `{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":${'['.repeat(50_000)}1${']'.repeat(50_000)}}]}`,
      /the JSON is nested more than 64 levels deep/,
    ),
    body(
      'deeply nested data with a number beyond 2^53',
      `{"inputs":[{"name":"x","datatype":"INT64","shape":[1],"data":[9007199254740993]}],"parameters":{"deep":${'['.repeat(50_000)}1${']'.repeat(50_000)}}}`,
      /the JSON is nested more than 64 levels deep/,
    ),
    body('an array for the request', '[]', /the JSON is an array; an object is wanted/),
    body('text for the request', '"inputs"', /the JSON is text/),
    body('a number for the request', '7', /the JSON is a number/),
    body('null for the request', 'null', /the JSON is null/),
    body('true for the request', 'true', /the JSON is true/),
    body('a form', 'inputs=1&outputs=2', /is not valid JSON/),
    body('XML', '<inputs/>', /is not valid JSON/),
    body(
      'more JSON than is taken',
      `{"id":"${'x'.repeat(300_000)}"}`,
      /the JSON has 300009 bytes; at most 262144 are taken \(VITRINE_JSON_BYTES_MAX\)/,
    ),
  ];
}

function badMembers(): MalformedRequest[] {
  return [
    request('no inputs', {}, /inputs is missing; an array is wanted/),
    request('null inputs', { inputs: null }, /inputs is null/),
    request('inputs that are an object', { inputs: { x: good } }, /inputs is an object/),
    request('inputs that are text', { inputs: 'x' }, /inputs is text/),
    request('an input that is null', { inputs: [null] }, /inputs\[0\] is null/),
    request('an input that is a number', { inputs: [good, 5] }, /inputs\[1\] is a number/),
    request('an input that is an array', { inputs: [[1]] }, /inputs\[0\] is an array/),
    request('two thousand inputs', { inputs: Array(2000).fill(good) }, /inputs has 2000 entries; at most 1024/),
    request('two inputs of one name', { inputs: [good, good] }, /inputs\[1\]\.name is "x", which an earlier input has/),
    input('an input without a name', { name: undefined }, /inputs\[0\]\.name is missing/),
    input('an input with an empty name', { name: '' }, /inputs\[0\]\.name is empty/),
    input('a name that is a number', { name: 5 }, /inputs\[0\]\.name is a number; text is wanted/),
    input('a name that is null', { name: null }, /inputs\[0\]\.name is null/),
    input('no datatype', { datatype: undefined }, /inputs\[0\]\.datatype is missing/),
    input('a datatype that is a number', { datatype: 32 }, /inputs\[0\]\.datatype is a number/),
    input('a datatype in lower case', { datatype: 'fp32' }, /inputs\[0\]\.datatype is "fp32"; one of BOOL/),
    input('a datatype of NumPy', { datatype: 'float32' }, /"float32"/),
    input('a datatype that every object has', { datatype: 'constructor' }, /"constructor"/),
    input('a datatype that is a prototype', { datatype: '__proto__' }, /"__proto__"/),
    input('BF16', { datatype: 'BF16' }, /is BF16, which ONNX Runtime’s binding cannot carry; send FP32/),
    input('FP8', { datatype: 'FP8' }, /"FP8"/),
    input('a datatype of a thousand letters', { datatype: 'X'.repeat(1000) }, /"X{40,}…;|"X{40,}…/),
    input('no data', { data: undefined }, /inputs\[0\]\.data is missing, and there is no parameters\.binary_data_size/),
    input('null data', { data: null }, /inputs\[0\]\.data is null; an array is wanted/),
    input('data that is a number', { data: 5 }, /inputs\[0\]\.data is a number/),
    input('data that is text', { data: 'AAAA' }, /inputs\[0\]\.data is text/),
    input('data that is an object', { data: { 0: 1, 1: 2, length: 2 } }, /inputs\[0\]\.data is an object/),
    input(
      'parameters that are an array',
      { parameters: [] },
      /inputs\[0\]\.parameters is an array; an object is wanted/,
    ),
    input('parameters that are null', { parameters: null }, /inputs\[0\]\.parameters is null/),
    input(
      'shared memory',
      { data: undefined, parameters: { shared_memory_region: 'r' } },
      /shared memory is not served/,
    ),
    request('an id that is a number', { id: 7, inputs: [good] }, /id is a number; text is wanted/),
    request('an id that is null', { id: null, inputs: [good] }, /id is null/),
    request('an id that is an object', { id: {}, inputs: [good] }, /id is an object/),
    request('parameters of the request that are text', { parameters: 'fast', inputs: [good] }, /parameters is text/),
    request(
      'a negative priority',
      { parameters: { priority: -1 }, inputs: [good] },
      /parameters\.priority is -1; a whole number of at least 0/,
    ),
    request(
      'a priority that is text',
      { parameters: { priority: 'high' }, inputs: [good] },
      /parameters\.priority is text/,
    ),
    request(
      'a priority of one and a half',
      { parameters: { priority: 1.5 }, inputs: [good] },
      /parameters\.priority is 1\.5/,
    ),
    request('a negative timeout', { parameters: { timeout: -5 }, inputs: [good] }, /parameters\.timeout is -5/),
    request(
      'a timeout beyond counting',
      { parameters: { timeout: 1e300 }, inputs: [good] },
      /parameters\.timeout is 1e\+300/,
    ),
    request('a timeout that is null', { parameters: { timeout: null }, inputs: [good] }, /parameters\.timeout is null/),
    request(
      'binary_data_output that is text',
      { parameters: { binary_data_output: 'yes' }, inputs: [good] },
      /parameters\.binary_data_output is text; true or false/,
    ),
    request(
      'a sequence',
      { parameters: { sequence_id: 42 }, inputs: [good] },
      /sequence_id is given, but the model has no state/,
      { code: 'invalid_input' },
    ),
    request('outputs that are an object', { inputs: [good], outputs: {} }, /outputs is an object/),
    request('outputs that are null', { inputs: [good], outputs: null }, /outputs is null/),
    request('an output that is text', { inputs: [good], outputs: ['y'] }, /outputs\[0\] is text/),
    request('an output without a name', { inputs: [good], outputs: [{}] }, /outputs\[0\]\.name is missing/),
    request(
      'an output that is asked for twice',
      { inputs: [good], outputs: [{ name: 'y' }, { name: 'y' }] },
      /outputs\[1\]\.name is "y", which an earlier output has/,
    ),
    request(
      'two thousand outputs',
      { inputs: [good], outputs: Array(2000).fill({ name: 'y' }) },
      /outputs has 2000 entries/,
    ),
    request(
      'binary_data that is a number',
      { inputs: [good], outputs: [{ name: 'y', parameters: { binary_data: 1 } }] },
      /outputs\[0\]\.parameters\.binary_data is a number/,
    ),
    request(
      'classification',
      { inputs: [good], outputs: [{ name: 'y', parameters: { classification: 3 } }] },
      /classification extension is not served/,
    ),
    request(
      'shared memory for an output',
      { inputs: [good], outputs: [{ name: 'y', parameters: { shared_memory_region: 'r' } }] },
      /outputs\[0\].*shared memory/,
    ),
  ];
}

function badShapes(): MalformedRequest[] {
  return [
    input('no shape', { shape: undefined }, /inputs\[0\]\.shape is missing/),
    input('a shape that is a number', { shape: 2 }, /inputs\[0\]\.shape is a number/),
    input('a shape that is text', { shape: '1,2' }, /inputs\[0\]\.shape is text/),
    input('a negative dimension', { shape: [-1, 2] }, /inputs\[0\]\.shape\[0\] is -1; a whole number of at least 0/),
    input('a fractional dimension', { shape: [1, 2.5] }, /inputs\[0\]\.shape\[1\] is 2\.5/),
    input('a dimension that is text', { shape: [1, '2'] }, /inputs\[0\]\.shape\[1\] is "2"/),
    input('a dimension that is null', { shape: [null, 2] }, /inputs\[0\]\.shape\[0\] is null/),
    input('a dimension that is an array', { shape: [[1], 2] }, /inputs\[0\]\.shape\[0\] is \[1\]/),
    input('a dimension beyond counting', { shape: [1e300] }, /inputs\[0\]\.shape\[0\] is 1e\+300/),
    body(
      'a dimension that is no finite number',
      '{"inputs":[{"name":"x","datatype":"FP32","shape":[1e999],"data":[1]}]}',
      /inputs\[0\]\.shape\[0\] is null/,
    ),
    input('dimensions whose product overflows', { shape: [2 ** 40, 2 ** 40] }, /more elements than can be counted/),
    input(
      'dimensions whose product wraps around in 32 bits',
      { shape: [65_536, 65_536] },
      /the request has 65536 rows/,
      { code: 'invalid_input' },
    ),
    input(
      'dimensions whose product wraps around in 64 bits',
      { shape: [2 ** 32, 2 ** 32] },
      /more elements than can be counted/,
    ),
    input('forty dimensions', { shape: Array(40).fill(1) }, /has 40 dimensions; at most 32/),
    input('a shape of ten billion elements and two values', { shape: [1e5, 1e5] }, /the request has 100000 rows/, {
      code: 'invalid_input',
    }),
    input(
      'a row of ten billion elements and two values',
      { shape: [1, 1e10] },
      /outputs would take 40000000000 bytes/,
      { code: 'invalid_input' },
    ),
    input('a row of a million elements and two values', { shape: [1, 1e6] }, /more elements than the request holds/),
    input(
      'a shape with fewer elements than values',
      { shape: [1, 1] },
      /inputs\[0\]\.data has 2 values; the shape \[1,1\] has 1/,
    ),
    input('a shape with more elements than values', { shape: [1, 3] }, /has 2 values; the shape \[1,3\] has 3/),
    input('values for an empty shape', { shape: [0, 5] }, /the request has no rows/, { code: 'invalid_input' }),
    input(
      'nested data with a missing row',
      { shape: [2, 2], data: [[1, 2]] },
      /inputs\[0\]\.data has 1 entries; the shape \[2,2\] says 2 there/,
    ),
    input(
      'nested data with a short row',
      { shape: [2, 2], data: [[1, 2], [3]] },
      /inputs\[0\]\.data\[1\] has 1 entries; the shape \[2,2\] says 2/,
    ),
    input(
      'nested data with a long row',
      {
        shape: [2, 2],
        data: [
          [1, 2],
          [3, 4, 5],
        ],
      },
      /inputs\[0\]\.data\[1\] has 3 entries/,
    ),
    input(
      'nested data with a bare number',
      { shape: [2, 2], data: [[1, 2], 3] },
      /inputs\[0\]\.data\[1\] is a number; an array is wanted/,
    ),
    input(
      'nested data that is too deep',
      { shape: [1, 2], data: [[[1], [2]]] },
      /inputs\[0\]\.data\[0\]\[0\] is \[1\]/,
    ),
    input('flat data that turns nested', { shape: [1, 2], data: [1, [2]] }, /inputs\[0\]\.data\[1\] is \[2\]/),
  ];
}

function badValues(): MalformedRequest[] {
  const value = (what: string, datatype: string, given: unknown, says: RegExp) =>
    input(what, { datatype, shape: [1, 1], data: [given] }, says);
  const written = (what: string, datatype: string, given: string, says: RegExp) =>
    body(what, '', says, {
      bytes: [
        post(pathOf(datatype), `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[1,1],"data":[${given}]}]}`),
      ],
    });
  return [
    value('text for FP32', 'FP32', '1', /inputs\[0\]\.data\[0\] is "1"; a number/),
    value('null for FP32', 'FP32', null, /inputs\[0\]\.data\[0\] is null; .*NaN and infinities travel as binary/),
    value('true for FP32', 'FP32', true, /inputs\[0\]\.data\[0\] is true/),
    value('an object for FP32', 'FP32', {}, /inputs\[0\]\.data\[0\] is \{\}/),
    value('more than FP32 holds', 'FP32', 1e39, /inputs\[0\]\.data\[0\] is 1e\+39/),
    value('more than FP16 holds', 'FP16', 70_000, /inputs\[0\]\.data\[0\] is 70000/),
    written('more than FP64 holds', 'FP64', '1e999', /inputs\[0\]\.data\[0\] is null/),
    value('256 for UINT8', 'UINT8', 256, /is 256; a whole number from 0 to 255/),
    value('-1 for UINT8', 'UINT8', -1, /is -1; a whole number from 0 to 255/),
    value('a half for UINT8', 'UINT8', 0.5, /is 0\.5; a whole number/),
    value('text for UINT8', 'UINT8', 'a', /is "a"; a whole number/),
    value('65536 for UINT16', 'UINT16', 65_536, /from 0 to 65535/),
    value('2^32 for UINT32', 'UINT32', 2 ** 32, /from 0 to 4294967295/),
    value('-1 for UINT64', 'UINT64', -1, /is -1; a whole number from 0/),
    written('2^64 for UINT64', 'UINT64', '18446744073709551616', /is 18446744073709551616|is "18446744073709551616"/),
    value('128 for INT8', 'INT8', 128, /from -128 to 127/),
    value('-129 for INT8', 'INT8', -129, /from -128 to 127/),
    value('32768 for INT16', 'INT16', 32_768, /from -32768 to 32767/),
    value('2^31 for INT32', 'INT32', 2 ** 31, /from -2147483648 to 2147483647/),
    value('true for INT32', 'INT32', true, /is true; a whole number/),
    value('a fraction for INT64', 'INT64', 1.5, /is 1\.5; a whole number/),
    value('text for INT64', 'INT64', '5', /is "5"; a whole number/),
    written('2^63 for INT64', 'INT64', '9223372036854775808', /9223372036854775808/),
    written(
      'an exponent that no INT64 is exact for',
      'INT64',
      '1e18',
      /is 1000000000000000000; a whole number|is 1e18/,
    ),
    value('2 for BOOL', 'BOOL', 2, /is 2; true, false, 0 or 1/),
    value('text for BOOL', 'BOOL', 'true', /is "true"; true, false/),
    value('null for BOOL', 'BOOL', null, /is null; true, false/),
    value('a number for BYTES', 'BYTES', 5, /is 5; text is wanted/),
    value('null for BYTES', 'BYTES', null, /is null; text is wanted/),
    written('half of a surrogate pair for BYTES', 'BYTES', '"\\ud800"', /is .*; text is wanted/),
  ];
}

function badBinary(): MalformedRequest[] {
  const tensor = (
    change: Record<string, unknown> = {},
    size: unknown = 8,
  ): { inputs: { datatype?: unknown; [member: string]: unknown }[] } => ({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: size }, ...change }],
  });
  const binary = (
    what: string,
    head: ReturnType<typeof tensor>,
    data: Buffer,
    says: RegExp,
    more: Partial<MalformedRequest> = {},
  ): MalformedRequest => {
    const json = Buffer.from(JSON.stringify(head));
    return {
      what,
      bytes: [post(pathOf(head.inputs[0]?.datatype), Buffer.concat([json, data]), { [lengthHeader]: json.length })],
      status: 400,
      code: 'invalid_body',
      says,
      ...more,
    };
  };
  const headed = (what: string, header: string, says: RegExp): MalformedRequest => ({
    what,
    bytes: [post(path, JSON.stringify({ inputs: [good] }), { [lengthHeader]: header })],
    status: 400,
    code: 'invalid_request',
    says,
  });
  const eight = Buffer.alloc(8);
  const text = (length: number, ...bytes: number[]) =>
    Buffer.from([length & 0xff, (length >> 8) & 0xff, (length >> 16) & 0xff, (length >>> 24) & 0xff, ...bytes]);
  const words = (size: number, shape = [1, 1]) => tensor({ datatype: 'BYTES', shape }, size);
  return [
    binary('binary data that is missing', tensor(), Buffer.alloc(0), /binary_data_size is 8, but 0 bytes are left/),
    binary('binary data that is cut off', tensor(), Buffer.alloc(5), /binary_data_size is 8, but 5 bytes are left/),
    binary(
      'binary data that nobody asked for',
      tensor(),
      Buffer.alloc(12),
      /the body has 4 bytes more than its JSON and tensors take/,
    ),
    binary('binary data after JSON data', { inputs: [good] }, eight, /the body has 8 bytes more/),
    binary(
      'a binary size that is not the shape’s',
      tensor({}, 4),
      Buffer.alloc(4),
      /inputs\[0\] has 4 bytes of data; its shape and datatype FP32 take 8/,
    ),
    binary('a binary size of no whole number of elements', tensor({}, 7), Buffer.alloc(7), /has 7 bytes of data/),
    binary('a binary size that is negative', tensor({}, -8), eight, /binary_data_size is -8/),
    binary('a binary size that is text', tensor({}, '8'), eight, /binary_data_size is text/),
    binary('a binary size that is a fraction', tensor({}, 8.5), eight, /binary_data_size is 8\.5/),
    binary('a binary size of 2^53', tensor({}, 2 ** 53), eight, /binary_data_size is 9007199254740992/),
    binary('a binary size of nearly 2^53', tensor({}, 2 ** 53 - 1), eight, /but 8 bytes are left/),
    binary(
      'a huge shape with little binary data',
      tensor({ shape: [1, 4e7] }),
      eight,
      /has 8 bytes of data; its shape and datatype FP32 take 160000000/,
    ),
    binary(
      'data and binary data for one input',
      tensor({ data: [1, 2] }),
      eight,
      /inputs\[0\] has both data and parameters\.binary_data_size/,
    ),
    binary(
      'two inputs that share their bytes',
      { inputs: [...tensor().inputs, { ...tensor().inputs[0], name: 'z' }] },
      eight,
      /it has no input "z"/,
      { code: 'invalid_input' },
    ),
    binary(
      'a BOOL that is 2',
      tensor({ datatype: 'BOOL' }, 2),
      Buffer.from([1, 2]),
      /inputs\[0\]: byte 1 is 2; a BOOL is 0 or 1/,
    ),
    binary(
      'BYTES without room for a length',
      words(3),
      Buffer.alloc(3),
      /has 3 bytes of data: too few for the 1 elements/,
    ),
    binary(
      'BYTES whose length is beyond the end',
      words(6),
      text(200, 65, 65),
      /inputs\[0\]: element 0 ends beyond the 6 bytes/,
    ),
    binary('BYTES whose length is 2^32 - 1', words(6), text(0xffff_ffff, 65, 65), /element 0 ends beyond/),
    binary(
      'BYTES with something after the last element',
      words(7),
      text(1, 65, 66, 67),
      /has 7 bytes of data; the 1 elements of its shape end after 5/,
    ),
    binary('BYTES with an element too few', words(9, [1, 2]), text(5, 65, 65, 65, 65, 65), /element 1 ends beyond/),
    binary('BYTES for a billion elements', words(8, [1, 1e9]), eight, /more than the 65536 texts.*VITRINE_TEXTS_MAX/),
    binary('BYTES for fifty thousand elements', words(8, [1, 5e4]), eight, /too few for the 50000 elements/),
    binary('BYTES that are not UTF-8', words(6), text(2, 0xc3, 0x28), /element 0 is not UTF-8/),
    {
      ...input(
        'a binary size without the header',
        { data: undefined, parameters: { binary_data_size: 8 } },
        /Inference-Header-Content-Length is missing/,
      ),
    },
    headed(
      'a header length beyond the body',
      '5000',
      /Inference-Header-Content-Length says 5000 bytes of JSON, but the body has/,
    ),
    headed('a header length that is negative', '-1', /header inference-header-content-length is no whole number/),
    headed('a header length that is a word', 'all', /is no whole number/),
    headed('a header length with a fraction', '10.5', /is no whole number/),
    headed('a header length in hexadecimal', '0x10', /is no whole number/),
    headed('a header length with an exponent', '1e2', /is no whole number/),
    headed('a header length of thirty digits', '9'.repeat(30), /is no whole number/),
    headed('an empty header length', '', /is no whole number/),
    {
      ...headed('two header lengths', '5', /is no whole number/),
      bytes: [post(path, '{}', { [lengthHeader]: `1\r\n${lengthHeader}: 2` })],
    },
    { ...headed('a header length inside of the JSON', '10', /is not valid JSON/), code: 'invalid_body' },
    {
      what: 'a raw body that is no whole number of elements',
      bytes: [post(path, Buffer.alloc(7), { [lengthHeader]: 0 })],
      status: 400,
      code: 'invalid_body',
      says: /7 bytes, which is no whole number of FP32 elements/,
    },
    {
      what: 'a raw body for a model with two inputs',
      bytes: [post('/v2/models/pair/infer', eight, { [lengthHeader]: 0 })],
      status: 400,
      code: 'invalid_body',
      says: /pair has 2 inputs/,
    },
    {
      what: 'an empty raw body',
      bytes: [post(path, '', { [lengthHeader]: 0 })],
      status: 400,
      code: 'invalid_body',
      says: /is not valid JSON/,
    },
  ];
}

function badForModel(): MalformedRequest[] {
  const model = (what: string, value: unknown, says: RegExp, more: Partial<MalformedRequest> = {}) =>
    request(what, value, says, { code: 'invalid_input', ...more });
  return [
    model('an empty list of inputs', { inputs: [] }, /x/),
    model('an input that the model does not have', { inputs: [{ ...good, name: 'z' }] }, /z/),
    model('one input too many', { inputs: [good, { ...good, name: 'z' }] }, /z/),
    model('a datatype that the model does not take', { inputs: [{ ...good, datatype: 'FP64' }] }, /FP32/),
    model('a dimension too few', { inputs: [{ ...good, shape: [2] }] }, /x/),
    model('a dimension too many', { inputs: [{ ...good, shape: [1, 2, 1] }] }, /x/),
    model('an output that the model does not have', { inputs: [good], outputs: [{ name: 'z' }] }, /z/),
    model('half of the inputs', { inputs: [{ ...good, name: 'a' }] }, /b/, {
      bytes: [post('/v2/models/pair/infer', JSON.stringify({ inputs: [{ ...good, name: 'a' }] }))],
    }),
  ];
}

function badPacking(): MalformedRequest[] {
  const packed = (
    what: string,
    bytes: Buffer,
    encoding: string,
    says: RegExp,
    more: Partial<MalformedRequest> = {},
  ): MalformedRequest => ({
    what,
    bytes: [post(path, bytes, { 'Content-Encoding': encoding })],
    status: 400,
    code: 'invalid_body',
    says,
    ...more,
  });
  const json = JSON.stringify({ inputs: [good] });
  const bomb = gzipSync(Buffer.alloc(16 << 20), { level: 9 });
  const unserved = { status: 415, code: 'encoding_not_supported' };
  return [
    packed('plain JSON called gzip', Buffer.from(json), 'gzip', /is no valid gzip/),
    packed('plain JSON called deflate', Buffer.from(json), 'deflate', /is no valid deflate/),
    packed('gzip that is cut off', gzipSync(json).subarray(0, 30), 'gzip', /is no valid gzip/),
    packed('gzip with a wrong checksum', withWrongChecksum(gzipSync(json)), 'gzip', /is no valid gzip/),
    packed('deflate that is cut off', deflateSync(json).subarray(0, 20), 'deflate', /is no valid deflate/),
    packed('gzip called deflate', gzipSync(json), 'deflate', /is no valid deflate/),
    packed('an empty body called gzip', Buffer.alloc(0), 'gzip', /gzip|not valid JSON/),
    packed('gzip of nothing', gzipSync(''), 'gzip', /is not valid JSON/),
    packed('gzip in gzip', gzipSync(gzipSync(json)), 'gzip', /is not (valid JSON|UTF-8)/),
    packed('a gzip bomb', bomb, 'gzip', /more than 1048576 bytes unpacked.*VITRINE_BODY_BYTES_MAX/, {
      status: 413,
      code: 'body_too_large',
    }),
    packed(
      'a deflate bomb',
      deflateSync(Buffer.alloc(16 << 20), { level: 9 }),
      'deflate',
      /more than 1048576 bytes unpacked/,
      { status: 413, code: 'body_too_large' },
    ),
    packed('brotli', Buffer.from(json), 'br', /neither gzip nor deflate/, unserved),
    packed('zstd', Buffer.from(json), 'zstd', /neither gzip nor deflate/, unserved),
    packed('two packings', gzipSync(json), 'gzip, gzip', /neither gzip nor deflate/, unserved),
    packed('an invented packing', Buffer.from(json), '\u00a7\u00a7', /neither gzip nor deflate/, unserved),
  ];
}

function badHttp(): MalformedRequest[] {
  const raw = (what: string, bytes: string | Buffer, status: number, code: string, says: RegExp): MalformedRequest => ({
    what,
    bytes: [bytes],
    status,
    code,
    says,
  });
  const json = JSON.stringify({ inputs: [good] });
  const lines = (...headers: string[]) =>
    `POST ${path} HTTP/1.1\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`;
  return [
    raw('what is no HTTP', 'hello\r\n\r\n', 400, 'invalid_request', /HPE_/),
    raw('a TLS greeting', Buffer.from('1603010200010001fc0303', 'hex'), 400, 'wrong_protocol', /speaks plain HTTP/),
    raw('an unknown version of HTTP', 'GET / HTTP/9.9\r\nHost: a\r\n\r\n', 400, 'invalid_request', /HPE_/),
    raw('a header without a colon', lines('Host: 127.0.0.1', 'nonsense'), 400, 'invalid_request', /HPE_/),
    raw('a control character in a header', lines('Host: 127.0.0.1', 'X-A: a\u0001b'), 400, 'invalid_request', /HPE_/),
    raw('a space in a header’s name', lines('Host: 127.0.0.1', 'X A: b'), 400, 'invalid_request', /HPE_/),
    raw('two headers Host', lines('Host: 127.0.0.1', 'hOST: b'), 400, 'invalid_request', /more than one header Host/),
    raw(
      'a form whose boundary is not well-formed',
      post('/v1/score', 'x', { 'Content-Type': 'multipart/form-data; boundary=\\"%a\\a' }),
      400,
      'invalid_body',
      /the boundary in its Content-Type is not well-formed/,
    ),
    raw('no Host', lines('Content-Length: 0'), 400, 'invalid_request', /header Host is missing/),
    raw(
      'a foreign Host',
      lines('Host: evil.example', 'Content-Length: 0'),
      403,
      'forbidden',
      /Host is not this machine/,
    ),
    raw(
      'a foreign Origin',
      lines('Host: 127.0.0.1', 'Origin: http://evil.example', 'Content-Length: 0'),
      403,
      'forbidden',
      /another origin/,
    ),
    raw(
      'more headers than are taken',
      lines('Host: 127.0.0.1', `X-Long: ${'x'.repeat(20_000)}`),
      431,
      'headers_too_large',
      /larger than they may be/,
    ),
    raw(
      'a thousand small headers',
      lines('Host: 127.0.0.1', ...Array.from({ length: 1000 }, (_, at) => `X-${at}: some words`)),
      431,
      'headers_too_large',
      /larger/,
    ),
    raw('a negative Content-Length', lines('Host: 127.0.0.1', 'Content-Length: -5'), 400, 'invalid_request', /HPE_/),
    raw(
      'a Content-Length that is a word',
      lines('Host: 127.0.0.1', 'Content-Length: five'),
      400,
      'invalid_request',
      /HPE_/,
    ),
    raw(
      'two Content-Lengths',
      lines('Host: 127.0.0.1', 'Content-Length: 5', 'Content-Length: 6'),
      400,
      'invalid_request',
      /HPE_/,
    ),
    raw(
      'both Content-Length and chunks',
      `${lines('Host: 127.0.0.1', 'Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
      400,
      'invalid_request',
      /HPE_/,
    ),
    raw(
      'an unknown Transfer-Encoding',
      lines('Host: 127.0.0.1', 'Transfer-Encoding: telepathy'),
      400,
      'invalid_request',
      /HPE_/,
    ),
    raw(
      'a chunk of no size',
      `${lines('Host: 127.0.0.1', 'Transfer-Encoding: chunked')}zz\r\nabc\r\n`,
      400,
      'invalid_request',
      /HPE_/,
    ),
    raw(
      'a chunk that is longer than it says',
      `${lines('Host: 127.0.0.1', 'Transfer-Encoding: chunked')}2\r\nabcdef\r\n0\r\n\r\n`,
      400,
      'invalid_request',
      /HPE_/,
    ),
    raw(
      'a body that says it is too large',
      lines('Host: 127.0.0.1', 'Content-Length: 99999999'),
      413,
      'body_too_large',
      /99999999 bytes; at most 1048576 are taken/,
    ),
    raw(
      'a body that says it is far too large',
      lines('Host: 127.0.0.1', 'Content-Length: 9007199254740991'),
      413,
      'body_too_large',
      /9007199254740991 bytes/,
    ),
    {
      what: 'chunks that become too many',
      bytes: [
        lines('Host: 127.0.0.1', 'Transfer-Encoding: chunked'),
        ...Array<Buffer>(20).fill(Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`)),
      ],
      status: 413,
      code: 'body_too_large',
      says: /more than 1048576 bytes/,
    },
    raw(
      'a time limit of nothing',
      post(path, json, { 'X-Request-Timeout-Ms': 0 }),
      400,
      'invalid_request',
      /x-request-timeout-ms is no whole number of at least 1/,
    ),
    raw(
      'a time limit that is a word',
      post(path, json, { 'X-Request-Timeout-Ms': 'soon' }),
      400,
      'invalid_request',
      /x-request-timeout-ms/,
    ),
    raw(
      'GET of an inference',
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
      405,
      'method_not_allowed',
      /use POST/,
    ),
    raw(
      'DELETE of a model',
      'DELETE /v2/models/copy HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
      405,
      'method_not_allowed',
      /no DELETE; use GET, HEAD/,
    ),
    raw(
      'PUT of an inference',
      `PUT ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n`,
      405,
      'method_not_allowed',
      /use POST/,
    ),
    raw('POST to the health check', post('/health', '{}'), 405, 'method_not_allowed', /use GET, HEAD/),
  ];
}

function badPaths(): MalformedRequest[] {
  const at = (what: string, where: string, status: number, code: string, says: RegExp): MalformedRequest => ({
    what,
    bytes: [post(where, JSON.stringify({ inputs: [good] }))],
    status,
    code,
    says,
  });
  return [
    at('a path that there is not', '/v3/models/copy/infer', 404, 'not_found', /no route has this path/),
    at('a model that there is not', '/v2/models/nobody/infer', 404, 'model_not_found', /nobody/),
    at('a version that there is not', '/v2/models/copy/versions/9/infer', 404, 'model_not_found', /version 9/),
    at('a version that is a word', '/v2/models/copy/versions/latest/infer', 404, 'model_not_found', /latest/),
    at(
      'a model that climbs out of its folder',
      '/v2/models/..%2f..%2fetc/infer',
      404,
      'model_not_found',
      /repository does not have it/,
    ),
    at('a model that every object has', '/v2/models/__proto__/infer', 404, 'model_not_found', /__proto__/),
    at('a model with a null byte', '/v2/models/copy%00/infer', 404, 'model_not_found', /does not have it/),
    at('a model of two thousand letters', `/v2/models/${'m'.repeat(2000)}/infer`, 404, 'model_not_found', /m{128}:/),
    at('a path with broken percent-encoding', '/v2/models/%zz/infer', 400, 'invalid_request', /percent-encoding/),
    at('a path with half of a UTF-8 character', '/v2/models/%e2%82/infer', 400, 'invalid_request', /percent-encoding/),
  ];
}

function slowOnes(): MalformedRequest[] {
  const late = { status: 408, code: 'body_too_slow' };
  return [
    {
      what: 'a body that stops',
      bytes: [post(path, '{"inputs":', { 'Content-Length': 500 })],
      says: /nothing of it arrived for 300 ms.*VITRINE_BODY_IDLE_MS_MAX/,
      ...late,
    },
    {
      what: 'a body that never begins',
      bytes: [post(path, '', { 'Content-Length': 500 })],
      says: /nothing of it arrived for 300 ms/,
      ...late,
    },
    {
      what: 'chunks that stop',
      bytes: [`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"i\r\n`],
      says: /nothing of it arrived/,
      ...late,
    },
    {
      what: 'headers that stop',
      bytes: [`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n`],
      says: /did not arrive in time/,
      ...late,
    },
  ];
}

function badAdministration(): MalformedRequest[] {
  const at = (
    what: string,
    where: string,
    text: string,
    says: RegExp,
    more: Partial<MalformedRequest> = {},
  ): MalformedRequest => ({
    what,
    bytes: [post(where, text)],
    status: 400,
    code: 'invalid_body',
    says,
    ...more,
  });
  const load = '/v2/repository/models/copy/load';
  return [
    at(
      'an index that is asked for with text',
      '/v2/repository/index',
      '{"ready":"yes"}',
      /ready is text; true or false/,
    ),
    at('a load with parameters that are text', load, '{"parameters":"fast"}', /parameters is text; an object/),
    at(
      'a load with a configuration that is no JSON',
      load,
      '{"parameters":{"config":"{"}}',
      /parameters\.config is not valid JSON/,
    ),
    at(
      'a load with a configuration that is a list',
      load,
      '{"parameters":{"config":"[]"}}',
      /parameters\.config is an array/,
    ),
    at(
      'a load with a file',
      load,
      '{"parameters":{"file:1/model.onnx":"AAAA"}}',
      /file:1\/model\.onnx is a file; put files into the folder of VITRINE_MODELS/,
    ),
    at('a load with an unknown setting', load, '{"parameters":{"config":{"colour":"blue"}}}', /colour/, {
      status: 422,
      code: 'invalid_model',
    }),
    at(
      'an unload with a word for a flag',
      '/v2/repository/models/copy/unload',
      '{"parameters":{"unload_dependents":"no"}}',
      /unload_dependents is text/,
    ),
    at('a load of a folder elsewhere', '/v2/repository/models/..%2f..%2fetc/load', '{}', /./, {
      status: 404,
      code: 'model_not_found',
    }),
    at('trace settings that are a list', '/v2/trace/setting', '[]', /the JSON is an array/),
    at('an unknown trace setting', '/v2/trace/setting', '{"trace_colour":"blue"}', /trace_colour is none of/),
    at(
      'a trace rate of nothing',
      '/v2/trace/setting',
      '{"trace_rate":"0"}',
      /trace_rate has to be a whole number of at least 1/,
    ),
    at(
      'a trace level of tensors',
      '/v2/trace/setting',
      '{"trace_level":["TENSORS"]}',
      /trace_level has to be OFF or TIMESTAMPS/,
    ),
    at('a trace setting that every object has', '/v2/trace/setting', '{"constructor":"1"}', /constructor is none of/),
    at('the prototype as a trace setting', '/v2/trace/setting', '{"__proto__":{}}', /__proto__ is none of/),
    at('the prototype as a log setting', '/v2/logging', '{"__proto__":{}}', /__proto__ is none of/),
    at('an unknown log setting', '/v2/logging', '{"log_colour":1}', /log_colour is none of/),
    at('a log level that is negative', '/v2/logging', '{"log_verbose_level":-1}', /log_verbose_level has to be/),
  ];
}

/** gzip ends in the checksum and the length, four bytes each. */
function withWrongChecksum(gzip: Buffer): Buffer {
  const wrong = Buffer.from(gzip);
  wrong[wrong.length - 8]! ^= 0xff;
  return wrong;
}
