import type { Body } from '../../http/body.ts';
import { WireWriter } from '../../wire-writer.ts';
import type { CallReceiver, GrpcCall } from './grpc-call.ts';
import { missingMessage, secondMessage } from './one-message.ts';
import type { Codec, Message } from './protocol/codec.ts';
import { prefixBytes, type WrittenMessage } from './write-infer-message.ts';

type Options = {
  readonly codec: Codec;
  readonly request: string;
  readonly response: string;
  readonly bytesMax: number;
  readonly answer: (message: Message) => Message | Promise<Message>;
};

/** A call of one message and one answer, both of the tables. */
export function answerUnary(call: GrpcCall, of: Options): void {
  call.receive(new Unary(call, of), of.bytesMax);
}

/** A message of the tables with its prefix. */
export function writtenMessage(codec: Codec, type: string, message: Message): WrittenMessage {
  const bytes = codec.encode(type, message);
  const writer = new WireWriter(bytes.length + prefixBytes);
  writer.raw(noPrefix);
  writer.raw(bytes);
  const written = writer.bytes;
  written.writeUInt32BE(bytes.length, 1);
  return { pieces: [written], size: written.length };
}

const noPrefix = Buffer.alloc(prefixBytes);

class Unary implements CallReceiver {
  readonly #call: GrpcCall;
  readonly #of: Options;
  #hasMessage = false;

  constructor(call: GrpcCall, of: Options) {
    this.#call = call;
    this.#of = of;
  }

  received(body: Body): void {
    const hadMessage = this.#hasMessage;
    this.#hasMessage = true;
    if (hadMessage) {
      body.release();
      this.#call.fail(secondMessage());
      return;
    }
    this.#answer(body).catch((error: unknown) => this.#call.fail(error));
  }

  ended(hadMessage: boolean): void {
    if (!hadMessage) this.#call.fail(missingMessage());
  }

  left(): void {
    // Nothing is held past the answer.
  }

  async #answer(body: Body): Promise<void> {
    const { codec, request, response, answer } = this.#of;
    try {
      const message = await answer(codec.decode(request, body.bytes));
      this.#call.answer(writtenMessage(codec, response, message));
    } finally {
      body.release();
    }
  }
}
