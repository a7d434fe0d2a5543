import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { performance } from 'node:perf_hooks';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import type { Body } from '../../http/body.ts';
import type { BodyReader } from '../../http/body-reader.ts';
import type { Caller } from '../../http/caller.ts';
import { chargedBytesMin } from '../../http/charge-answer.ts';
import { chargedClient } from '../../http/charged-client.ts';
import { addCommonHeaders } from '../../http/common-head.ts';
import type { Packing } from '../../http/inflate-body.ts';
import { recordFailure } from '../../http/record-failure.ts';
import type { RequestTracing } from '../../http/trace-request.ts';
import { wholeHeader } from '../../http/whole-header.ts';
import { RequestRow } from '../../observe/flight/request-row.ts';
import { RequestTrace } from '../../observe/request-trace.ts';
import type { SharedBudget } from '../../resilience/shared-budget.ts';
import { say } from '../../sentence.ts';
import type { InChurnList } from '../../v8/churn-list.ts';
import { packingOfCall, timeoutOf } from './call-headers.ts';
import { endCall } from './end-call.ts';
import { failureTrailers, okTrailers } from './failure-trailers.ts';
import { MessageReader } from './message-reader.ts';
import type { RpcMetrics } from './rpc-metrics.ts';
import type { WrittenMessage } from './write-infer-message.ts';

export type CallParts = {
  readonly config: Config;
  readonly bodies: BodyReader;
  readonly tracing: RequestTracing | undefined;
  readonly rpcMetrics: RpcMetrics;
  readonly answers: SharedBudget;
  /** Where a call came from, as VITRINE_TRUST_PROXY says. */
  readonly addressOf: (caller: Pick<Caller, 'headers' | 'socket'>) => string | undefined;
};

/** Takes what the caller sends. */
export type CallReceiver = {
  received(body: Body): void;
  /** Nothing more comes. */
  ended(hadMessage: boolean): void;
  /** There is room for more of the answer. */
  drained?(): void;
  /** The connection has done with the call. */
  left(answered: boolean): void;
};

/** A large answer is written piece by piece, so that a caller who does not read it is noticed. */
const pieceBytes = 32 * 1024;

/**
 * One call: what guards look at, its messages both ways, and how it ends. Its ids, its row and its
 * record are the same as of a request over HTTP.
 */
export class GrpcCall implements Caller, InChurnList {
  index = 0;
  readonly httpVersion = '2';
  readonly headers: IncomingHttpHeaders;
  readonly socket: Caller['socket'];
  readonly trace: RequestTrace;
  readonly startedAt: number;
  /** When a message came or a part of the answer left. */
  progressAt: number;
  timeoutMs: number | undefined;
  readonly #parts: CallParts;
  readonly #stream: ServerHttp2Stream;
  #receiver: CallReceiver | undefined;
  #reader: MessageReader | undefined;
  #trailers: OutgoingHttpHeaders | undefined;
  #awaitsMessage = false;
  #isClosed = false;
  #charged = 0;
  #toWrite: Buffer[] = [];
  #toWriteBytes = 0;
  #isWriting = false;

