import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Request, Response } from 'express';
import { type FailureCode, failures } from '../errors.ts';
import { type HeadLines, type HeadValue, headLine, headValue, joinHead } from '../head-lines.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { RequestTrace } from '../observe/request-trace.ts';
import { newIds } from '../telemetry/ids.ts';
import { admitConnections, answerUnread } from './admit-connections.ts';
import { awaitInvitation } from './await-invitation.ts';
import { failureFields } from './failure-body.ts';
import type { HttpLimits } from './http-limits.ts';
import { reportUnread, type UnreadMetrics } from './report-unread.ts';
import type { ServedApp } from './served-app.ts';
import { spokenBy } from './tls/first-byte.ts';
import { endWith, type ServerTls } from './tls/server-tls.ts';
import { requestTrace } from './trace-request.ts';
import { watchConnections } from './watch-connections.ts';

/**
 * Node's HTTP server with the limits of a server that strangers reach. What is no HTTP gets a
 * failure of the same form as everything else.
 */
export function createHttpServer(
  limits: HttpLimits,
  lifecycle: Lifecycle,
  { serve: serveOne, budgets, exchange }: ServedApp,
  metrics: UnreadMetrics,
  tls: ServerTls,
): Server {
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    if (hasTwoHosts(request)) refuseTwoHosts(response);
    else serveOne(request as Request, response as Response);
  };
  const begin = (request: IncomingMessage, response: ServerResponse) => {
    exchange.begin(request, response);
    if (lifecycle.endsConnection()) exchange.closeAfter(response);
  };
  const options: ServerOptions = {
    ...exchange.options,
    headersTimeout: limits.headersMsMax,
    // The body has a watch of its own (body-reader.ts); this one ends what nobody reads.
    requestTimeout: limits.headersMsMax + limits.bodyMsMax + 1000,
    connectionsCheckingInterval: Math.min(1000, limits.headersMsMax),
    maxHeaderSize: limits.headerBytesMax,
    noDelay: true,
    // Node would answer without a word; the routes that act check it and say so.
    requireHostHeader: false,
  };
  const answered = (request: IncomingMessage, response: ServerResponse) => {
    begin(request, response);
    serve(request, response);
  };
  const server = tls.on
    ? tls.createHttps(options, answered, (socket, ...why) => endWith(socket, unreadAnswer(...why)))
    : createServer(options, answered);
  admitConnections(
    server,
    budgets.connections,
    ({ code, message, retryAfterMs = 1000 }) =>
      unreadAnswer(code, message, headLine('Retry-After', Math.ceil(retryAfterMs / 1000))),
    tls.on ? (socket, text) => tls.answer(socket, text) : answerUnread,
  );
  watchConnections(server, tls.on ? 'secureConnection' : 'connection', exchange, limits, reportTooSlow);
  server.on('checkContinue', (request, response) => {
    begin(request, response);
    if (announcesBody(request)) awaitInvitation(request, response);
    serveInTurn(request, response);
  });
  // An expectation other than 100-continue may be ignored.
  server.on('checkExpectation', answered);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const code = codeOf(error);
    if (code === undefined || !socket.writable || exchange.answerOn(socket)?.headersSent) {
      socket.destroy();
      return;
    }
    if (!tls.on && speaksTls(error)) {
      const message = tls.failures.report('tls_on_plain_port', socket.remoteAddress ?? 'unknown');
      socket.end(unreadAnswer('wrong_protocol', message));
      return;
    }
    const cut = requestCutOn(socket);
    // A request that had begun is recorded when its connection closes; a body that just ends means
    // that the caller left.
    if (cut && error.code === 'HPE_INVALID_EOF_STATE') cut.failure ??= 'body_incomplete';
    else cut?.decide(code);
    const message = `Cannot read the request: ${failures[code].means} (${error.code}); correct it.`;
    socket.end(cut ? failureAsText(code, message, cut.ids.traceId) : unreadAnswer(code, message));
  });
  return server;

  /** "100 Continue" must not come before the end of an answer that is still due on the connection. */
  function serveInTurn(request: IncomingMessage, response: ServerResponse): void {
    const due = exchange.answerOn(request.socket);
    if (due === null || due === response) serve(request, response);
    else due.once('close', () => serveInTurn(request, response));
  }

  /** The whole answer, as text, to what never became a request; counted and logged as one. */
  function unreadAnswer(code: FailureCode, message: string, line?: HeadLines): string {
    const { traceId } = newIds();
    reportUnread(metrics, code, traceId);
    return failureAsText(code, message, traceId, line);
  }

  /** So that its record says why it was cut. */
  function reportTooSlow(socket: Socket): void {
    const answer = exchange.answerOn(socket);
    if (answer) requestTrace(answer as Response).failure ??= 'answer_too_slow';
  }

  /** The request whose body broke off on this connection. */
  function requestCutOn(socket: Socket): RequestTrace | undefined {
    const answer = exchange.answerOn(socket);
    return answer && !answer.req.complete ? requestTrace(answer as Response) : undefined;
  }

  function refuseTwoHosts(response: ServerResponse): void {
    const { traceId } = newIds();
    reportUnread(metrics, 'invalid_request', traceId);
    const message = 'Cannot take the request: it has more than one header Host; send one, as RFC 9112 wants it.';
    const body = JSON.stringify(failureFields('invalid_request', message, traceId));
    exchange.closeAfter(response);
    response.writeHead(400, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': body.length,
      'X-Request-Id': traceId,
    });
    response.end(body);
  }
}

function failureAsText(code: FailureCode, message: string, traceId: HeadValue, line?: HeadLines): string {
  const { status } = failures[code];
  const body = JSON.stringify(failureFields(code, message, traceId));
  let head = joinHead(json, headLine('Content-Length', Buffer.byteLength(body)));
  head = joinHead(head, headLine('X-Request-Id', traceId));
  if (line) head = joinHead(head, line);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}${head}\r\nConnection: close\r\n\r\n${body}`;
}

const json = headLine('Content-Type', headValue('application/json; charset=utf-8'));

/** Two header names for one request, since a proxy may have passed on the other one. */
function hasTwoHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1;
}

function announcesBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return length === undefined ? headers['transfer-encoding'] !== undefined : length !== '0';
}

/** What the parser could not read begins as TLS does. */
function speaksTls(error: Error & { rawPacket?: Buffer }): boolean {
  return error.rawPacket?.[0] !== undefined && spokenBy(error.rawPacket[0]) === 'tls';
}

/** Undefined where there is nobody left to answer. */
function codeOf(error: NodeJS.ErrnoException): FailureCode | undefined {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return 'headers_too_large';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'body_too_slow';
    case 'ECONNRESET':
    case 'EPIPE':
      return undefined;
    default:
      return error.code?.startsWith('HPE_') ? 'invalid_request' : undefined;
  }
}
