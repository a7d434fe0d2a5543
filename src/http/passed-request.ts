import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Request, Response } from 'express';
import { headValue } from '../head-lines.ts';
import type { ServedApp } from './served-app.ts';
import { requestTrace } from './trace-request.ts';

/** Proves that another process of this service passes the request on. */
export const secretHeader = 'x-vitrine-process-secret';
/** The address of the caller, whose connection the other process has. */
export const callerHeader = 'x-vitrine-caller-address';
/** The span of the caller's request; its trace is in `traceparent`. */
export const spanHeader = 'x-vitrine-caller-span';
/** The failure that the answer is. */
export const failureHeader = 'x-vitrine-failure';

const passed = new WeakSet<IncomingMessage>();

/**
 * Whether another process passed it on: then it was counted, and taken from its quota, there, and is
 * answered by this process whatever the others know.
 */
export function isPassed(request: IncomingMessage): boolean {
  return passed.has(request);
}

/** Recognizes what other processes pass on, before anything else looks at it. */
export function recognizePassed(serve: ServedApp['serve'], secret: string): ServedApp['serve'] {
  const wanted = Buffer.from(secret);
  return (request, response) => {
    const given = request.headers[secretHeader];
    if (typeof given === 'string') {
      const bytes = Buffer.from(given);
      if (bytes.length === wanted.length && timingSafeEqual(bytes, wanted)) recognize(request);
    }
    serve(request, response);
  };
}

/** It is one request with the one of the caller: it has the same ids, and is recorded there. */
export function joinCaller(request: Request, response: Response): void {
  const trace = requestTrace(response);
  trace.isLook = true;
  const span = request.headers[spanHeader];
  if (typeof span === 'string') trace.ids = { ...trace.ids, spanId: headValue(span) };
}

function recognize(request: Request): void {
  passed.add(request);
  // The private connection has no address; who is charged and logged is the caller.
  const address = request.headers[callerHeader];
  Object.defineProperty(request.socket, 'remoteAddress', { value: address, configurable: true });
}
