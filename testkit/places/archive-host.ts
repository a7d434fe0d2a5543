import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { temporaryFolder } from '../temporary-folder.ts';
import { read, TestAuthority } from '../test-certificates.ts';

export type ArchiveHost = AsyncDisposable & {
  readonly url: string;
  /** What it has, by path. */
  readonly files: Map<string, Buffer>;
  /** The requests that came: path, and range where one was asked for. */
  readonly asked: string[];
  /** Answers before the files do, where it returns true. */
  instead: (request: IncomingMessage, response: ServerResponse) => boolean;
};

/** A real HTTPS server on loopback, whose authority this process trusts until it is closed. */
export async function archiveHost(): Promise<ArchiveHost> {
  const folder = await temporaryFolder();
  const authority = await TestAuthority.in(join(folder.path, 'authority'));
  const trusted = getCACertificates('default');
  setDefaultCACertificates([(await authority.pem).toString()]);
  const files = new Map<string, Buffer>();
  const asked: string[] = [];
  const server = createServer(await read(await authority.issue('host')), (request, response) => {
    asked.push(`${request.url} ${request.headers.range ?? ''}`.trim());
    if (!host.instead(request, response)) answer(files, request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const host: ArchiveHost = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files,
    asked,
    instead: () => false,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      setDefaultCACertificates(trusted);
      await folder[Symbol.asyncDispose]();
    },
  };
  return host;
}

function answer(files: ReadonlyMap<string, Buffer>, request: IncomingMessage, response: ServerResponse): void {
  const whole = files.get(new URL(request.url ?? '/', 'https://host').pathname);
  if (!whole) {
    response.writeHead(404).end();
    return;
  }
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? Number.NaN);
  if (Number.isNaN(from)) {
    response.writeHead(200, { 'Content-Length': whole.length, 'Accept-Ranges': 'bytes' }).end(whole);
    return;
  }
  if (from >= whole.length) {
    response.writeHead(416, { 'Content-Range': `bytes */${whole.length}` }).end();
    return;
  }
  response
    .writeHead(206, {
      'Content-Length': whole.length - from,
      'Content-Range': `bytes ${from}-${whole.length - 1}/${whole.length}`,
    })
    .end(whole.subarray(from));
}
