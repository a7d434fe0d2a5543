import { type FileHandle, open } from 'node:fs/promises';
import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import { dataTypeOfOnnx, type TensorSpec } from './tensor-spec.ts';

/** What an ONNX file says about itself, as far as serving it asks. */
export type OnnxSummary = {
  readonly irVersion: number;
  readonly opset: number;
  readonly producer: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /**
   * What its graph is made of, with the domain where it is not ONNX's own: `Gemm`,
   * `ai.onnx.ml.Scaler`.
   */
  readonly operators: readonly string[];
};

/**
 * Reads the head of an ONNX file: inputs, outputs, versions, names of operators. Weights and
 * attributes are stepped over, not read, so a file of gigabytes costs a few reads. It does not
 * check the graph: ONNX Runtime does when the model is loaded.
 */
export async function readOnnx(path: string): Promise<OnnxSummary> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    return summarize(await readModel(new Cursor(file, path, 0, size)), path);
  } finally {
    await file.close();
  }
}

type Value = { name: string; onnxCode: number | undefined; shape: number[]; dimensionNames: string[] };
type Model = {
  irVersion: number;
  opset: number;
  producer: string;
  inputs: Value[];
  outputs: Value[];
  weights: Set<string>;
  operators: Set<string>;
};

async function readModel(cursor: Cursor): Promise<Model> {
  const model: Model = {
    irVersion: 0,
    opset: 0,
    producer: '',
    inputs: [],
    outputs: [],
    weights: new Set(),
    operators: new Set(),
  };
  let sawGraph = false;
  for await (const field of cursor.fields()) {
    if (field.number === 1) model.irVersion = Number(field.value);
    else if (field.number === 2) model.producer = await field.text();
    else if (field.number === 7) {
      sawGraph = true;
      await readGraph(field.message(), model);
    } else if (field.number === 8) {
      const { domain, version } = await readOpset(field.message());
      if (domain === '' || domain === 'ai.onnx') model.opset = version;
    }
  }
  if (!sawGraph || model.irVersion === 0) throw cursor.unusable('it holds no graph');
  return model;
}

async function readGraph(cursor: Cursor, model: Model): Promise<void> {
  for await (const field of cursor.fields()) {
    if (field.number === 1) model.operators.add(await readOperator(field.message()));
    else if (field.number === 5) model.weights.add(await readTensorName(field.message()));
    else if (field.number === 11) model.inputs.push(await readValue(field.message()));
    else if (field.number === 12) model.outputs.push(await readValue(field.message()));
  }
}

async function readOperator(cursor: Cursor): Promise<string> {
  let name = '';
  let domain = '';
  for await (const field of cursor.fields()) {
    if (field.number === 4) name = await field.text();
    else if (field.number === 7) domain = await field.text();
  }
  return domain === '' || domain === 'ai.onnx' ? name : `${domain}.${name}`;
}

async function readOpset(cursor: Cursor): Promise<{ domain: string; version: number }> {
  const opset = { domain: '', version: 0 };
  for await (const field of cursor.fields()) {
    if (field.number === 1) opset.domain = await field.text();
    else if (field.number === 2) opset.version = Number(field.value);
  }
  return opset;
}

async function readTensorName(cursor: Cursor): Promise<string> {
  for await (const field of cursor.fields()) if (field.number === 8) return field.text();
  return '';
}

async function readValue(cursor: Cursor): Promise<Value> {
  const value: Value = { name: '', onnxCode: undefined, shape: [], dimensionNames: [] };
  for await (const field of cursor.fields()) {
    if (field.number === 1) value.name = await field.text();
    else if (field.number === 2) await readType(field.message(), value);
  }
  return value;
}

/**
 * TypeProto: only tensor_type is a tensor; sequences, maps and optionals leave the code undefined.
 */
async function readType(cursor: Cursor, value: Value): Promise<void> {
  for await (const field of cursor.fields()) {
    if (field.number !== 1) continue;
    for await (const inner of field.message().fields()) {
      if (inner.number === 1) value.onnxCode = Number(inner.value);
      else if (inner.number === 2) {
        for await (const dimension of inner.message().fields()) {
          if (dimension.number === 1) await readDimension(dimension.message(), value);
        }
      }
    }
  }
}

