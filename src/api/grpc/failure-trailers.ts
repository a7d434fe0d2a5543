import type { OutgoingHttpHeaders } from 'node:http2';
import { failures, grpcStatuses, grpcStatusOf, type ServiceError } from '../../errors.ts';
import { Codec } from './protocol/codec.ts';
import { many, map, one, type ProtoFile } from './protocol/message-table.ts';

/** google.rpc.Status and two of the details that clients of all languages read from it. */
const statusFile = {
  name: 'google/rpc/status.proto',
  package: 'google.rpc',
  messages: {
    Status: { code: one(1, 'int32'), message: one(2, 'string'), details: many(3, 'Any') },
    Any: { type_url: one(1, 'string'), value: one(2, 'bytes') },
    ErrorInfo: { reason: one(1, 'string'), domain: one(2, 'string'), metadata: map(3, 'string') },
    RetryInfo: { retry_delay: one(1, 'Duration') },
    Duration: { seconds: one(1, 'int64'), nanos: one(2, 'int32') },
  },
  enums: {},
  services: {},
} as const satisfies ProtoFile;

const codec = new Codec(statusFile);

export const okTrailers: OutgoingHttpHeaders = { 'grpc-status': grpcStatuses.OK };

/** How a failed call ends: its status, its sentence, and the failure's code with the trace's id. */
export function failureTrailers(error: ServiceError, traceId: string): OutgoingHttpHeaders {
  const code = grpcStatuses[grpcStatusOf(error.code)];
  const message = error.message.slice(0, messageCharsMax);
  return {
    'grpc-status': code,
    'grpc-message': percentEncoded(message),
    'grpc-status-details-bin': codec
      .encode('Status', { code, message, details: detailsOf(error, traceId) })
      .toString('base64'),
  };
}

/** Trailers are headers, which clients take 8 KiB of. */
const messageCharsMax = 1000;

function detailsOf({ code, retryAfterMs }: ServiceError, traceId: string): object[] {
  const { retryable, status } = failures[code];
  const info = {
    reason: code,
    domain: 'vitrine',
    metadata: new Map([
      ['trace_id', traceId],
      ['http_status', String(status)],
      ['retryable', String(retryable)],
    ]),
  };
  const details = [any('ErrorInfo', info)];
  if (retryAfterMs !== undefined) {
    const seconds = Math.floor(retryAfterMs / 1000);
    const nanos = Math.round((retryAfterMs - seconds * 1000) * 1e6);
    details.push(any('RetryInfo', { retry_delay: { seconds, nanos } }));
  }
  return details;
}

function any(type: 'ErrorInfo' | 'RetryInfo', value: { readonly [field: string]: unknown }): object {
  return { type_url: `type.googleapis.com/google.rpc.${type}`, value: codec.encode(type, value) };
}

/** As gRPC wants it: UTF-8, of which only printable ASCII but % stays as it is. */
function percentEncoded(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text.toWellFormed()))
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return encoded;
}
