import type { Config } from '../../config.ts';
import type { Manifest } from '../../engine/registry/manifest.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { ServiceError } from '../../errors.ts';
import type { Body } from '../../http/body.ts';
import type { SharedBudget } from '../../resilience/shared-budget.ts';
import { say } from '../../sentence.ts';
import { readInferMessage } from '../grpc/read-infer-message.ts';
import type { InferCall, InferForm } from './infer-call.ts';
import { jsonBytesMaxOf } from './json-tensor.ts';
import { type Asker, JsonThread } from './json-thread.ts';
import type { ToRead } from './json-thread-messages.ts';
import { readGenerateRequest } from './read-generate-request.ts';
import { readRawRequest } from './read-raw-request.ts';
import { RequestForms } from './request-forms.ts';
import { isInBinary } from './write-infer-answer.ts';
import type { WrittenData } from './written-data.ts';

type Limits = Pick<
  Config,
  | 'jsonBytesMax'
  | 'jsonInlineBytesMax'
  | 'jsonWaitingMax'
  | 'jsonArraysMax'
  | 'textsMax'
  | 'textBytesMax'
  | 'jsonAnswerBytesMax'
  | 'clientSharePercent'
>;

/** Below this, an output is small whatever its numbers are. */
const elementsMin = 1024;

/**
 * Requests to tensors and answers to bytes: small ones at once, large JSON and texts in a thread of
 * its own.
 */
export class InferCodec {
  readonly #limits: Limits;
  readonly #forms: RequestForms;
  readonly #thread: JsonThread;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#forms = new RequestForms(limits);
    this.#thread = new JsonThread(limits);
  }

  /** How many requests the thread holds. */
  get budget(): SharedBudget {
    return this.#thread.budget;
  }

  /**
   * Whether reading it would hold up the others: much JSON, much text, many flags. Numbers in binary
   * data are not even looked at.
   */
  isLarge(body: Buffer, jsonBytes: number | undefined, manifest: Manifest): boolean {
    const { jsonInlineBytesMax } = this.#limits;
    if (body.length <= jsonInlineBytesMax) return false;
    return (
      (jsonBytes ?? body.length) > jsonInlineBytesMax ||
      manifest.inputs.some(({ datatype }) => datatype === 'BYTES' || datatype === 'BOOL')
    );
  }

  read(form: InferForm, body: Buffer, jsonBytes: number | undefined, manifest: Manifest): InferCall {
    if (form !== 'infer') return readGenerateRequest(body, this.#limits, manifest);
    return jsonBytes === 0 && body.length > 0
      ? readRawRequest(body, manifest, this.#limits)
      : this.#forms.read(body, jsonBytes, manifest);
  }

  /** The same in the thread. The memory under a body that is alone in it goes there. */
  readAside(
    form: InferForm,
    body: Body,
    jsonBytes: number | undefined,
    manifest: Manifest,
    asker: Asker,
  ): Promise<InferCall> {
    return this.#readAside(form === 'infer' ? 'body' : 'generate', body, jsonBytes, manifest, asker);
  }

  #readAside(
    form: ToRead['form'],
    { bytes, isAlone }: Body,
    jsonBytes: number | undefined,
    manifest: Manifest,
    asker: Asker,
  ): Promise<InferCall> {
    const { name, inputs, outputs, batching, bounds, rowsBeyondMax, state, mask } = manifest;
    const body = isAlone ? bytes : new Uint8Array(bytes);
    return this.#thread.read(
      {
        kind: 'read',
        form,
        body,
        jsonBytes,
        manifest: { name, inputs, outputs, batching, bounds, rowsBeyondMax, state, mask },
        limits: limitsOf(this.#limits),
      },
      [body.buffer as ArrayBuffer],
      asker,
    );
  }

  /** The same of a message of gRPC: typed contents are read value by value. */
  isLargeMessage(message: Buffer, isTyped: boolean, { inputs }: Manifest): boolean {
    if (message.length <= this.#limits.jsonInlineBytesMax) return false;
    return isTyped || inputs.some(({ datatype }) => datatype === 'BYTES' || datatype === 'BOOL');
  }

  readMessage(message: Buffer, manifest: Manifest): InferCall {
    return readInferMessage(message, this.#limits, manifest);
  }

  readMessageAside(body: Body, manifest: Manifest, asker: Asker): Promise<InferCall> {
    return this.#readAside('message', body, undefined, manifest, asker);
  }

  /**
   * The places of the outputs whose JSON would hold up the others; undefined where there is none.
   * Throws not_acceptable when the whole would be over the limit.
   */
  largeOutputs(call: InferCall, outputs: readonly Tensor[]): readonly number[] | undefined {
    let large: number[] | undefined;
    let bytes = 0;
    for (let index = 0; index < outputs.length; index += 1) {
      const output = outputs[index]!;
      if (output.data.length < elementsMin && output.datatype !== 'BYTES') continue;
      if (isInBinary(call, output)) continue;
      const most = jsonBytesMaxOf(output);
      bytes += most;
      if (most <= this.#limits.jsonInlineBytesMax) continue;
      large ??= [];
      large.push(index);
    }
    if (bytes > this.#limits.jsonAnswerBytesMax) throw answerTooLarge(bytes, this.#limits.jsonAnswerBytesMax);
    return large;
  }

  /** Their data as JSON, by their places. */
  async writeAside(
    outputs: readonly Tensor[],
    places: readonly number[],
    asker: Asker,
  ): Promise<ReadonlyMap<number, WrittenData>> {
    // Copies: what the outputs lie in belongs to the whole batch.
    const tensors = places.map((place) => {
      const { datatype, data } = outputs[place]!;
      return { datatype, data: data.slice() as Tensor['data'] };
    });
    const buffers = tensors.flatMap(({ data }) => (Array.isArray(data) ? [] : [data.buffer as ArrayBuffer]));
    const written = await this.#thread.write({ kind: 'write', tensors }, buffers, asker);
    return new Map(places.map((place, index) => [place, written[index]!]));
  }
}

function limitsOf({ jsonBytesMax, jsonArraysMax, textsMax, textBytesMax }: Limits) {
  return { jsonBytesMax, jsonArraysMax, textsMax, textBytesMax };
}

function answerTooLarge(bytes: number, bytesMax: number): ServiceError {
  return new ServiceError(
    'not_acceptable',
    say`Cannot answer in JSON: the outputs may take ${bytes} bytes of it, and at most ${bytesMax} are written; ask for binary data (parameters: {"binary_data_output": true}), or raise VITRINE_JSON_ANSWER_BYTES_MAX.`,
  );
}
