import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Request, Response } from 'express';
import type { Config } from '../config.ts';
import { type FailureCode, failures, faultOf, levelOfFault } from '../errors.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { newIds } from '../telemetry/ids.ts';
import { log } from '../telemetry/logger.ts';
import { observableGauge } from '../telemetry/metrics.ts';
import type { RequestMetrics } from '../telemetry/request-metrics.ts';
import { closeIdleConnections } from './idle-connections.ts';
import type { ServedApp } from './infer-straight.ts';
import { answerOn, hasBegunToAnswer, messagesOf } from './served-messages.ts';
import { type RequestTrace, requestTrace } from './trace-request.ts';

/** Node's HTTP server with the limits of a server that strangers reach. What is no HTTP gets a failure of the same form as everything else. */
export function createHttpServer(
  config: Pick<Config, 'bodyMsMax' | 'connectionsMax' | 'headerBytesMax' | 'headersMsMax' | 'keepAliveMs'>,
  lifecycle: Lifecycle,
  { express, straight }: ServedApp,
  metrics: RequestMetrics,
): Server {
  const server = createServer(
    {
      ...messagesOf(express),
      headersTimeout: config.headersMsMax,
      // The body has a watch of its own (VITRINE_BODY_MS_MAX); this one ends what nobody reads.
      requestTimeout: config.headersMsMax + config.bodyMsMax + 1000,
      connectionsCheckingInterval: Math.min(1000, config.headersMsMax),
      // Idle connections have a watch of their own.
      keepAliveTimeout: 0,
      maxHeaderSize: config.headerBytesMax,
      noDelay: true,
      // Node would answer without a word; the routes that act check it and say so.
      requireHostHeader: false,
    },
    (request, response) => {
      tellKeepAlive(response, config.keepAliveMs);
      // While it stops, no caller should count on the connection for another request.
      if (lifecycle.state === 'stopping') response.shouldKeepAlive = false;
      if (!straight(request as Request, response as Response)) express(request, response);
    },
  );
  server.maxConnections = config.connectionsMax;
  closeIdleConnections(server, config.keepAliveMs);
  // An expectation other than 100-continue may be ignored.
  server.on('checkExpectation', express);
  observableGauge('activeConnections').addCallback(async (result) => result.observe(await connectionsOf(server)));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const code = codeOf(error);
    if (code === undefined || !socket.writable || hasBegunToAnswer(socket)) {
      socket.destroy();
      return;
    }
    const { status, means } = failures[code];
    const cut = requestCutOn(socket);
    // A request that had begun is told by itself, when its connection closes; a body that just ends is one of a caller who left.
    if (cut && error.code === 'HPE_INVALID_EOF_STATE') cut.failure ??= 'body_incomplete';
    else cut?.decide(code);
    const { traceId } = cut?.ids ?? newIds();
    if (!cut) {
      metrics.answeredUnread(String(status), code);
      log('access', levelOfFault[faultOf(code)], `_OTHER unmatched ${status}`, {
        event_type: 'http_request',
        'http.response.status_code': status,
        'error.type': code,
        fault: faultOf(code),
        'request.id': traceId,
      });
    }
    const body = JSON.stringify({
      error: `Cannot read the request: ${means} (${error.code}); correct it.`,
      code,
      trace_id: traceId,
    });
    socket.end(
      `HTTP/1.1 ${status} ${statusWords[status]}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nX-Request-Id: ${traceId}\r\nConnection: close\r\n\r\n${body}`,
    );
  });
  return server;
}

/** The request whose body broke off on this connection. */
function requestCutOn(socket: Socket): RequestTrace | undefined {
  const answer = answerOn(socket);
  return answer && !answer.req.complete ? requestTrace(answer as Response) : undefined;
}

/** What every answer tells the caller: Node would tell its own time limit, which is off. */
function tellKeepAlive(response: ServerResponse, keepAliveMs: number): void {
  (response as ServerResponse & { _keepAliveTimeout: number })._keepAliveTimeout = keepAliveMs;
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

const statusWords: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

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
