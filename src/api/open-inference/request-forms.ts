import type { Manifest } from '../../engine/registry/manifest.ts';
import type { DataType, Tensor } from '../../engine/tensor.ts';
import { dataFromBytes } from './binary-tensor.ts';
import type { AnswerHead, InferCall } from './infer-call.ts';
import { type ReadLimits, readInferRequest } from './read-infer-request.ts';

/** All of a call but its numbers, which follow the JSON as binary data. */
type RequestForm = Omit<InferCall, 'inputs'> & {
  readonly inputs: readonly {
    readonly name: string;
    readonly datatype: DataType;
    readonly shape: readonly number[];
    readonly count: number;
    readonly size: number;
  }[];
  readonly binaryBytes: number;
  readonly lastHead: AnswerHead;
  /** Met since room was last made among the forms. */
  isUsed: boolean;
};

const formsMax = 256;
const newFormsMax = 64;
const formBytesMax = 2048;

/**
 * Reads inference requests, and remembers the JSON of requests whose tensors are all binary: most
 * callers repeat it letter by letter. The memory is bounded: a new form stays among the new ones
 * until it comes again. So a caller with an id in each request evicts nobody else's form.
 */
export class RequestForms {
  readonly #limits: ReadLimits;
  readonly #forms = new Map<string, RequestForm>();
  readonly #newForms = new Map<string, RequestForm>();

  constructor(limits: ReadLimits) {
    this.#limits = limits;
  }

  read(body: Buffer, jsonBytes: number | undefined, manifest?: Manifest): InferCall {
    if (jsonBytes === undefined || jsonBytes > Math.min(formBytesMax, body.length))
      return readInferRequest(body, jsonBytes, this.#limits, manifest);
    const json = body.toString('latin1', 0, jsonBytes);
    const known = this.#forms.get(json);
    if (known) known.isUsed = true;
    const form = known ?? this.#metAgain(json);
    if (form && body.length === jsonBytes + form.binaryBytes) return callOf(form, body, jsonBytes);
    const call = readInferRequest(body, jsonBytes, this.#limits, manifest);
    return this.#remember(json, call, body.length - jsonBytes);
  }

  /**
   * Of the forms that were met more than once, the oldest that was not met since the last time makes
   * room.
   */
  #metAgain(json: string): RequestForm | undefined {
    const form = this.#newForms.get(json);
    if (!form) return undefined;
    this.#newForms.delete(json);
    addBounded(this.#forms, json, form, formsMax);
    return form;
  }

  #remember(json: string, call: InferCall, binaryBytes: number): InferCall {
    const inputs = call.inputs.map(({ name, datatype, shape, data }) => ({
      name,
      datatype,
      shape,
      count: data.length,
      size: ArrayBuffer.isView(data) ? data.byteLength : Number.NaN,
    }));
    // Not where strings are among them, whose sizes vary, nor where numbers are in the JSON itself.
    if (inputs.reduce((sum, { size }) => sum + size, 0) !== binaryBytes) return call;
    const lastHead = { model: undefined, shapes: [], sizes: [], text: '' };
    addBounded(this.#newForms, json, { ...call, inputs, binaryBytes, lastHead, isUsed: false }, newFormsMax);
    return { ...call, lastHead };
  }
}

function addBounded(forms: Map<string, RequestForm>, json: string, form: RequestForm, max: number): void {
  while (forms.size >= max) {
    const [oldest, other] = forms.entries().next().value!;
    forms.delete(oldest);
    if (!other.isUsed) continue;
    other.isUsed = false;
    forms.set(oldest, other);
  }
  forms.set(json, form);
}

function callOf(form: RequestForm, body: Buffer, jsonBytes: number): InferCall {
  const inputs: Tensor[] = [];
  let at = jsonBytes;
  for (let index = 0; index < form.inputs.length; index += 1) {
    const { name, datatype, shape, count, size } = form.inputs[index]!;
    inputs.push({ name, datatype, shape, data: dataFromBytes(datatype, count, body, at, size, `inputs[${index}]`) });
    at += size;
  }
  const { id, outputs, binary, priority, timeoutUs, sequence, lastHead } = form;
  return { id, inputs, outputs, binary, priority, timeoutUs, sequence, lastHead };
}
