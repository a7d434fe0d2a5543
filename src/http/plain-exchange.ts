import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Express } from 'express';
import { type HeadLines, namesAndValues } from '../head-lines.ts';
import { inviteBody } from './await-invitation.ts';
import type { AnswerBytes, BodySink, HttpExchange } from './http-exchange.ts';

/** A large answer goes in slices: the socket counts a write when it was taken as a whole. */
const sliceBytes = 64 * 1024;

/** The twin of fast-exchange.ts by what Node and Express document. */
export function plainExchange(app: Express, keepAliveMs: number): HttpExchange {
  /** The answers that each connection waits for, in their order. */
  const open = new WeakMap<Duplex, ServerResponse[]>();
  return {
    name: 'plain',
    options: { keepAliveTimeout: keepAliveMs },
    begin: (request, response) => {
      const { socket } = request;
      // As Express does with each of its own.
      Object.setPrototypeOf(request, app.request);
      Object.setPrototypeOf(response, app.response);
      const answers = open.get(socket) ?? [];
      answers.push(response);
      open.set(socket, answers);
      response.once('close', () => answers.splice(answers.indexOf(response), 1));
    },
    readBody,
    end,
    closeAfter: (response) => {
      response.setHeader('Connection', 'close');
    },
    answerOn: (socket) => open.get(socket)?.[0] ?? null,
    sentBytes: (socket) => socket.bytesWritten - socket.writableLength,
  };
}

function readBody(request: IncomingMessage, sink: BodySink): void {
  if (request.headers.expect !== undefined) inviteBody(request);
  if (request.readableEnded) sink.end();
  else if (request.destroyed) sink.fail(request.errored);
  else {
    request.once('end', () => sink.end());
    request.once('close', () => {
      if (!request.readableEnded) sink.fail(request.errored);
    });
    request.on('data', (chunk: Buffer) => sink.add(chunk));
  }
}

function end(response: ServerResponse, head: HeadLines, bytes: AnswerBytes, size: number): void {
  response.writeHead(200, namesAndValues(head));
  const pieces = typeof bytes === 'string' ? [Buffer.from(bytes, 'latin1')] : bytes;
  if (size <= sliceBytes) response.end(Buffer.concat(pieces, size));
  else endInSlices(response, slicesOf(pieces));
}

function* slicesOf(pieces: readonly Buffer[]): Generator<Buffer> {
  for (const piece of pieces)
    for (let at = 0; at < piece.length; at += sliceBytes) yield piece.subarray(at, at + sliceBytes);
}

function endInSlices(response: ServerResponse, slices: Iterator<Buffer>): void {
  const { done, value } = slices.next();
  if (done) response.end();
  else
    response.write(value, (error) => {
      if (!error) endInSlices(response, slices);
    });
}
