import type { IncomingHttpHeaders } from 'node:http2';
import { promisify } from 'node:util';
import { deflate, gzip } from 'node:zlib';
import type { Config } from '../../config.ts';
import { packingOfAnswer } from './call-headers.ts';
import { prefixBytes, type WrittenMessage } from './write-infer-message.ts';

const packers = { gzip: promisify(gzip), deflate: promisify(deflate) };

/** The message packed, for who sent packed ones and takes them; undefined: it stays as it is. */
export function packedMessage(
  { pieces, size }: WrittenMessage,
  headers: IncomingHttpHeaders,
  { compressBytesMin }: Pick<Config, 'compressBytesMin'>,
): Promise<WrittenMessage> | undefined {
  if (size < compressBytesMin) return undefined;
  const packing = packingOfAnswer(headers);
  if (packing === undefined) return undefined;
  const bytes = Buffer.concat(pieces, size).subarray(prefixBytes);
  return packers[packing](bytes, { level: 1 }).then((packed) => {
    const prefix = Buffer.allocUnsafe(prefixBytes);
    prefix[0] = 1;
    prefix.writeUInt32BE(packed.length, 1);
    return { pieces: [prefix, packed], size: prefixBytes + packed.length, packing };
  });
}
