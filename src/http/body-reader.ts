import type { IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';
import { ServiceError } from '../errors.ts';
import { RateWatch } from '../resilience/rate-watch.ts';
import { SharedBudget } from '../resilience/shared-budget.ts';
import { ours, say } from '../sentence.ts';
import { reportDefect } from '../telemetry/report-defect.ts';
import { ChurnList, type InChurnList } from '../v8/churn-list.ts';
import { releaseBuffer } from '../v8/release-buffer.ts';
import { alignedBlock, type Body, tooLarge } from './body.ts';
import { chargedClient } from './charged-client.ts';
import type { BodySink, HttpExchange } from './http-exchange.ts';
import type { HttpLimits, RaisedBy } from './http-limits.ts';
import { inflateBody, type Packing, packingOf } from './inflate-body.ts';

const nothing: Body = { bytes: Buffer.alloc(0), isAlone: false, release: () => undefined };

/**
 * Reads bodies whole, by their length and encoding and never by Content-Type: the protocol's Python
 * client sends none. Bounded in bytes (each, all together by client, and unpacked) and in time
 * (without progress, by a least rate, and in all).
 */
export class BodyReader {
  readonly budget: SharedBudget;
  readonly #limits: HttpLimits;
  readonly #exchange: HttpExchange;
  readonly #arriving = new ChurnList<Arriving>();
  readonly #watch: NodeJS.Timeout;

  constructor(limits: HttpLimits, exchange: HttpExchange) {
    this.#limits = limits;
    this.#exchange = exchange;
    this.budget = new SharedBudget({
      name: 'bodies',
      max: limits.bodiesBytesMax,
      sharePercent: limits.clientSharePercent,
      largest: limits.bodyBytesMax,
      cannot: 'Cannot read the body',
      held: (bytes) => `the bodies of the requests in flight take ${bytes} of ${limits.bodiesBytesMax} bytes`,
      setting: limits.raisedBy.bodiesBytes,
    });
    // One timer for all bodies instead of one for each.
    const everyMs = Math.max(
      10,
      Math.min(1000, limits.bodyIdleMsMax / 4, limits.bodyMsMax / 4, limits.slowAfterMs / 4),
    );
    this.#watch = setInterval(() => this.#giveUpSlow(), everyMs).unref();
  }

  /** Of a body that is read whole without being an inference. */
  get parametersBytesMax(): number {
    return this.#limits.parametersBytesMax;
  }

  /**
   * `alignAt` is the offset in the body whose byte should be aligned for every datatype: where the
   * first tensor's binary data begins, so that it can be used where it is.
   */
  receive(
    request: IncomingMessage,
    alignAt: number,
    receiver: BodyReceiver,
    bodyBytesMax = this.#limits.bodyBytesMax,
  ): void {
    const { raisedBy } = this.#limits;
    const packing = request.headers['content-encoding'] === undefined ? undefined : packingOf(request);
    const declared = declaredLength(request);
    if (declared !== undefined && declared > bodyBytesMax) throw tooLarge(`${declared} bytes`, bodyBytesMax, raisedBy);
    if (declared === 0 && packing === undefined) {
      receiver.received(nothing);
      return;
    }
    const unpacking =
      packing === undefined
        ? receiver
        : {
            received: (packed: Body) => this.#unpack(packed, { packing, alignAt, client, bodyBytesMax }, receiver),
            failed: (error: ServiceError) => receiver.failed(error),
          };
    const client = chargedClient(request);
    const arriving = new Arriving(this.#arriving, {
      client,
      declared,
      alignAt: packing ? 0 : alignAt,
      bodyBytesMax,
      raisedBy,
      budget: this.budget,
      receiver: unpacking,
    });
    this.#arriving.add(arriving);
    this.#exchange.readBody(request, arriving);
  }

  /**
   * The same for a message of so many bytes that comes by another protocol, which gives them to the
   * sink. Throws where it is too large.
   */
  expect(
    client: string,
    bytes: number,
    packing: Packing | undefined,
    receiver: BodyReceiver,
    bodyBytesMax = this.#limits.bodyBytesMax,
  ): BodySink {
    const { raisedBy } = this.#limits;
    if (bytes > bodyBytesMax) throw tooLarge(`${bytes} bytes`, bodyBytesMax, raisedBy);
    const unpacking = {
      received: (packed: Body) =>
        this.#unpack(packed, { packing: packing!, alignAt: 0, client, bodyBytesMax }, receiver),
      failed: (error: ServiceError) => receiver.failed(error),
    };
    const arriving = new Arriving(this.#arriving, {
      client,
      declared: bytes,
      alignAt: 0,
      bodyBytesMax,
      raisedBy,
      budget: this.budget,
      receiver: packing === undefined ? receiver : unpacking,
    });
    this.#arriving.add(arriving);
    return arriving;
  }

  read(request: IncomingMessage, bytesMax: number): Promise<Body> {
    return new Promise((resolve, reject) => this.receive(request, 0, { received: resolve, failed: reject }, bytesMax));
  }

  #unpack(
    packed: Body,
    { packing, ...of }: { packing: Packing; alignAt: number; client: string; bodyBytesMax: number },
    receiver: BodyReceiver,
  ): void {
    inflateBody(packed.bytes, packing, { ...of, budget: this.budget, raisedBy: this.#limits.raisedBy })
      .finally(() => packed.release())
      .then(
        (body) => receiver.received(body),
        (error: ServiceError) => receiver.failed(error),
      )
      .catch((error: unknown) => reportDefect('promise', error));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watch);
  }

  #giveUpSlow(): void {
    const now = performance.now();
    const { bodyIdleMsMax, bodyMsMax, bytesPerSecondMin, raisedBy } = this.#limits;
    for (const arriving of this.#arriving) {
      if (now - arriving.progressAt > bodyIdleMsMax)
        arriving.giveUp(
          `nothing of it arrived for ${bodyIdleMsMax} ms; send it faster, or raise VITRINE_BODY_IDLE_MS_MAX`,
        );
      else if (now - arriving.startedAt > bodyMsMax)
        arriving.giveUp(`it was not complete after ${bodyMsMax} ms; send it faster, or raise ${raisedBy.bodyMs}`);
      else if (arriving.isSlow(now, this.#limits))
        arriving.giveUp(
          `it arrives at less than ${bytesPerSecondMin} bytes a second; send it faster, or lower VITRINE_BYTES_PER_SECOND_MIN`,
        );
    }
  }
}

/** Hears once how it ended: the body, or why there is none. */
export type BodyReceiver = { received(body: Body): void; failed(error: ServiceError): void };

type ArrivingOptions = {
  client: string;
  declared: number | undefined;
  alignAt: number;
  bodyBytesMax: number;
  raisedBy: RaisedBy;
  budget: SharedBudget;
  receiver: BodyReceiver;
};

const firstBlockBytes = 16_384;
/** Four times what has arrived: a large body is copied a third of its size once more by growing. */
const growth = 4;

/** One body on its way in. */
class Arriving implements BodySink, InChurnList {
  index = 0;
  readonly startedAt = performance.now();
  progressAt = this.startedAt;
  /** Itself among the others, as long as it is on its way. */
  readonly #among: ChurnList<Arriving>;
  readonly #of: ArrivingOptions;
  /** The whole body where it came in one piece: it is never copied. */
  #piece: Buffer | undefined;
  #block: Buffer | undefined;
  #arrived = 0;
  #taken = 0;
  #done = false;
  #rate: RateWatch | undefined;

  constructor(among: ChurnList<Arriving>, of: ArrivingOptions) {
    this.#among = among;
    this.#of = of;
  }

  fail(cause: Error | null): void {
    this.#fail(
      new ServiceError('body_incomplete', say`Cannot read the body: the caller left before it was complete.`, {
        cause,
      }),
    );
  }

  giveUp(why: string): void {
    this.#fail(new ServiceError('body_too_slow', say`Cannot read the body: ${ours(why)}.`));
  }

  isSlow(now: number, limits: HttpLimits): boolean {
    this.#rate ??= new RateWatch(this.startedAt);
    return this.#rate.isSlow(now, this.#arrived, limits);
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
    if (chunk.length === chunk.buffer.byteLength) releaseBuffer(chunk);
    this.#arrived = arrived;
  }

  /**
   * One block that grows with what has arrived: what was only announced takes no memory. A list of
   * chunks would cost more than their bytes when they are tiny.
   */
  #grow(arrived: number): boolean {
    const { declared, bodyBytesMax, raisedBy, alignAt } = this.#of;
    if (arrived > bodyBytesMax) {
      this.#fail(tooLarge(`more than ${bodyBytesMax} bytes`, bodyBytesMax, raisedBy));
      return false;
    }
    const size = Math.min(declared ?? bodyBytesMax, Math.max(firstBlockBytes, growth * arrived));
    if (!this.#take(size - this.#taken)) return false;
    const grown = alignedBlock(size, alignAt);
    if (this.#block) {
      this.#block.copy(grown, 0, 0, this.#arrived);
      releaseBuffer(this.#block);
    }
    this.#block = grown;
    return true;
  }

  #take(bytes: number): boolean {
    try {
      this.#of.budget.take(this.#of.client, bytes);
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
    const { budget, client } = this.#of;
    const taken = this.#taken;
    // One piece is a view of what the socket read, which may hold another request too.
    this.#of.receiver.received({
      bytes,
      isAlone: this.#block !== undefined,
      release: () => budget.giveBack(client, taken),
    });
  }

  #fail(error: ServiceError): void {
    if (this.#done) return;
    this.#done = true;
    this.#among.remove(this);
    this.#piece = undefined;
    this.#block = undefined;
    this.#of.budget.giveBack(this.#of.client, this.#taken);
    // The answering code decides about the rest, which is discarded.
    this.#of.receiver.failed(error);
  }
}

/**
 * Node's parser has checked Content-Length already: absent (chunked, or no body at all) or a whole
 * number.
 */
function declaredLength(request: IncomingMessage): number | undefined {
  const given = request.headers['content-length'];
  if (given !== undefined) return Number(given);
  return request.headers['transfer-encoding'] === undefined ? 0 : undefined;
}
