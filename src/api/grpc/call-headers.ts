import type { IncomingHttpHeaders } from 'node:http2';
import { ServiceError } from '../../errors.ts';
import type { Packing } from '../../http/inflate-body.ts';
import { say } from '../../sentence.ts';

/** Milliseconds of one unit of grpc-timeout. */
const units: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** How long the caller waits, in milliseconds; undefined: as long as it takes. */
export function timeoutOf(headers: IncomingHttpHeaders): number | undefined {
  const given = headers['grpc-timeout'];
  if (given === undefined) return undefined;
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(given)) ?? [];
  if (digits === undefined || unit === undefined)
    throw new ServiceError(
      'invalid_request',
      say`Cannot take the call: its grpc-timeout is none; send up to 8 digits and one of H, M, S, m, u, n.`,
    );
  return Number(digits) * units[unit]!;
}

/** How the messages that say so are packed. */
export function packingOfCall(headers: IncomingHttpHeaders): Packing | undefined {
  const given = headers['grpc-encoding'];
  if (given === undefined || given === 'identity') return undefined;
  if (given === 'gzip' || given === 'deflate') return given;
  throw new ServiceError(
    'encoding_not_supported',
    say`Cannot read the message: its grpc-encoding is neither gzip nor deflate; send it so, or as it is.`,
  );
}

/** An answer is packed as the call was, if the caller takes that. */
export function packingOfAnswer(headers: IncomingHttpHeaders): Packing | undefined {
  const given = headers['grpc-encoding'];
  if (given !== 'gzip' && given !== 'deflate') return undefined;
  const accepted = String(headers['grpc-accept-encoding'] ?? '').split(',');
  return accepted.some((word) => word.trim() === given) ? given : undefined;
}
