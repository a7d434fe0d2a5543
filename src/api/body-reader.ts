import type { IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';
import { Bag, type InBag } from '../bag.ts';
import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import { freeBlock } from '../free-block.ts';
import { alignedBlock, type Body, tooLarge } from './body.ts';
import { ByteBudget } from './byte-budget.ts';
import { inflateBody, type Packing, packingOf } from './inflate-body.ts';
import { type BodySink, sinkBody } from './served-messages.ts';

const nothing: Body = { bytes: Buffer.alloc(0), isAlone: false, release: () => undefined };

/**
 * Reads bodies whole, by their length and encoding and never by Content-Type: the protocol's Python client sends none. Bounded in bytes (each,
 * all together, and unpacked) and in time (without progress, and in all).
 */
export class BodyReader {
  readonly budget: ByteBudget;
  readonly #limits: Limits;
  readonly #arriving = new Bag<Arriving>();
  readonly #watch: NodeJS.Timeout;

  constructor(config: Limits & Pick<Config, 'bodiesBytesMax'>) {
    this.#limits = config;
    this.budget = new ByteBudget(config.bodiesBytesMax);
    // One timer for all bodies instead of one for each.
    const everyMs = Math.max(10, Math.min(1000, config.bodyIdleMsMax / 4));
    this.#watch = setInterval(() => this.#giveUpSlow(), everyMs).unref();
  }

  /**
   * `alignAt` is the offset in the body whose byte should be aligned for every datatype: where the first tensor's binary data begins, so that
   * it can be used where it is.
   */
  receive(request: IncomingMessage, alignAt: number, receiver: BodyReceiver): void {
    const { bodyBytesMax } = this.#limits;
    const packing = packingOf(request);
    const declared = declaredLength(request);
    if (declared !== undefined && declared > bodyBytesMax) throw tooLarge(`${declared} bytes`, bodyBytesMax);
    if (declared === 0 && packing === undefined) {
      receiver.received(nothing);
      return;
    }
    const unpacking =
      packing === undefined
        ? receiver
        : {
            received: (packed: Body) => void this.#unpack(packed, packing, alignAt, receiver),
            failed: (error: ServiceError) => receiver.failed(error),
          };
    const arriving = new Arriving(this.#arriving, {
      declared,
      alignAt: packing ? 0 : alignAt,
      bodyBytesMax,
      budget: this.budget,
      receiver: unpacking,
    });
    this.#arriving.add(arriving);
    sinkBody(request, arriving);
  }

  read(request: IncomingMessage): Promise<Body> {
    return new Promise((resolve, reject) => this.receive(request, 0, { received: resolve, failed: reject }));
  }

  async #unpack(packed: Body, packing: Packing, alignAt: number, receiver: BodyReceiver): Promise<void> {
    const { bodyBytesMax } = this.#limits;
    const unpacked = await inflateBody(packed.bytes, packing, { bodyBytesMax, alignAt, budget: this.budget })
      .finally(() => packed.release())
      .catch((error: ServiceError) => error);
    if (unpacked instanceof Error) receiver.failed(unpacked);
    else receiver.received(unpacked);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watch);
  }

  #giveUpSlow(): void {
    const now = performance.now();
    const { bodyIdleMsMax, bodyMsMax } = this.#limits;
    for (const arriving of this.#arriving) {
      if (now - arriving.progressAt > bodyIdleMsMax)
        arriving.giveUp(
          `nothing of it arrived for ${bodyIdleMsMax} ms; send it faster, or raise VITRINE_BODY_IDLE_MS_MAX`,
        );
      else if (now - arriving.startedAt > bodyMsMax)
        arriving.giveUp(`it was not complete after ${bodyMsMax} ms; send it faster, or raise VITRINE_BODY_MS_MAX`);
    }
  }
}

type Limits = Pick<Config, 'bodyBytesMax' | 'bodyIdleMsMax' | 'bodyMsMax'>;

