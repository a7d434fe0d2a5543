import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readInferRequest } from '../../src/api/open-inference/read-infer-request.ts';
import { writeInferAnswer } from '../../src/api/open-inference/write-infer-answer.ts';
import { readConfig } from '../../src/config.ts';
import { type DataType, dataTypes, type Tensor } from '../../src/engine/tensor.ts';
import { ServiceError } from '../../src/errors.ts';

const limits = { ...readConfig({}), jsonBytesMax: 1 << 20 };
const model = { name: 'm', version: '1' };

describe('the Open Inference Protocol’s wire format', () => {
  it('carries every datatype through JSON and through binary data unchanged', () => {
    fc.assert(
      fc.property(tensors, fc.boolean(), (tensor, binary) => {
        const written = writeInferAnswer(model, { id: 'x', binary: { byDefault: binary, byName: undefined } }, [
          tensor,
        ]);
        // An answer’s outputs are written as a request’s inputs are, so what was written can be read again.
        const call = readAsRequest(written);
        assert.deepEqual(call.inputs, [tensor]);
      }),
    );
  });

  it('keeps 64-bit integers beyond 2^53 exact, nested ones too', () => {
    const body = Buffer.from(
      '{"inputs":[{"name":"a","datatype":"INT64","shape":[2,2],"data":[[9223372036854775807,-9223372036854775808],[9007199254740993,1]]},' +
        '{"name":"b","datatype":"UINT64","shape":[1],"data":[18446744073709551615]},{"name":"c","datatype":"FP64","shape":[1],"data":[1e300]}]}',
    );
    const { inputs } = readInferRequest(body, undefined, limits);
    assert.deepEqual(inputs[0]!.data, new BigInt64Array([2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, 1n]));
    assert.deepEqual(inputs[1]!.data, new BigUint64Array([2n ** 64n - 1n]));
    assert.deepEqual(inputs[2]!.data, new Float64Array([1e300]));
  });

  it('writes 64-bit integers with all their digits', () => {
    const tensor: Tensor = {
      name: 'a',
      datatype: 'INT64',
      shape: [2],
      data: new BigInt64Array([2n ** 63n - 1n, -(2n ** 53n) - 1n]),
    };
    assert.match(jsonOf(tensor), /"data":\[9223372036854775807,-9007199254740993\]/);
  });

  it('writes NaN and infinities as null and counts them', () => {
    for (const [datatype, data] of [
      ['FP32', new Float32Array([1, Number.NaN, Number.POSITIVE_INFINITY])],
      ['FP16', new Uint16Array([0x3c00, 0x7e00, 0x7c00])],
    ] as const) {
      const output = JSON.parse(jsonOf({ name: 'y', datatype, shape: [3], data })).outputs[0];
      assert.deepEqual(output.data, [1, null, null]);
      assert.deepEqual(output.parameters, { non_finite: 2 });
    }
  });

  it('carries NaN and infinities bit for bit as binary data', () => {
    const data = new Float32Array([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0]);
    const tensor: Tensor = { name: 'y', datatype: 'FP32', shape: [4], data };
    const written = writeInferAnswer(model, { id: undefined, binary: { byDefault: true, byName: undefined } }, [
      tensor,
    ]);
    assert.deepEqual(readAsRequest(written).inputs, [tensor]);
  });

  it('does not copy binary data that is aligned, in or out', () => {
    const json = Buffer.from(
      '{"inputs":[{"name":"a","datatype":"FP32","shape":[20000],"parameters":{"binary_data_size":80000}}]}',
    );
    const block = new ArrayBuffer(1024 + 80_000);
    const start = 512 - json.length;
    json.copy(Buffer.from(block, start, json.length));
    const body = Buffer.from(block, start, json.length + 80_000);
    const { inputs } = readInferRequest(body, json.length, limits);
    assert.equal((inputs[0]!.data as Float32Array).buffer, block);
    const written = writeInferAnswer(model, { id: '', binary: { byDefault: true, byName: undefined } }, inputs);
    assert.equal((written.bytes[1] as Buffer).buffer, block);
  });

  it('takes mixed inputs, output selection, priority, timeout and an empty id', () => {
    const json = Buffer.from(
      JSON.stringify({
        id: '',
        parameters: { priority: 2, timeout: 5000, binary_data_output: true },
        inputs: [
          { name: 'a', datatype: 'FP32', shape: [1, 2], data: [1, 2] },
          { name: 'b', datatype: 'UINT8', shape: [3], parameters: { binary_data_size: 3 } },
          { name: 'c', datatype: 'BOOL', shape: [2], data: [true, 0] },
        ],
        outputs: [{ name: 'y', parameters: { binary_data: false } }, { name: 'x' }],
      }),
    );
    const call = readInferRequest(Buffer.concat([json, Buffer.from([7, 8, 9])]), json.length, limits);
    assert.equal(call.id, '');
    assert.deepEqual(call.outputs, ['y', 'x']);
    assert.deepEqual(
      [...call.binary.byName!],
      [
        ['y', false],
        ['x', true],
      ],
    );
    assert.deepEqual([call.priority, call.timeoutUs], [2, 5000]);
    assert.deepEqual([...(call.inputs[1]!.data as Uint8Array)], [7, 8, 9]);
    assert.deepEqual([...(call.inputs[2]!.data as Uint8Array)], [1, 0]);
  });

  it('says where a nested value is wrong', () => {
    const body = Buffer.from('{"inputs":[{"name":"a","datatype":"INT8","shape":[2,2],"data":[[1,2],[3,300]]}]}');
    assert.throws(
      () => readInferRequest(body, undefined, limits),
      (error) => error instanceof ServiceError && error.message.includes('inputs[0].data[1][1] is 300;'),
    );
  });
});

