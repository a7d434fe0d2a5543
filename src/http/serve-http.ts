import type { Server } from 'node:http';
import type { Server as NetServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { recordedStack } from '../errors.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Telemetry } from '../running-telemetry.ts';
import { log, outliveTerminal } from '../telemetry/logger.ts';
import { reportDefect } from '../telemetry/report-defect.ts';
import { tuneHeap } from '../v8/tune-heap.ts';
import { version } from '../version.ts';
import type { Entrance } from './entrance.ts';
import { type ServerTls, schemeOf } from './tls/server-tls.ts';

export type HttpProcess = {
  /** As a person reads it: "Vitrine", "The receiver". */
  title: string;
  config: Config;
  entrance: Entrance;
  server: Server;
  tls: ServerTls;
  /** Other ports: for another protocol, or for other replicas. */
  besides?: readonly BesidePort[] | undefined;
  /** What to know of who may come in; said at the start. */
  portNote?: string | undefined;
  lifecycle: Lifecycle;
  telemetry: Telemetry;
  /** Another process that says when this one has to end, and how long after it serves on. */
  leaving?: { readonly signal: AbortSignal; noticeMs(): number } | undefined;
  /** What has to be done before it takes work; `/live` answers meanwhile, `/ready` does not. */
  prepare?: () => Promise<void>;
  /** What is closed once the last request has its answer. */
  closeFirst?: () => Promise<void>;
  /** What is closed after the last telemetry has gone. */
  closeLast?: () => Promise<void>;
};

export type BesidePort = {
  /** For the line at the start. */
  readonly title: string;
  readonly server: NetServer;
  /** Answers the port. */
  open(): Promise<number>;
  /** Takes nothing more; resolves when the last call has its answer. */
  close(): Promise<void>;
  /** Serves nobody any longer. */
  cut(): void;
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
  // First: where connections are given to this process, they come once its own port is open.
  const besideNotes: string[] = [];
  for (const beside of of.besides ?? []) besideNotes.push(`${beside.title} at ${config.bind}:${await beside.open()}`);
  const port = await of.entrance.open(of.server);
  const notes = [...besideNotes, of.tls.note, of.portNote].filter((note) => note !== undefined);
  log(
    'app',
    'info',
    [`${title} ${version} answers at ${schemeOf(of.tls)}://${config.bind}:${port}`, ...notes].join('; '),
    {
      event_type: 'service_start',
    },
  );

  const stop = once((reason: string) => stopServing(of, reason));
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
  const leave = () => void stop(String(of.leaving?.signal.reason));
  of.leaving?.signal.addEventListener('abort', leave);
  if (of.leaving?.signal.aborted) leave();
  await of.prepare?.();
  lifecycle.becomeReady();
}

/**
 * First /ready fails, then the port closes, requests in flight finish, and telemetry has the rest
 * of the time.
 */
async function stopServing(of: HttpProcess, reason: string) {
  const { config, lifecycle, server, telemetry, entrance } = of;
  const endsAt = performance.now() + config.stopMsMax;
  lifecycle.beginStop({ byDefect: reason === 'a defect' });
  log('app', 'info', `Stopping: ${reason}`, { event_type: 'service_stop' });
  // The balancer has to see that /ready fails before the port closes.
  const noticeMs = Math.max(config.stopNoticeMs, of.leaving?.noticeMs() ?? 0);
  if (noticeMs > 0) await pause(Math.min(noticeMs, config.stopMsMax / 2));
  const overtime = setTimeout(() => {
    entrance.cut(server);
    for (const beside of of.besides ?? []) beside.cut();
  }, config.stopMsMax / 2);
  await Promise.all([entrance.close(server), ...(of.besides ?? []).map((beside) => beside.close())]);
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
