import { type Http2Server, performServerHandshake, type ServerOptions } from 'node:http2';
import type { Socket } from 'node:net';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { reportUnread, type UnreadMetrics } from '../../http/report-unread.ts';
import { onFirstByte } from '../../http/tls/first-byte.ts';
import { endWith, type RefuseConnection, refusalMs, type ServerTls } from '../../http/tls/server-tls.ts';
import { newIds } from '../../telemetry/ids.ts';
import { failureTrailers } from './failure-trailers.ts';
import { goAwayBytes } from './go-away-bytes.ts';

/** How HTTP/2 begins, so that whatever else speaks on the port is recognized. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/**
 * Answers each call of a connection that may not come in, since clients show their users the
 * failure of a call only.
 */
export function refuseConnection(options: ServerOptions, metrics: UnreadMetrics): RefuseConnection {
  return (socket, code, message) => {
    const { traceId } = newIds();
    reportUnread(metrics, code, traceId);
    const overtime = setTimeout(() => socket.destroy(), refusalMs).unref();
    socket.once('close', () => clearTimeout(overtime));
    if (code === 'wrong_protocol' && !startsPreface(socket)) {
      endWith(socket, goAwayBytes(message));
      return;
    }
    const session = performServerHandshake(socket, options);
    session.on('error', () => socket.destroy());
    session.on('stream', (stream) => {
      stream.on('error', () => socket.destroy());
      const trailers = failureTrailers(new ServiceError(code, message), traceId);
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...trailers }, { endStream: true });
      stream.resume();
      session.close();
    });
  };
}

/** Refuses who speaks TLS to a plain port, before Node takes its bytes for broken HTTP/2. */
export function refuseTls(
  server: Http2Server,
  { tls, config }: { tls: ServerTls; config: Config },
  refuse: RefuseConnection,
): void {
  const listeners = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const silent = setTimeout(() => socket.destroy(), config.headersMsMax).unref();
    socket.on('error', () => socket.destroy());
    socket.once('close', () => clearTimeout(silent));
    onFirstByte(socket, (spoken) => {
      clearTimeout(silent);
      if (spoken === 'tls')
        refuse(socket, 'wrong_protocol', tls.failures.report('tls_on_plain_port', socket.remoteAddress ?? 'unknown'));
      else for (const listener of listeners) listener.call(server, socket);
    });
  });
}

function startsPreface(socket: Socket): boolean {
  const waiting = socket.read() as Buffer | null;
  if (waiting === null) return false;
  socket.unshift(waiting);
  const length = Math.min(waiting.length, preface.length);
  return preface.subarray(0, length).equals(waiting.subarray(0, length));
}