function jsonOf(tensor: Tensor): string {
  const written = writeInferAnswer(model, { id: undefined, binary: { byDefault: false, byName: undefined } }, [tensor]);
  assert.equal(written.jsonBytes, undefined);
  return bytesOf(written).toString();
}

function bytesOf({ bytes, size }: ReturnType<typeof writeInferAnswer>): Buffer {
  const whole = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.concat(bytes);
  assert.equal(whole.length, size);
  return whole;
}

/** The answer’s tensors as a request, by renaming its member. */
function readAsRequest(written: ReturnType<typeof writeInferAnswer>) {
  const bytes = bytesOf(written);
  const head = bytes.subarray(0, written.jsonBytes ?? bytes.length);
  const json = Buffer.from(head.toString().replace('"outputs":', '"inputs":'));
  return readInferRequest(
    Buffer.concat([json, bytes.subarray(head.length)]),
    written.jsonBytes === undefined ? undefined : json.length,
    limits,
  );
}

const whole = (bits: number, signed: boolean) =>
  fc.bigInt(
    signed
      ? { min: -(2n ** BigInt(bits - 1)), max: 2n ** BigInt(bits - 1) - 1n }
      : { min: 0n, max: 2n ** BigInt(bits) - 1n },
  );

/** Every tensor that JSON can carry: any datatype, any values but NaN and infinities. */
const tensors: fc.Arbitrary<Tensor> = fc
  .constantFrom(...(Object.keys(dataTypes) as DataType[]))
  .chain((datatype) =>
    fc.array(elementOf(datatype), { minLength: 0, maxLength: 9 }).map((values) => tensorOf(datatype, values)),
  );

/** JSON’s writers drop the sign of zero. */
const withoutMinusZero = (value: number) => value + 0;

function elementOf(datatype: DataType): fc.Arbitrary<number | bigint | string> {
  switch (datatype) {
    case 'BYTES':
      return fc.string({ unit: 'grapheme' });
    case 'BOOL':
      return fc.constantFrom(0, 1);
    case 'FP64':
      return fc.double({ noNaN: true, noDefaultInfinity: true }).map(withoutMinusZero);
    case 'FP32':
      return fc.float({ noNaN: true, noDefaultInfinity: true }).map(withoutMinusZero);
    case 'FP16':
      // Every bit pattern below the infinities.
      return fc.integer({ min: 0, max: 0x7bff });
    case 'INT64':
    case 'UINT64':
      return whole(64, datatype === 'INT64');
    default: {
      const bits = Number(/\d+$/.exec(datatype)![0]);
      return whole(bits, datatype.startsWith('INT')).map(Number);
    }
  }
}

function tensorOf(datatype: DataType, values: (number | bigint | string)[]): Tensor {
  const shape = [values.length];
  if (datatype === 'BYTES') return { name: 'x', datatype, shape, data: values as string[] };
  const data = new dataTypes[datatype].array(values.length);
  for (let at = 0; at < values.length; at += 1) (data as { [at: number]: unknown })[at] = values[at];
  return { name: 'x', datatype, shape, data };
}
