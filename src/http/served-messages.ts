import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import express, { type Express } from 'express';
import type { SharedBudget } from '../resilience/shared-budget.ts';
import { chargeAnswer } from './charge-answer.ts';

/** Takes a body straight from the parser, as it arrives. */
export type BodySink = {
  add(chunk: Buffer): void;
  end(): void;
  /** The caller left before the body was complete. */
  fail(cause: Error | null): void;
};

/**
 * Requests and responses that are born with the prototypes that Express gives to each of them
 * otherwise. A prototype that changes costs everything that is done with the object afterwards:
 * about a seventh of the main thread's time for a small inference. A body goes to its sink, where
 * there is one, without the turns that a stream takes for each of its events: 4 µs of the 27 that a
 * small POST costs; and a request whose body has come that way ends without them: 4 more.
 */
export function messagesOf(
  app: Express,
  answers: SharedBudget,
): {
  IncomingMessage: typeof IncomingMessage;
  ServerResponse: typeof ServerResponse;
} {
  class ServedRequest extends IncomingMessage {
    bodySink: BodySink | undefined = undefined;
    /** See charged-client.ts. */
    chargedTo: string | undefined = undefined;

    /** Asks for the body, of a caller who waits until somebody wants it. */
    invitation: (() => void) | undefined = undefined;
    isUninvited = false;

    override _read(size: number): void {
      inviteBody(this);
      super._read(size);
    }

    override push(chunk: unknown, encoding?: BufferEncoding): boolean {
      const sink = this.bodySink;
      if (sink === undefined) return super.push(chunk, encoding);
      if (chunk !== null) {
        sink.add(chunk as Buffer);
        return true;
      }
      // First, since whoever hears of the end may answer, and the answer's end looks at the request.
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

    /** See charge-answer.ts. */
    get answersBudget(): SharedBudget {
      return answers;
    }

    /** With the signature that Node calls it by; whatever is left out stays undefined. */
    override end(chunk?: unknown, encoding?: unknown, callback?: unknown): this {
      if (typeof chunk === 'string' || chunk instanceof Uint8Array) chargeAnswer(this, chunk.length);
      return super.end(chunk, encoding as BufferEncoding, callback as () => void);
    }

    /**
     * Holds for this answer alone: the connection may go on for longer than one answer may be silent.
     */
    override setTimeout(ms: number, callback?: () => void): this {
      if (this.listenerCount('finish', endTimeLimit) === 0) this.once('finish', endTimeLimit);
      return super.setTimeout(ms, callback);
    }
  }
  const itsApp = { app: { configurable: true, enumerable: true, writable: true, value: app } };
  Object.setPrototypeOf(ServedRequest.prototype, express.request);
  Object.setPrototypeOf(ServedResponse.prototype, express.response);
  app.request = Object.defineProperties(ServedRequest.prototype, itsApp) as unknown as Express['request'];
  app.response = Object.defineProperties(ServedResponse.prototype, itsApp) as unknown as Express['response'];
  return { IncomingMessage: ServedRequest, ServerResponse: ServedResponse as unknown as typeof ServerResponse };
}

function endTimeLimit(this: ServerResponse): void {
  this.req.socket.setTimeout(0);
}

/**
 * As Node ends requests without a body where its option `optimizeEmptyRequests` is on; false where
 * this Node does not know how.
 */
function endAtOnce(request: IncomingMessage & { _dumpAndCloseReadable?(): void }): boolean {
  if (request._dumpAndCloseReadable === undefined) return false;
  request._dumpAndCloseReadable();
  return true;
}

/**
 * The head of an answer with status 200, as text: `lines` are those of its headers, with
 * Content-Length, each with its end of line, and nothing in them may come from a caller unchecked.
 * Given as names and values, Node checks each of them and looks for what it knows: a fifth of what
 * a small answer costs.
 */
export function writeOkHead(response: ServerResponse, lines: string): void {
  const written = response as ServerResponse & { _header: string; _last: boolean; _keepAliveTimeout: number };
  const keeps = response.shouldKeepAlive;
  if (!keeps) written._last = true;
  const connection = keeps
    ? `keep-alive\r\nKeep-Alive: timeout=${Math.floor(written._keepAliveTimeout / 1000)}`
    : 'close';
  written._header = `HTTP/1.1 200 OK\r\n${lines}Date: ${httpDate()}\r\nConnection: ${connection}\r\n\r\n`;
}

let dateSecond = 0;
let date = '';

function httpDate(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = new Date(second * 1000).toUTCString();
  }
  return date;
}

/** Whether a request on this connection has not got the end of its answer yet. */
export function isAnswering(socket: Socket): boolean {
  return answerOn(socket) !== null;
}

/**
 * Whether an answer is on its way on this connection already: another in the middle of it would be
 * taken for its body.
 */
export function hasBegunToAnswer(socket: Socket): boolean {
  return answerOn(socket)?.headersSent === true;
}

/** The answer that this connection waits for. */
export function answerOn(socket: Socket): ServerResponse | null {
  return (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage ?? null;
}

/**
 * Serves a request whose caller waits for "100 Continue" before it sends the body. It is asked for
 * the body when somebody reads it: what is refused before that needs none, and its connection is
 * closed, since nobody knows whether the body still comes. Node would say so at once, even in the
 * middle of the answer to the request before on this connection.
 */
export function awaitInvitation(request: IncomingMessage, response: ServerResponse): void {
  const invited = request as Invited;
  const answer = response as ServerResponse & { _expect_continue: boolean };
  const keeps = response.shouldKeepAlive;
  response.shouldKeepAlive = false;
  invited.isUninvited = true;
  invited.invitation = () => {
    // Somebody reads the body now, so the connection can go on behind it.
    response.shouldKeepAlive = keeps;
    answer._expect_continue = false;
    const say = () => {
      if (response.headersSent || request.complete) return;
      invited.isUninvited = false;
      response.writeContinue();
    };
    // While another answer is due on the connection, this one has no socket.
    if (response.socket) say();
    else response.once('socket', say);
  };
}

/** Whether the caller may still wait for being asked for the body. */
export function isUninvited(request: IncomingMessage): boolean {
  return (request as Invited).isUninvited && !request.complete;
}

function inviteBody(request: IncomingMessage): void {
  const { invitation, res } = request as Invited;
  if (invitation === undefined || res?.headersSent) return;
  (request as Invited).invitation = undefined;
  invitation();
}

type Invited = IncomingMessage & {
  invitation: (() => void) | undefined;
  isUninvited: boolean;
  res?: ServerResponse;
};

/** Gives the body to the sink: what has come already, and what still comes. */
export function sinkBody(request: IncomingMessage, sink: BodySink): void {
  inviteBody(request);
  (request as IncomingMessage & { bodySink: BodySink }).bodySink = sink;
  if (request.readableLength > 0) sink.add(request.read() as Buffer);
  if (request.complete) sink.end();
  else if (request.destroyed) sink.fail(request.errored);
}
