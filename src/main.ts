import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp } from './app.ts';
import { type Config, readConfig } from './config.ts';
import { ServiceError } from './errors.ts';
import { Lifecycle } from './lifecycle.ts';
import { log } from './telemetry/logger.ts';
import { startTelemetry, type Telemetry } from './telemetry/start.ts';
import { version } from './version.ts';

// Start reads down, stop runs up: telemetry is first in and last out.

try {
  await serve(readConfig());
} catch (error) {
  process.stderr.write(
    `${error instanceof ServiceError ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exitCode = 1;
}

async function serve(config: Config): Promise<void> {
  const telemetry = await startTelemetry(config, { name: 'vitrine', folder: 'service' });
  const lifecycle = new Lifecycle();
  const server = createServer(createApp({ config, lifecycle, telemetry }));
  await listen(server, config);
  lifecycle.becomeReady();
  const { port } = server.address() as AddressInfo;
  log('app', 'info', `Vitrine ${version} answers at http://${config.bind}:${port}`, { event_type: 'service_start' });

  const stop = once((reason: string) => stopServing({ config, lifecycle, server, telemetry, reason }));
  process.on('SIGTERM', () => (lifecycle.state === 'stopping' ? process.exit(1) : void stop('SIGTERM')));
  process.on('SIGINT', () => (lifecycle.state === 'stopping' ? process.exit(1) : void stop('SIGINT')));
  process.on('uncaughtException', (error) => {
    process.exitCode = 1;
    log('app', 'error', `A defect: ${error.stack ?? error.message}`, { event_type: 'uncaught_error' });
    void stop('a defect');
  });
}

function listen(server: Server, config: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'EADDRINUSE'
          ? new ServiceError(
              'invalid_setting',
              `Cannot listen on ${config.bind}:${config.servicePort}: the port is taken; stop who has it or set VITRINE_PORT.`,
              { cause },
            )
          : cause,
      ),
    );
    server.listen(config.servicePort, config.bind, resolve);
  });
}

/** Ready goes first, then the door closes, requests in flight finish, and telemetry has what is left of the time. */
async function stopServing(parts: {
  config: Config;
  lifecycle: Lifecycle;
  server: Server;
  telemetry: Telemetry;
  reason: string;
}): Promise<void> {
  const { config, lifecycle, server, telemetry, reason } = parts;
  const endsAt = performance.now() + config.stopMsMax;
  lifecycle.beginStop();
  log('app', 'info', `Stopping: ${reason}`, { event_type: 'service_stop' });
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const overtime = setTimeout(() => server.closeAllConnections(), config.stopMsMax / 2);
  server.closeIdleConnections();
  await closed;
  clearTimeout(overtime);
  await telemetry.stop(Math.max(0, endsAt - performance.now()));
  process.exit();
}

function once<Argument>(act: (argument: Argument) => Promise<void>): (argument: Argument) => Promise<void> {
  let going: Promise<void> | undefined;
  return (argument) => {
    going ??= act(argument);
    return going;
  };
}
