import { IncomingMessage, type ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Express } from 'express';
import type { HeadLines } from '../head-lines.ts';
import { inviteBody } from './await-invitation.ts';
import type { MeasuredAnswer } from './extend-messages.ts';
import type { AnswerBytes, BodySink, HttpExchange } from './http-exchange.ts';

// The only file that uses what Node does not document. What each trick saves: docs/performance.md.

/**
 * Without what extend-messages.ts adds: an inference has charged its answer already, and its size is
 * known.
 */
const { end: endOfNode } = ServerResponse.prototype;

/** One copy is cheaper than several writes up to this. */
const joinBytesMax = 64 * 1024;

export function fastExchange(app: Express, keepAliveMs: number): HttpExchange {
  return {
    name: 'fast',
    // Node's own timer for idle connections is off: watch-connections.ts has one for all.
    options: { ...messagesOf(app), keepAliveTimeout: 0 },
    begin: (_request, response) => {
      (response as FastResponse)._keepAliveTimeout = keepAliveMs;
    },
    readBody,
    end,
    closeAfter: (response) => {
      response.shouldKeepAlive = false;
    },
    answerOn: (socket) => (socket as FastSocket)._httpMessage ?? null,
    sentBytes: (socket) => {
      // The socket itself counts a large answer as a whole, when its last byte was taken.
      const { _handle: own } = socket as FastSocket;
      // TLS takes an answer as a whole and queues it below itself.
      const handle = own?._parent ?? own;
      return handle ? handle.bytesWritten - handle.writeQueueSize : socket.bytesWritten;
    },
  };
}

type FastRequest = IncomingMessage & { bodySink: BodySink | undefined; _dumpAndCloseReadable?(): void };
type FastResponse = MeasuredAnswer & { _header: string; _last: boolean; _keepAliveTimeout: number };
type FastSocket = Socket & {
  _httpMessage?: ServerResponse | null;
  _handle?: (Handle & { _parent?: Handle | null }) | null;
};
type Handle = { bytesWritten: number; writeQueueSize: number };

/**
 * Messages that are born with the prototypes of Express: a later change costs all that is done with
 * the object.
 */
function messagesOf(app: Express): Pick<ServerOptions, 'IncomingMessage' | 'ServerResponse'> {
  class ServedRequest extends IncomingMessage {
    bodySink: BodySink | undefined = undefined;
    /** See charged-client.ts. */
    chargedTo: string | undefined = undefined;

    /** Gives a body to its sink without the events of a stream. */
    override push(chunk: unknown, encoding?: BufferEncoding): boolean {
      const sink = this.bodySink;
      if (sink === undefined) return super.push(chunk, encoding);
      if (chunk !== null) {
        sink.add(chunk as Buffer);
        return true;
      }
      // First, since the sink may answer, and the end of an answer looks at the request.
      const more = this.listenerCount('end') > 0 || !endAtOnce(this) ? super.push(null) : true;
      sink.end();
      return more;
    }

    override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
      if (!this.complete) this.bodySink?.fail(error);
      super._destroy(error, done);
    }
  }
  class ServedResponse extends ServerResponse {
    isCharged = false;
    answerBytes = 0;
  }
  Object.setPrototypeOf(ServedRequest.prototype, app.request);
  Object.setPrototypeOf(ServedResponse.prototype, app.response);
  app.request = ServedRequest.prototype as unknown as Express['request'];
  app.response = ServedResponse.prototype as unknown as Express['response'];
  return { IncomingMessage: ServedRequest, ServerResponse: ServedResponse as unknown as typeof ServerResponse };
}

/**
 * As Node ends requests without a body by its option `optimizeEmptyRequests`; false where this Node
 * cannot.
 */
function endAtOnce(request: IncomingMessage): boolean {
  const { _dumpAndCloseReadable: close } = request as FastRequest;
  if (close === undefined) return false;
  close.call(request);
  return true;
}

function readBody(request: IncomingMessage, sink: BodySink): void {
  if (request.headers.expect !== undefined) inviteBody(request);
  (request as FastRequest).bodySink = sink;
  if (request.readableLength > 0) sink.add(request.read() as Buffer);
  if (request.complete) sink.end();
  else if (request.destroyed) sink.fail(request.errored);
}

function end(response: ServerResponse, head: HeadLines, bytes: AnswerBytes, size: number): void {
  writeHead(response as FastResponse, head);
  if (typeof bytes === 'string' || size <= joinBytesMax || bytes.length === 1) {
    (response as FastResponse).answerBytes = size;
    endOfNode.call(response, inOne(bytes, size), 'latin1');
  } else {
    response.cork();
    for (const piece of bytes) response.write(piece);
    response.end();
    response.uncork();
  }
}

function inOne(bytes: AnswerBytes, size: number): string | Buffer {
  if (typeof bytes === 'string') return bytes;
  return bytes.length === 1 ? bytes[0]! : Buffer.concat(bytes, size);
}

/** The head as text: Node would check each name and value, and look for those that it knows. */
function writeHead(response: FastResponse, head: HeadLines): void {
  const keeps = response.shouldKeepAlive;
  if (!keeps) response._last = true;
  const second = Math.floor(Date.now() / 1000);
  if (second !== lastSecond || response._keepAliveTimeout !== lastKeepAliveMs)
    makeEnds(second, response._keepAliveTimeout);
  response._header = begin + head + (keeps ? endOfKept : endOfClosed);
}

const begin = 'HTTP/1.1 200 OK';
/** What all heads of one second end with. */
let endOfKept = '';
let endOfClosed = '';
let lastSecond = Number.NaN;
let lastKeepAliveMs = Number.NaN;

function makeEnds(second: number, keepAliveMs: number): void {
  lastSecond = second;
  lastKeepAliveMs = keepAliveMs;
  const connection = ['\r\nDate: ', new Date(second * 1000).toUTCString(), '\r\nConnection: '];
  const seconds = Math.floor(keepAliveMs / 1000);
  endOfKept = [...connection, 'keep-alive\r\nKeep-Alive: timeout=', seconds, '\r\n\r\n'].join('');
  endOfClosed = [...connection, 'close\r\n\r\n'].join('');
}
