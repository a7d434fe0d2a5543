import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Request, Response } from 'express';
import { headValue } from '../head-lines.ts';
import type { ServedApp } from './served-app.ts';
import { rememberPassedNames } from './tls/certificate-names.ts';
import { requestTrace } from './trace-request.ts';

/** Proves that another process of this service passes the request on. */
export const secretHeader = 'x-vitrine-process-secret';
/** The address of the caller, whose connection the other process has. */
export const callerHeader = 'x-vitrine-caller-address';
/** The names in the caller's client certificate, as JSON in an URL. */
export const certificateHeader = 'x-vitrine-caller-certificate';
/** The span of the caller's request; its trace is in `traceparent`. */
export const spanHeader = 'x-vitrine-caller-span';
/** The failure that the answer is. */
export const failureHeader = 'x-vitrine-failure';

/** Another process of this service, or another replica. */
export type Passer = 'process' | 'replica';

const passed = new WeakMap<IncomingMessage, Passer>();

/**
 * Whether another process passed it on: then it was counted, and taken from its quota, there.
 */
export function isPassed(request: IncomingMessage): boolean {
  return passed.has(request);
}

/**
 * Who passed it on. A process answers another one by what it knows itself, and another replica by
 * what the processes of its machine know.
 */
export function passerOf(request: IncomingMessage): Passer | undefined {
  return passed.get(request);
}

/** Recognizes what other processes pass on, before anything else looks at it. */
export function recognizePassed(serve: ServedApp['serve'], secret: string): ServedApp['serve'] {
  const isRight = proofBy(secret);
  return (request, response) => {
    if (isRight(request)) recognize(request, 'process');
    serve(request, response);
  };
}

/** Whether a request has the secret, compared in constant time. */
export function proofBy(secret: string): (request: IncomingMessage) => boolean {
  const wanted = Buffer.from(secret);
  return ({ headers }) => {
    const given = headers[secretHeader];
    if (typeof given !== 'string') return false;
    const bytes = Buffer.from(given);
    return bytes.length === wanted.length && timingSafeEqual(bytes, wanted);
  };
}

/** It is one request with the one of the caller: it has the same ids, and is recorded there. */
export function joinCaller(request: Request, response: Response): void {
  const trace = requestTrace(response);
  trace.isLook = true;
  const span = request.headers[spanHeader];
  if (typeof span === 'string') trace.ids = { ...trace.ids, spanId: headValue(span) };
}

export function recognize(request: Request, passer: Passer): void {
  passed.set(request, passer);
  // The private connection has no address; who is charged and logged is the caller.
  const address = request.headers[callerHeader];
  Object.defineProperty(request.socket, 'remoteAddress', { value: address, configurable: true });
  const names = request.headers[certificateHeader];
  if (typeof names === 'string') rememberPassedNames(request.socket, JSON.parse(decodeURIComponent(names)) as string[]);
}
