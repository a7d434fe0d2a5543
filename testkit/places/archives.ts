import { createHash } from 'node:crypto';
import { createGzip } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

type Entry = Partial<Header> & { readonly name: string; readonly content?: Uint8Array };

/** A .tar.gz of these entries, whatever they are. */
export async function tarGzOf(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content = new Uint8Array(), ...header } of entries) archive.entry(header, Buffer.from(content));
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive.pipe(createGzip())) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export function sha256Of(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
