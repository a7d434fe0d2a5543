import type { IncomingMessage, ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Express } from 'express';
import type { HeadLines } from '../head-lines.ts';

/** Takes a body as it arrives. */
export type BodySink = {
  add(chunk: Buffer): void;
  end(): void;
  /** The caller left before the body was complete. */
  fail(cause: Error | null): void;
};

/** Text of one byte a character, or pieces. */
export type AnswerBytes = string | readonly Buffer[];

/**
 * How a body is read and an answer is sent. fast-exchange.ts uses what Node does not document,
 * plain-exchange.ts does not; both put the same bytes on the wire (choose-exchange.ts).
 */
export type HttpExchange = {
  readonly name: ExchangeName;
  /** For createServer. */
  readonly options: ServerOptions;
  /** Comes before anything else that is done with a request. */
  begin(request: IncomingMessage, response: ServerResponse): void;
  /** Gives the body to the sink: what has come already, and what still comes. */
  readBody(request: IncomingMessage, sink: BodySink): void;
  /** Sends a whole answer with status 200. `head` has Content-Length. */
  end(response: ServerResponse, head: HeadLines, bytes: AnswerBytes, size: number): void;
  /** The connection ends with this answer. Comes before its head. */
  closeAfter(response: ServerResponse): void;
  /** The answer that this connection waits for; null while it is idle. */
  answerOn(socket: Duplex): ServerResponse | null;
  /** The bytes that the system has taken for sending. */
  sentBytes(socket: Socket): number;
};

export type ExchangeName = 'fast' | 'plain';

/** `app` serves what is no inference: requests are born as its own. */
export type MakeExchange = (app: Express, keepAliveMs: number) => HttpExchange;