async function readDimension(cursor: Cursor, value: Value): Promise<void> {
  let size = -1;
  let name = '';
  for await (const field of cursor.fields()) {
    if (field.number === 1) size = Number(BigInt.asIntN(64, field.value));
    else if (field.number === 2) name = await field.text();
  }
  value.shape.push(size);
  value.dimensionNames.push(size < 0 ? name : '');
}

function summarize(model: Model, path: string): OnnxSummary {
  const spec =
    (kind: string) =>
    (value: Value): TensorSpec => {
      const datatype = value.onnxCode === undefined ? undefined : dataTypeOfOnnx(value.onnxCode);
      if (!datatype) {
        throw new ServiceError(
          'invalid_model',
          say`Cannot serve ${ours(path)}: its ${ours(kind)} ${value.name} has a type that ONNX Runtime’s Node binding cannot carry (ONNX type ${value.onnxCode ?? 'not a tensor'}); export the model with one of FP16, FP32, FP64, BOOL, BYTES or an integer type there.`,
        );
      }
      return { name: value.name, datatype, shape: value.shape, dimensionNames: value.dimensionNames };
    };
  return {
    irVersion: model.irVersion,
    opset: model.opset,
    producer: model.producer,
    // Before IR version 4 the weights stand among the inputs.
    inputs: model.inputs.filter(({ name }) => !model.weights.has(name)).map(spec('input')),
    outputs: model.outputs.map(spec('output')),
    operators: [...model.operators],
  };
}

type Field = {
  readonly number: number;
  /** Of a varint; 0n for the other wire types. */
  readonly value: bigint;
  text(): Promise<string>;
  message(): Cursor;
};

const windowBytes = 64 * 1024;
const textBytesMax = 64 * 1024;

type Window = { start: number; bytes: Buffer };

/** Walks one protobuf message in a file, field by field, reading only what is asked for. */
class Cursor {
  readonly #file: FileHandle;
  readonly #path: string;
  #at: number;
  readonly #end: number;
  readonly #window: Window;

  constructor(
    file: FileHandle,
    path: string,
    start: number,
    end: number,
    window: Window = { start: 0, bytes: Buffer.alloc(0) },
  ) {
    this.#file = file;
    this.#path = path;
    this.#at = start;
    this.#end = end;
    this.#window = window;
  }

  async *fields(): AsyncGenerator<Field> {
    while (this.#at < this.#end) {
      const tag = Number(await this.#varint());
      const number = Math.floor(tag / 8);
      let start = this.#at;
      let value = 0n;
      switch (tag & 7) {
        case 0:
          value = await this.#varint();
          break;
        case 1:
          this.#at += 8;
          break;
        case 2: {
          const length = Number(await this.#varint());
          start = this.#at;
          this.#at += length;
          break;
        }
        case 5:
          this.#at += 4;
          break;
        default:
          throw this.unusable('it is not in the protobuf format');
      }
      if (number === 0 || this.#at > this.#end) throw this.unusable('it is cut off, or not in the protobuf format');
      const end = this.#at;
      yield {
        number,
        value,
        message: () => new Cursor(this.#file, this.#path, start, end, this.#window),
        text: async () => {
          if (end - start > textBytesMax) throw this.unusable('it has a name of more than 64 KiB');
          return (await this.#read(start, end - start)).toString('utf8');
        },
      };
    }
  }

  unusable(why: string): ServiceError {
    return new ServiceError(
      'invalid_model',
      say`Cannot read ${ours(this.#path)} as an ONNX file: ${ours(why)}; export the model again.`,
    );
  }

  async #varint(): Promise<bigint> {
    let value = 0n;
    for (let index = 0; index < 10; index += 1) {
      const byte = (await this.#read(this.#at, 1))[0] ?? 0;
      this.#at += 1;
      value |= BigInt(byte & 127) << BigInt(7 * index);
      if (byte < 128) return value;
    }
    throw this.unusable('it is not in the protobuf format');
  }

  async #read(position: number, length: number): Promise<Buffer> {
    if (position + length > this.#end) throw this.unusable('it is cut off');
    const window = this.#window;
    if (position < window.start || position + length > window.start + window.bytes.length) {
      const bytes = Buffer.alloc(Math.max(windowBytes, length));
      const { bytesRead } = await this.#file.read(bytes, 0, bytes.length, position);
      if (bytesRead < length) throw this.unusable('it is cut off');
      window.start = position;
      window.bytes = bytes.subarray(0, bytesRead);
    }
    return window.bytes.subarray(position - window.start, position - window.start + length);
  }
}