  constructor(
    parts: CallParts,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    socket: Caller['socket'],
    route: string,
  ) {
    this.#parts = parts;
    this.#stream = stream;
    this.headers = headers;
    this.socket = socket;
    // By this name pages are recognized; HTTP/2 has another for it.
    headers.host ??= headers[':authority'];
    const { tracing } = parts;
    const row = tracing && new RequestRow(tracing.table);
    this.trace = new RequestTrace('POST', headers, row);
    tracing?.metrics.began(this.trace.method);
    this.trace.route = route;
    this.startedAt = row?.startedAt ?? performance.now();
    this.progressAt = this.startedAt;
    stream.on('error', ignore);
    stream.on('close', () => this.#closed());
  }

  get ip(): string | undefined {
    return this.#parts.addressOf(this);
  }

  /** What keeps it from going on: the first message, or a caller who does not read. */
  get waitsFor(): 'message' | 'reader' | undefined {
    if (this.#isWriting) return 'reader';
    return this.#awaitsMessage && !this.isEnded && this.trace.streamingAt === undefined ? 'message' : undefined;
  }

  get isEnded(): boolean {
    return this.#trailers !== undefined || this.#isClosed;
  }

  /** What waits to be written. */
  get unreadBytes(): number {
    return this.#toWriteBytes;
  }

  /** Looks at the headers; throws what is wrong with them. */
  begin(): void {
    const none = Number.POSITIVE_INFINITY;
    const ofCall = timeoutOf(this.headers) ?? none;
    const least = Math.min(ofCall, wholeHeader(this, 'x-request-timeout-ms', 1) ?? none);
    if (least < none) this.timeoutMs = least;
    if (ofCall === 0)
      throw new ServiceError(
        'caller_deadline_exceeded',
        say`Cannot take the call: its grpc-timeout is 0; give it time.`,
      );
  }

  /** From here on the messages go to the receiver. `bytesMax`: of each. */
  receive(receiver: CallReceiver, bytesMax?: number): void {
    this.#receiver = receiver;
    const reader = new MessageReader({
      bodies: this.#parts.bodies,
      client: chargedClient(this),
      packing: packingOfCall(this.headers),
      bytesMax,
      receiver: {
        received: (body) => {
          this.#awaitsMessage = false;
          this.progressAt = performance.now();
          if (this.isEnded) body.release();
          else receiver.received(body);
        },
        failed: (error) => this.fail(error),
        ended: (hadMessage) => {
          if (!this.isEnded) receiver.ended(hadMessage);
        },
        cutShort: () =>
          this.fail(
            new ServiceError('invalid_body', say`Cannot read the message: the call ends in the middle; send it whole.`),
          ),
      },
      resume: () => this.resume(),
    });
    this.#reader = reader;
    this.#awaitsMessage = true;
    const stream = this.#stream;
    stream.on('data', (chunk: Buffer) => {
      if (!reader.add(chunk)) stream.pause();
    });
    stream.on('end', () => reader.end());
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    if (!this.#stream.destroyed) this.#stream.resume();
  }

  /** The only message of an answer. */
  answer(message: WrittenMessage, timing = false): void {
    if (this.isEnded) return;
    this.#charge(message.size);
    this.#count(message);
    this.#sendHead(timing, message.packing);
    this.#trailers = okTrailers;
    if (message.size <= pieceBytes && message.pieces.length === 1) this.#stream.end(message.pieces[0]);
    else this.#write(message);
  }

  /** One of several; answers whether the caller keeps up. */
  write(message: WrittenMessage): boolean {
    if (this.isEnded) return false;
    if (!this.#stream.headersSent) this.#sendHead(false);
    this.#count(message);
    this.#write(message);
    return this.#toWriteBytes < pieceBytes;
  }

  #count({ size }: WrittenMessage): void {
    const { row } = this.trace;
    if (row !== undefined) row.answerBytes += size;
  }

  /** After the last of several. */
  end(): void {
    if (this.isEnded) return;
    if (!this.#stream.headersSent) this.#sendHead(false);
    this.#trailers = okTrailers;
    this.#writeOn();
  }

  fail(thrown: unknown): void {
    const stream = this.#stream;
    const isGone = stream.destroyed || stream.aborted || this.#isClosed;
    const error = recordFailure(thrown, this, this.trace, {
      isGone,
      isDecided: isGone || this.#trailers !== undefined,
    });
    if (isGone || this.#trailers !== undefined) return;
    // A stream that is looked at by its requests is recorded by what it failed of itself.
    if (error.code !== 'not_ready') this.trace.isLook = false;
    this.#reader?.stop();
    this.#toWrite = [];
    this.#trailers = failureTrailers(error, this.trace.ids.traceId);
    if (stream.headersSent) {
      if (!this.#isWriting) stream.end();
      return;
    }
    stream.respond({ ...this.#headers(false), ...this.#trailers }, { endStream: true });
    this.#closeIfUnread();
  }

  /** No answer of gRPC: what came is none of its calls. */
  refuse(status: number, message: string): void {
    const stream = this.#stream;
    this.#trailers = okTrailers;
    stream.respond({ ':status': status, 'content-type': 'text/plain; charset=utf-8' });
    stream.end(message);
    stream.resume();
  }

  /** The caller does not read, or the service cannot wait: the stream is cut off. */
  cut(failure: 'answer_too_slow'): void {
    this.trace.failure ??= failure;
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  #headers(timing: boolean): OutgoingHttpHeaders {
    const headers: OutgoingHttpHeaders = {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-accept-encoding': 'identity,deflate,gzip',
    };
    addCommonHeaders(headers, this.trace);
    if (timing && this.trace.row) headers['server-timing'] = this.trace.row.serverTiming();
    return headers;
  }

  #sendHead(timing: boolean, packing?: Packing): void {
    const headers = this.#headers(timing);
    if (packing !== undefined) headers['grpc-encoding'] = packing;
    this.#stream.respond(headers, withTrailers);
    this.#stream.on('wantTrailers', () => {
      this.#stream.sendTrailers(this.#trailers ?? okTrailers);
      setImmediate(() => this.#closeIfUnread());
    });
  }

  /** What still comes of the call is not wanted. */
  #closeIfUnread(): void {
    if (!this.#stream.readableEnded) this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #charge(bytes: number): void {
    if (bytes <= chargedBytesMin) return;
    this.#parts.answers.take(chargedClient(this), bytes);
    this.#charged += bytes;
  }

  #write({ pieces, size }: WrittenMessage): void {
    for (const piece of pieces)
      for (let at = 0; at < piece.length; at += pieceBytes) this.#toWrite.push(piece.subarray(at, at + pieceBytes));
    this.#toWriteBytes += size;
    this.#writeOn();
  }

  #writeOn(): void {
    if (this.#isWriting || this.#isClosed) return;
    const piece = this.#toWrite.shift();
    if (piece === undefined) {
      if (this.#trailers !== undefined) this.#stream.end();
      return;
    }
    this.#isWriting = true;
    this.#stream.write(piece, (error) => {
      this.#isWriting = false;
      this.progressAt = performance.now();
      this.#toWriteBytes -= piece.length;
      if (error) return;
      this.#writeOn();
      if (this.#toWriteBytes < pieceBytes) this.#receiver?.drained?.();
    });
  }

  #closed(): void {
    this.#isClosed = true;
    const answered = this.#trailers !== undefined && this.#stream.rstCode === constants.NGHTTP2_NO_ERROR;
    this.#reader?.breakOff();
    this.#receiver?.left(answered);
    if (this.#charged > 0) this.#parts.answers.giveBack(chargedClient(this), this.#charged);
    this.#toWrite = [];
    endCall(this.#parts, this.trace, answered);
  }
}

const withTrailers = { waitForTrailers: true };

function ignore(): void {
  // Every stream that breaks off is closed too, and that is where it is dealt with.
}
