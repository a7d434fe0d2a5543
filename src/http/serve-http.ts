import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { recordedStack, ServiceError } from '../errors.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Telemetry } from '../running-telemetry.ts';
import { ours, say } from '../sentence.ts';
import { log, outliveTerminal } from '../telemetry/logger.ts';
import { reportDefect } from '../telemetry/report-defect.ts';
import { tuneHeap } from '../v8/tune-heap.ts';
import { version } from '../version.ts';
import { type ServerTls, schemeOf } from './tls/server-tls.ts';

/**
 * Runs the start of a process; what it cannot do is one sentence on the console and exit status 1.
 */
export async function startOrExplain(start: () => Promise<void>): Promise<void> {
  try {
    await start();
  } catch (error) {
    process.stderr.write(
      `${error instanceof ServiceError ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
    );
    process.exit(1);
  }
}

export type HttpProcess = {
  /** As a person reads it: "Vitrine", "The receiver". */
  title: string;
  config: Config;
  port: { value: number; setting: string };
  server: Server;
  tls: ServerTls;
  /** What to know of who may come in; said at the start. */
  portNote?: string | undefined;
  lifecycle: Lifecycle;
  telemetry: Telemetry;
  /** What has to be done before it takes work; `/live` answers meanwhile, `/ready` does not. */
  prepare?: () => Promise<void>;
  /** What is closed once the last request has its answer. */
  closeFirst?: () => Promise<void>;
  /** What is closed after the last telemetry has gone. */
  closeLast?: () => Promise<void>;
};

/**
 * The terminal, npm and the shell between each deliver the same Ctrl-C: what follows within this
 * time is no second wish.
 */
const sameWishMs = 2_000;

/**
 * Opens the port, and closes it in order on SIGTERM, SIGINT or a defect. A second signal, later,
 * ends the process at once.
 */
export async function serveHttp(of: HttpProcess): Promise<void> {
  const { title, config, lifecycle } = of;
  tuneHeap();
  outliveTerminal();
  const port = await listen(of);
  const notes = [of.tls.note, of.portNote].filter((note) => note !== undefined);
  log(
    'app',
    'info',
    [`${title} ${version} answers at ${schemeOf(of.tls)}://${config.bind}:${port}`, ...notes].join('; '),
    {
      event_type: 'service_start',
    },
  );

  const stop = once((reason: 'SIGTERM' | 'SIGINT' | 'a defect') => stopServing(of, reason));
  let askedAt: number | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      askedAt ??= performance.now();
      if (performance.now() - askedAt > sameWishMs) endAtOnce();
      else void stop(signal);
    });
  process.on('uncaughtException', (error) => {
    process.exitCode = 1;
    log('app', 'error', `A defect: ${recordedStack(error)}`, { event_type: 'uncaught_error' });
    void stop('a defect');
  });
  // One request's promise is one request's affair: the others, and the jobs, go on.
  process.on('unhandledRejection', (error) => reportDefect('promise', error));
  await of.prepare?.();
  lifecycle.becomeReady();
}

/** Answers the port it listens on, which is another than asked for when that was 0. */
function listen({ server, config, port }: HttpProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'EADDRINUSE'
          ? new ServiceError(
              'invalid_setting',
              say`Cannot listen on ${ours(config.bind)}:${port.value}: the port is taken; stop who has it or set ${ours(port.setting)}.`,
              { cause },
            )
          : cause,
      ),
    );
    server.listen(port.value, config.bind, () => resolve((server.address() as AddressInfo).port));
  });
}

/**
 * First /ready fails, then the port closes, requests in flight finish, and telemetry has the rest
 * of the time.
 */
async function stopServing(of: HttpProcess, reason: 'SIGTERM' | 'SIGINT' | 'a defect') {
  const { config, lifecycle, server, telemetry } = of;
  const endsAt = performance.now() + config.stopMsMax;
  lifecycle.beginStop({ byDefect: reason === 'a defect' });
  log('app', 'info', `Stopping: ${reason}`, { event_type: 'service_stop' });
  // The balancer has to see that /ready fails before the port closes.
  if (config.stopNoticeMs > 0) await pause(Math.min(config.stopNoticeMs, config.stopMsMax / 2));
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const overtime = setTimeout(() => server.closeAllConnections(), config.stopMsMax / 2);
  await closed;
  clearTimeout(overtime);
  // A run that does not end must not hold up the stop: telemetry keeps a share of the time.
  const isClosed = await within(Math.max(0, (endsAt - performance.now()) / 2), of.closeFirst?.());
  await telemetry.stop(Math.max(0, endsAt - performance.now()));
  await within(Math.max(0, endsAt - performance.now()), of.closeLast?.());
  if (isClosed) process.exit();
  endAtOnce();
}

/**
 * `process.exit` waits for threads, and one inside ONNX Runtime does not hear that it should end.
 */
function endAtOnce(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** Whether it was done in time. */
async function within(limitMs: number, work: Promise<void> | undefined): Promise<boolean> {
  const overtime = new AbortController();
  const late = pause(limitMs, false, { signal: overtime.signal }).catch(() => false);
  const isDone = await Promise.race([late, (work ?? Promise.resolve()).then(() => true)]);
  overtime.abort();
  return isDone;
}

function once<Argument>(act: (argument: Argument) => Promise<void>): (argument: Argument) => Promise<void> {
  let going: Promise<void> | undefined;
  return (argument) => {
    going ??= act(argument);
    return going;
  };
}