/** Hears once how it ended: the body, or why there is none. */
export type BodyReceiver = { received(body: Body): void; failed(error: ServiceError): void };

type ArrivingOptions = {
  declared: number | undefined;
  alignAt: number;
  bodyBytesMax: number;
  budget: ByteBudget;
  receiver: BodyReceiver;
};

/** One body on its way in. */
class Arriving implements BodySink, InBag {
  place = 0;
  readonly startedAt = performance.now();
  progressAt = this.startedAt;
  /** Itself among the others, as long as it is on its way. */
  readonly #among: Bag<Arriving>;
  readonly #of: ArrivingOptions;
  /** The whole body where it came in one piece: it is never copied. */
  #piece: Buffer | undefined;
  #block: Buffer | undefined;
  #arrived = 0;
  #taken = 0;
  #done = false;

  constructor(among: Bag<Arriving>, of: ArrivingOptions) {
    this.#among = among;
    this.#of = of;
  }

  fail(cause: Error | null): void {
    this.#fail(
      new ServiceError('body_incomplete', 'Cannot read the body: the caller left before it was complete.', { cause }),
    );
  }

  giveUp(why: string): void {
    this.#fail(new ServiceError('body_too_slow', `Cannot read the body: ${why}.`));
  }

  add(chunk: Buffer): void {
    if (this.#done) return;
    if (chunk.length === this.#of.declared) {
      if (this.#take(chunk.length)) this.#piece = chunk;
      return;
    }
    this.progressAt = performance.now();
    const arrived = this.#arrived + chunk.length;
    if (arrived > (this.#block?.length ?? 0) && !this.#grow(arrived)) return;
    chunk.copy(this.#block!, this.#arrived);
    if (chunk.length === chunk.buffer.byteLength) freeBlock(chunk);
    this.#arrived = arrived;
  }

  /** One block of the declared size; where none is declared, one that doubles: a list of chunks costs more than their bytes when they are tiny. */
  #grow(arrived: number): boolean {
    const { declared, bodyBytesMax, alignAt } = this.#of;
    if (arrived > bodyBytesMax) {
      this.#fail(tooLarge(`more than ${bodyBytesMax} bytes`, bodyBytesMax));
      return false;
    }
    const size = declared ?? Math.min(bodyBytesMax, Math.max(16_384, 2 * arrived));
    if (!this.#take(size - this.#taken)) return false;
    const grown = alignedBlock(size, alignAt);
    if (this.#block) {
      this.#block.copy(grown, 0, 0, this.#arrived);
      freeBlock(this.#block);
    }
    this.#block = grown;
    return true;
  }

  #take(bytes: number): boolean {
    try {
      this.#of.budget.take(bytes);
    } catch (error) {
      this.#fail(error as ServiceError);
      return false;
    }
    this.#taken += bytes;
    return true;
  }

  end(): void {
    if (this.#done) return;
    this.#done = true;
    this.#among.remove(this);
    const bytes = this.#piece ?? this.#block?.subarray(0, this.#arrived) ?? Buffer.alloc(0);
    const { budget } = this.#of;
    const taken = this.#taken;
    // One piece is a view of what the socket read, which may hold another request too.
    this.#of.receiver.received({ bytes, isAlone: this.#block !== undefined, release: () => budget.giveBack(taken) });
  }

  #fail(error: ServiceError): void {
    if (this.#done) return;
    this.#done = true;
    this.#among.remove(this);
    this.#piece = undefined;
    this.#block = undefined;
    this.#of.budget.giveBack(this.#taken);
    // Whoever answers decides what becomes of the rest; nothing of it is kept.
    this.#of.receiver.failed(error);
  }
}

/** Node's parser has checked Content-Length already: absent (chunked, or no body at all) or a whole number. */
function declaredLength(request: IncomingMessage): number | undefined {
  const given = request.headers['content-length'];
  if (given !== undefined) return Number(given);
  return request.headers['transfer-encoding'] === undefined ? 0 : undefined;
}
