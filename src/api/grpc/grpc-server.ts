import { once } from 'node:events';
import {
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { TLSSocket } from 'node:tls';
import { ServiceError } from '../../errors.ts';
import { admitConnections, answerUnread } from '../../http/admit-connections.ts';
import type { UnreadMetrics } from '../../http/report-unread.ts';
import { rememberNames } from '../../http/tls/certificate-names.ts';
import type { ServerTls } from '../../http/tls/server-tls.ts';
import type { SharedBudget } from '../../resilience/shared-budget.ts';
import { say } from '../../sentence.ts';
import { ChurnList } from '../../v8/churn-list.ts';
import { goAwayBytes } from './go-away-bytes.ts';
import type { GrpcCall } from './grpc-call.ts';
import { refuseConnection, refuseTls } from './refuse-connection.ts';
import { type ServeParts, serveCalls } from './serve-call.ts';

export type GrpcServerParts = ServeParts & {
  readonly connections: SharedBudget;
  readonly metrics: UnreadMetrics;
  readonly tls: ServerTls;
};

/** A port for gRPC. */
export type GrpcServer = {
  readonly server: Http2Server | Http2SecureServer;
  /** No new connection and no new call; resolves when the last call has its answer. */
  close(): Promise<void>;
  /** Serves nobody any longer. */
  cut(): void;
};

/**
 * Node's HTTP/2 server with the limits of a server that strangers reach, and the calls of gRPC on
 * it.
 */
export function createGrpcServer(parts: GrpcServerParts): GrpcServer {
  const { config, tls } = parts;
  const server = http2Server(parts);
  admitConnections(
    server,
    parts.connections,
    ({ message }) => goAwayBytes(message),
    tls.on ? (socket, text) => tls.answer(socket, text, { http2: true }) : answerUnread,
  );
  const calls = new ChurnList<GrpcCall>();
  const connections = new Map<ServerHttp2Session, Connection>();
  const serve = serveCalls(parts);
  let isStopping = false;

  const sockets = openSockets(server);
  server.on('session', (session: ServerHttp2Session) => {
    // The address is asked of the system: once for each connection, not for each call.
    const connection = { remoteAddress: session.socket.remoteAddress, calls: 0 };
    connections.set(session, connection);
    if (tls.on) rememberNames(session.socket as TLSSocket, connection);
    session.once('close', () => connections.delete(session));
    session.once('remoteSettings', () => session.setLocalWindowSize(connectionWindowBytes));
    watchIdle(session, connection, config);
    if (isStopping) session.close();
  });
  server.on(
    'stream',
    (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
      const connection = connections.get(stream.session as ServerHttp2Session)!;
      const call = serve(stream, headers, rawHeaders, connection);
      calls.add(call);
      connection.calls += 1;
      stream.once('close', () => {
        calls.remove(call);
        connection.calls -= 1;
      });
    },
  );
  server.on('sessionError', (error: NodeJS.ErrnoException) => {
    // What broke off is no request; what is no HTTP/2 at all is counted as HTTP/1 counts it.
    if (error.code === 'ERR_HTTP2_ERROR') parts.metrics.answeredUnread('400', 'invalid_request');
  });
  const watch = setInterval(() => cutSlow(calls, config), Math.min(1000, config.bodyIdleMsMax / 4)).unref();
  server.once('close', () => clearInterval(watch));
  return {
    server,
    close: () => {
      isStopping = true;
      return closed(server, [...connections.keys()]);
    },
    cut: () => {
      for (const session of connections.keys()) session.destroy();
      // Those whose handshake has not ended have no session.
      for (const socket of sockets) socket.destroy();
    },
  };
}

function openSockets(server: GrpcServer['server']): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

function http2Server(parts: GrpcServerParts): Http2Server | Http2SecureServer {
  const { config, tls } = parts;
  const options: ServerOptions = {
    settings: {
      enablePush: false,
      maxConcurrentStreams: config.grpcStreamsMax,
      maxHeaderListSize: config.headerBytesMax,
      initialWindowSize: streamWindowBytes,
    },
    maxHeaderListPairs: headersMax,
    // What a connection holds beside the bodies, which have a budget.
    maxSessionMemory: sessionMemoryMb,
    // A client that opens and cancels calls without end loses its connection.
    streamResetBurst: Math.max(1000, 4 * config.grpcStreamsMax),
    streamResetRate: 100,
  };
  const refuse = refuseConnection(options, parts.metrics);
  if (tls.on) return tls.createHttp2(options, refuse);
  const server = createServer(options);
  refuseTls(server, parts, refuse);
  return server;
}

const headersMax = 128;
const sessionMemoryMb = 64;
const streamWindowBytes = 1024 * 1024;
const connectionWindowBytes = 8 * 1024 * 1024;

/**
 * Each client hears which of its calls is the last one taken. It tries later ones elsewhere, and has
 * the answers to the others before its connection closes.
 */
async function closed(server: GrpcServer['server'], sessions: readonly ServerHttp2Session[]): Promise<void> {
  // Connections that another process has accepted are not the server's own.
  const ended = sessions.map((session) => once(session, 'close'));
  const closing = new Promise<void>((resolve) => server.close(() => resolve()));
  await Promise.all([closing, ...ended]);
}

type Connection = { readonly remoteAddress: string | undefined; calls: number };

/**
 * A connection without a call is closed as HTTP's are. One whose peer is gone without a word is
 * found by a ping that stays without an answer.
 */
function watchIdle(session: ServerHttp2Session, connection: Connection, config: GrpcServerParts['config']): void {
  let isKnown = false;
  session.once('remoteSettings', () => {
    isKnown = true;
    session.setTimeout(config.keepAliveMs);
  });
  session.setTimeout(config.headersMsMax, () => {
    if (!isKnown) session.destroy();
    else if (connection.calls === 0) session.close();
    else askWhetherAlive(session, config.bodyIdleMsMax);
  });
}

function askWhetherAlive(session: ServerHttp2Session, waitMs: number): void {
  const overtime = setTimeout(() => session.destroy(), waitMs).unref();
  const answered = () => clearTimeout(overtime);
  if (!session.ping(answered)) answered();
}

function cutSlow(calls: ChurnList<GrpcCall>, { bodyIdleMsMax }: GrpcServerParts['config']): void {
  const now = performance.now();
  for (const call of calls) {
    if (now - call.progressAt <= bodyIdleMsMax) continue;
    if (call.waitsFor === 'reader') call.cut('answer_too_slow');
    else if (call.waitsFor === 'message')
      call.fail(
        new ServiceError(
          'body_too_slow',
          say`Cannot take the call: no message came for ${bodyIdleMsMax} ms; send it sooner, or raise VITRINE_BODY_IDLE_MS_MAX.`,
        ),
      );
  }
}
