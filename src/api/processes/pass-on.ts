import { request as ask, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import { type FailureCode, failures, ServiceError } from '../../errors.ts';
import { failureHeader } from '../../http/passed-request.ts';
import { requestTrace } from '../../http/trace-request.ts';
import type { Seat } from '../../processes/seat.ts';
import { pauseUnless } from '../../resilience/pause-unless.ts';
import { say } from '../../sentence.ts';
import { isOfConnection, passedHeaders } from './passed-headers.ts';

/** What may stand in place of the request's own body. */
export type OtherBody = { readonly type: string; readonly bytes: Readable };

const tryAgainMs = 50;

/**
 * Passes requests on to another process of the service, and its answers back, both as they come. A
 * process that restarts is waited for: nothing of a request has been read then.
 */
export class PassOn {
  readonly #seat: Seat;
  readonly #waitMsMax: number;

  constructor(seat: Seat, { processWaitMsMax }: Pick<Config, 'processWaitMsMax'>) {
    this.#seat = seat;
    this.#waitMsMax = processWaitMsMax;
  }

  /** `body`: instead of the request's own, which was read. */
  async pass(request: Request, response: Response, to: number, body?: OtherBody): Promise<void> {
    const left = new AbortController();
    response.once('close', () => left.abort());
    const answer = await this.#answerOf(request, to, left.signal, body);
    this.#begin(answer, response);
    await pipeline(answer, response).catch((error: unknown) => {
      // The caller has gone, or the other process: the connection says so to who is left.
      if (!response.destroyed) throw error;
    });
  }

  /** A question that changes nothing is asked again when the other process ends meanwhile. */
  async #answerOf(request: Request, to: number, left: AbortSignal, body?: OtherBody): Promise<IncomingMessage> {
    const endsAt = performance.now() + this.#waitMsMax;
    for (;;)
      try {
        return await sent(await this.#connected(request, to, left, body), body?.bytes ?? request);
      } catch (error) {
        const mayAskAgain = request.method === 'GET' || request.method === 'HEAD';
        if (!mayAskAgain || performance.now() > endsAt || !(await pauseUnless(left, tryAgainMs))) throw error;
      }
  }

  /** Waits until the other process takes connections. */
  async #connected(request: Request, to: number, left: AbortSignal, body?: OtherBody): Promise<ClientRequest> {
    const endsAt = performance.now() + this.#waitMsMax;
    for (;;) {
      const asked = this.#ask(request, to, left, body);
      try {
        await connection(asked);
        return asked;
      } catch (cause) {
        const code = (cause as NodeJS.ErrnoException).code ?? '';
        const mayComeBack = ['ECONNREFUSED', 'ENOENT', 'EAGAIN'].includes(code);
        if (!mayComeBack || performance.now() > endsAt || !(await pauseUnless(left, tryAgainMs)))
          throw new ServiceError(
            'not_ready',
            say`Cannot take the request: process ${to} of the service, which has the jobs, restarts; send it again.`,
            { retryAfterMs: 1000, cause },
          );
      }
    }
  }

  #ask(request: Request, to: number, signal: AbortSignal, body?: OtherBody): ClientRequest {
    const headers = passedHeaders(request, this.#seat.facts.secret);
    if (body) {
      delete headers['content-length'];
      headers['content-type'] = body.type;
    }
    const hasBody = body !== undefined || !['GET', 'HEAD', 'DELETE'].includes(request.method);
    if (hasBody && headers['content-length'] === undefined) headers['transfer-encoding'] = 'chunked';
    return ask({
      socketPath: this.#seat.socketOf(to),
      method: request.method,
      // What did not come by Express has the path that it came with.
      path: request.originalUrl ?? request.url,
      headers,
      agent: false,
      signal,
    });
  }

  #begin(answer: IncomingMessage, response: Response): void {
    const trace = requestTrace(response);
    const failure = answer.headers[failureHeader];
    if (typeof failure === 'string' && failure in failures) trace.decide(failure as FailureCode);
    response.statusCode = answer.statusCode!;
    for (let at = 0; at < answer.rawHeaders.length; at += 2) {
      const name = answer.rawHeaders[at]!;
      const values = answer.headersDistinct[name.toLowerCase()];
      if (!values || isOfConnection(name) || name.toLowerCase() === failureHeader) continue;
      response.setHeader(name, values.length === 1 ? values[0]! : values);
    }
    if (answer.headers['content-type']?.startsWith('text/event-stream')) trace.beginStream();
    response.flushHeaders();
  }
}

function connection(asked: ClientRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    asked.once('error', reject);
    asked.once('socket', (socket) => {
      if (socket.connecting) socket.once('connect', resolve);
      else resolve();
    });
  });
}

/**
 * Sends the body while the answer may be on its way already: a refusal need not wait for its end.
 */
async function sent(asked: ClientRequest, body: Readable): Promise<IncomingMessage> {
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('response', resolve);
    asked.once('error', (cause) =>
      reject(
        new ServiceError(
          'not_ready',
          say`Cannot say what became of the request: the process that worked on it ended; ask again, with the same Idempotency-Key where there is one.`,
          { retryAfterMs: 1000, cause },
        ),
      ),
    );
  });
  const end = () => asked.destroy();
  body.once('error', end);
  // A body that was read to its end before ends this request too.
  if (body.readableEnded) asked.end();
  else body.pipe(asked);
  return await answer;
}
