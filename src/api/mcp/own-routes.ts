import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type Server } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import type { Request, Response } from 'express';
import type { HttpExchange } from '../../http/http-exchange.ts';
import type { ServedApp } from '../../http/served-app.ts';
import { inheritNames } from '../../http/tls/certificate-names.ts';
import { requestTrace } from '../../http/trace-request.ts';

/** What a route answered. */
export type OwnAnswer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

const ownConnections = new WeakSet<object>();

/** Whether the service asks itself, for a request that it was asked. */
export function isOwnQuestion({ socket }: Pick<IncomingMessage, 'socket'>): boolean {
  return ownConnections.has(socket);
}

/**
 * Asks the service's own routes in a caller's name, over a connection within the process: with the
 * caller's credentials and address, through every guard and quota, without a port.
 */
export class OwnRoutes {
  readonly #server: Server;

  constructor(serve: ServedApp['serve'], exchange: HttpExchange) {
    this.#server = createServer(exchange.options, (asked, answer) => {
      exchange.begin(asked, answer);
      serve(asked as Request, answer as Response);
    });
  }

  ask(caller: Request, path: string, { body, signal }: { body?: object; signal: AbortSignal }): Promise<OwnAnswer> {
    return new Promise((resolve, reject) => {
      const asked = request({
        method: body === undefined ? 'GET' : 'POST',
        path,
        headers: headersOf(caller, body !== undefined),
        createConnection: () => this.#connect(caller),
        signal,
      });
      asked.once('error', reject);
      asked.once('response', (answer) => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece: Buffer) => pieces.push(piece));
        answer.once('error', reject);
        answer.once('end', () =>
          resolve({ status: answer.statusCode!, headers: answer.headers, body: Buffer.concat(pieces) }),
        );
      });
      asked.end(body && JSON.stringify(body));
    });
  }

  #connect(caller: Request): Duplex {
    const [near, far] = duplexPair();
    Object.defineProperty(far, 'remoteAddress', { value: caller.socket.remoteAddress });
    inheritNames(caller.socket, far);
    ownConnections.add(far);
    this.#server.emit('connection', far);
    return near;
  }
}

/** Who asks, and of which trace; nothing else of the caller's headers. */
function headersOf(caller: Request, hasBody: boolean): Record<string, string> {
  const { ids, requestId } = requestTrace(caller.res!);
  const { authorization, host = 'localhost', 'x-api-key': key, 'x-forwarded-for': forwarded } = caller.headers;
  return {
    host,
    'x-request-id': requestId,
    traceparent: `00-${ids.traceId}-${ids.spanId}-00`,
    ...(authorization !== undefined && { authorization }),
    ...(typeof key === 'string' && { 'x-api-key': key }),
    ...(typeof forwarded === 'string' && { 'x-forwarded-for': forwarded }),
    ...(hasBody && { 'content-type': 'application/json' }),
  };
}
