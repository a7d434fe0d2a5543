import type { IncomingMessage } from 'node:http';
import { createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { ServiceError } from '../errors.ts';
import type { SharedBudget } from '../resilience/shared-budget.ts';
import { ours, say } from '../sentence.ts';
import { type Body, joined, tooLarge } from './body.ts';
import type { RaisedBy } from './http-limits.ts';

export type Packing = 'gzip' | 'deflate';

/** How the body is packed; undefined: not at all. */
export function packingOf(request: IncomingMessage): Packing | undefined {
  const given = request.headers['content-encoding'];
  if (given === undefined) return undefined;
  switch (given.trim().toLowerCase()) {
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return 'gzip';
    case 'deflate':
      return 'deflate';
    default:
      throw new ServiceError(
        'encoding_not_supported',
        say`Cannot read the body: its Content-Encoding is neither gzip nor deflate; send it so, or as it is.`,
      );
  }
}

/**
 * Unpacks piece by piece, so that a small body that unpacks to a huge one is stopped at the limit
 * and not after it.
 */
export async function inflateBody(
  packed: Buffer,
  packing: Packing,
  of: { bodyBytesMax: number; alignAt: number; client: string; budget: SharedBudget; raisedBy: RaisedBy },
): Promise<Body> {
  const { bodyBytesMax, alignAt, client, budget } = of;
  const stream = unpacker(packed, packing);
  const chunks: Buffer[] = [];
  let size = 0;
  let taken = 0;
  try {
    stream.end(packed);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (size + chunk.length > bodyBytesMax)
        throw tooLarge(`more than ${bodyBytesMax} bytes unpacked`, bodyBytesMax, of.raisedBy);
      budget.take(client, chunk.length);
      taken += chunk.length;
      size += chunk.length;
      chunks.push(chunk);
    }
  } catch (cause) {
    budget.giveBack(client, taken);
    if (cause instanceof ServiceError) throw cause;
    throw new ServiceError(
      'invalid_body',
      say`Cannot read the body: it is no valid ${ours(packing)} (${zlibReason(cause)}); correct it or its Content-Encoding.`,
      { cause },
    );
  }
  const bytes = await joined(chunks, size, alignAt);
  return { bytes, isAlone: true, release: () => budget.giveBack(client, taken) };
}

function unpacker(packed: Buffer, packing: Packing) {
  const options = { chunkSize: 64 * 1024 };
  if (packing === 'gzip') return createGunzip(options);
  // "deflate" means zlib's format, but some send it without the envelope: two bytes decide.
  const envelope = packed.length >= 2 && (packed[0]! & 0x0f) === 8 && packed.readUInt16BE(0) % 31 === 0;
  return envelope ? createInflate(options) : createInflateRaw(options);
}

function zlibReason(cause: unknown): string {
  return cause instanceof Error ? cause.message : 'unknown reason';
}
