import { ServiceError } from '../../errors.ts';
import type { Body } from '../../http/body.ts';
import type { BodyReader, BodyReceiver } from '../../http/body-reader.ts';
import type { BodySink } from '../../http/http-exchange.ts';
import type { Packing } from '../../http/inflate-body.ts';
import { say } from '../../sentence.ts';
import { prefixBytes } from './write-infer-message.ts';

type Options = {
  readonly bodies: BodyReader;
  readonly client: string;
  /** How packed messages of this call are packed. */
  readonly packing: Packing | undefined;
  readonly bytesMax: number | undefined;
  /** More may come again. */
  readonly resume: () => void;
  /** Hears of each message, in their order, and then that there are no more. */
  readonly receiver: BodyReceiver & { ended(hadMessage: boolean): void; cutShort(): void };
};

/**
 * Cuts what a call sends into messages: a prefix of five bytes and so many bytes each. Their bytes
 * go to the body reader, which charges and times them as it does bodies.
 */
export class MessageReader implements BodyReceiver {
  readonly #of: Options;
  readonly #prefix = Buffer.allocUnsafe(prefixBytes);
  #prefixAt = 0;
  #sink: BodySink | undefined;
  #left = 0;
  #isStopped = false;
  #isPacked = false;
  #hadMessage = false;
  /** A message is being unpacked: what follows it waits, so that their order is kept. */
  #isUnpacking = false;
  readonly #held: Buffer[] = [];
  #hasEnded = false;

  constructor(of: Options) {
    this.#of = of;
  }

  /** Answers whether more should come now. */
  add(chunk: Buffer): boolean {
    if (this.#isStopped) return true;
    if (this.#isUnpacking) this.#held.push(chunk);
    else this.#take(chunk);
    return !this.#isUnpacking;
  }

  /** Nothing more comes. */
  end(): void {
    this.#hasEnded = true;
    if (this.#isStopped || this.#isUnpacking) return;
    if (this.#sink === undefined && this.#prefixAt === 0) {
      this.#of.receiver.ended(this.#hadMessage);
      return;
    }
    this.stop();
    this.#of.receiver.cutShort();
  }

  #take(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#isStopped) {
      if (this.#isUnpacking) {
        this.#held.push(chunk.subarray(at));
        return;
      }
      if (this.#sink === undefined) {
        at += this.#addToPrefix(chunk, at);
        if (this.#prefixAt === prefixBytes) this.#begin();
        continue;
      }
      const size = Math.min(this.#left, chunk.length - at);
      this.#sink.add(chunk.subarray(at, at + size));
      at += size;
      this.#left -= size;
      if (this.#left === 0) this.#end();
    }
  }

  /** What still comes is discarded, and what had come of a message is given back. */
  stop(): void {
    this.#isStopped = true;
    this.#sink?.fail(null);
    this.#sink = undefined;
  }

  /** The caller left: the call hears of a message that was on its way. */
  breakOff(): void {
    this.#sink?.fail(null);
    this.stop();
  }

  #addToPrefix(chunk: Buffer, at: number): number {
    const size = Math.min(prefixBytes - this.#prefixAt, chunk.length - at);
    chunk.copy(this.#prefix, this.#prefixAt, at, at + size);
    this.#prefixAt += size;
    return size;
  }

  #begin(): void {
    const { bodies, client, packing, bytesMax } = this.#of;
    const isPacked = this.#prefix[0];
    const bytes = this.#prefix.readUInt32BE(1);
    this.#prefixAt = 0;
    try {
      if (isPacked !== undefined && isPacked > 1)
        throw new ServiceError(
          'invalid_body',
          say`Cannot read the message: its first byte is ${isPacked}; 0 or 1 is wanted before its length.`,
        );
      if (isPacked === 1 && packing === undefined)
        throw new ServiceError(
          'invalid_body',
          say`Cannot read the message: it says that it is compressed, and the call has no grpc-encoding; name gzip or deflate there.`,
        );
      this.#hadMessage = true;
      this.#isPacked = isPacked === 1;
      this.#sink = bodies.expect(client, bytes, this.#isPacked ? packing : undefined, this, bytesMax);
      this.#left = bytes;
      if (bytes === 0) this.#end();
    } catch (error) {
      this.failed(error as ServiceError);
    }
  }

  /** As the body reader's receiver. */
  received(body: Body): void {
    this.#of.receiver.received(body);
    if (!this.#isUnpacking) return;
    this.#isUnpacking = false;
    for (
      let chunk = this.#held.shift();
      chunk !== undefined;
      chunk = this.#isUnpacking ? undefined : this.#held.shift()
    )
      this.#take(chunk);
    if (this.#isUnpacking) return;
    this.#of.resume();
    if (this.#hasEnded) this.end();
  }

  failed(error: ServiceError): void {
    if (this.#isStopped) return;
    this.stop();
    this.#of.receiver.failed(error);
  }

  #end(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    this.#isUnpacking = this.#isPacked;
    sink?.end();
  }
}
