import type { Server } from 'node:http';
import type { Config } from '../../config.ts';
import { serviceLimits } from '../../http/http-limits.ts';
import { createHttpServer } from '../../http/http-server.ts';
import { logOrSum } from '../../http/log-or-sum.ts';
import { proofBy, recognize } from '../../http/passed-request.ts';
import type { UnreadMetrics } from '../../http/report-unread.ts';
import type { BesidePort } from '../../http/serve-http.ts';
import type { ServedApp } from '../../http/served-app.ts';
import type { ServerTls } from '../../http/tls/server-tls.ts';
import type { Lifecycle } from '../../lifecycle.ts';
import { attribute } from '../../telemetry/names/names.ts';
import type { Replicas } from './replicas.ts';

type Parts = {
  readonly config: Config;
  readonly lifecycle: Lifecycle;
  readonly app: ServedApp;
  readonly metrics: UnreadMetrics;
  readonly tls: ServerTls;
  readonly replicas: Replicas;
};

/** What one replica asks of another. */
const questions = /^\/v1\/(?:requests|blame)(?:[/?]|$)/;

/** The port on which other replicas ask, without its address. */
export function replicaServer(of: Parts): Omit<BesidePort, 'open'> {
  const { config, lifecycle, app, metrics, replicas } = of;
  const tls = replicas.files ? of.tls.with(replicas.files, { clientCertificates: true }) : of.tls.plain;
  const served = { ...app, serve: serveReplicas(app.serve, replicas) };
  const server: Server = createHttpServer(serviceLimits(config), lifecycle, served, metrics, tls);
  return {
    title: 'other replicas',
    server,
    close: () => new Promise((resolve) => server.close(() => resolve())),
    cut: () => server.closeAllConnections(),
  };
}

/** A replica passes on what a caller asked, with the caller's key. Nobody else is served. */
function serveReplicas(serve: ServedApp['serve'], { secret }: Replicas): ServedApp['serve'] {
  // Without a secret the handshake has let in replicas only.
  const isReplica = secret === undefined ? () => true : proofBy(secret);
  return (request, response) => {
    if (request.method === 'GET' && questions.test(request.url) && isReplica(request)) {
      recognize(request, 'replica');
      serve(request, response);
      return;
    }
    const address = request.socket.remoteAddress ?? 'unknown';
    logOrSum(
      'Cannot take the request: the port of VITRINE_REPLICA_PORT answers other replicas only; use the port of VITRINE_PORT.',
      { event_type: 'connection_refused', [attribute.errorType]: 'forbidden', [attribute.clientAddress]: address },
      address,
    );
    response.writeHead(403, { Connection: 'close' }).end();
  };
}
