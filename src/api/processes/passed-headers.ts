import type { Request } from 'express';
import { callerHeader, certificateHeader, secretHeader, spanHeader } from '../../http/passed-request.ts';
import { certificateNames } from '../../http/tls/certificate-names.ts';
import { requestTrace } from '../../http/trace-request.ts';

/** They belong to one connection, not to the request (RFC 9110, 7.6.1). */
const ofConnection = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
];

export function isOfConnection(name: string): boolean {
  return ofConnection.includes(name.toLowerCase());
}

/**
 * The headers by which another process knows a request: its own, who asks, and that we pass it on.
 */
export function passedHeaders(request: Request, secret: string): Record<string, string | string[]> {
  const { ids, requestId } = requestTrace(request.res!);
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(request.headersDistinct))
    if (value && !isOfConnection(name)) headers[name] = value.length === 1 ? value[0]! : value;
  return {
    ...headers,
    [secretHeader]: secret,
    [callerHeader]: request.socket.remoteAddress ?? '',
    [certificateHeader]: encodeURIComponent(JSON.stringify(certificateNames(request.socket))),
    [spanHeader]: ids.spanId,
    host: request.headers.host ?? 'localhost',
    'x-request-id': requestId,
    traceparent: `00-${ids.traceId}-${ids.spanId}-00`,
  };
}
