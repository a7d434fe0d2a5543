import { createHash } from 'node:crypto';

/**
 * Passes bytes on and holds back the last of them until all are known to be right: who gets a file
 * whole gets the right one. `wrong` makes the failure.
 */
export async function* verified(
  bytes: AsyncIterable<Uint8Array>,
  { sha256, sizeBytes }: { readonly sha256?: string | undefined; readonly sizeBytes: number },
  wrong: () => Error,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let size = 0;
  let held: Uint8Array | undefined;
  for await (const next of bytes) {
    if (held) yield held;
    held = next;
    size += next.length;
    hash.update(next);
  }
  if (size !== sizeBytes || (sha256 !== undefined && hash.digest('hex') !== sha256)) throw wrong();
  if (held) yield held;
}
