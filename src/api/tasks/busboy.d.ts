// Until every checkout has run npm ci since @types/busboy came: then this file goes.
declare module 'busboy' {
  import type { IncomingHttpHeaders } from 'node:http';
  import type { Readable, Writable } from 'node:stream';

  type Limits = Partial<Record<'fields' | 'fieldSize' | 'fileSize' | 'files' | 'parts' | 'headerPairs', number>>;

  export interface Busboy extends Writable {
    on(event: 'field', listener: (name: string, value: string, info: { valueTruncated: boolean }) => void): this;
    on(event: 'file', listener: (name: string, stream: Readable, info: { filename: string }) => void): this;
    on(event: 'fieldsLimit' | 'filesLimit' | 'partsLimit' | 'close', listener: () => void): this;
    on(event: 'error', listener: (error: unknown) => void): this;
  }

  export default function busboy(options: { headers: IncomingHttpHeaders; limits: Limits }): Busboy;
}
