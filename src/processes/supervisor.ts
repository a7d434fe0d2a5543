import type { Config } from '../config.ts';
import { pauseUnless } from '../resilience/pause-unless.ts';
import type { EventName } from '../telemetry/names/events.ts';
import type { FirstActs, Lease, LeaseWish } from './changes.ts';
import type { SeatFacts, Whole } from './messages.ts';
import { ServiceProcess } from './service-process.ts';
import { SharedChanges } from './shared-changes.ts';
import type { SharedPorts } from './shared-ports.ts';

/** Has the quotas of all clients, and leases parts of them to processes. */
export type LeasedQuotas = {
  lease(wish: LeaseWish, to: ServiceProcess, processes: readonly ServiceProcess[]): Promise<Lease>;
};

export type SupervisorConfig = Pick<
  Config,
  'stopMsMax' | 'stopNoticeMs' | 'processSilentMsMax' | 'modelLoadMsMax' | 'retryAttemptsMax'
>;

/** Connections that are in use learn by their next answer that they end. */
const leaveNoticeMs = 1_000;
const lookEveryMs = 1_000;
/** The terminal, npm and the shell between each deliver the same Ctrl-C. */
const sameWishMs = 2_000;
/** What a process may take beyond VITRINE_STOP_MS_MAX before it is killed. */
const overtimeMs = 5_000;

/**
 * Starts the processes, gives them connections, starts again the one that dies or hangs, and stops
 * them in order.
 */
export class Supervisor {
  readonly processes: readonly ServiceProcess[];
  readonly #config: SupervisorConfig;
  readonly #ports: SharedPorts;
  readonly #seat: Omit<SeatFacts, 'number' | 'restarts'>;
  readonly #changes: SharedChanges;
  readonly #quotas: LeasedQuotas;
  readonly #stopping = new AbortController();
  readonly #over = Promise.withResolvers<number>();
  /** Since when each of them leaves. */
  readonly #leaving = new Map<ServiceProcess, number>();
  readonly #served = new Set<ServiceProcess>();
  #wasReady = false;
  #stopAskedAt: number | undefined;
  #restarting: Promise<void> | undefined;
  #restartAgain = false;
  #looking: NodeJS.Timeout | undefined;
  #saying = false;

  constructor(of: {
    config: SupervisorConfig;
    ports: SharedPorts;
    seat: Omit<SeatFacts, 'number' | 'restarts'>;
    quotas: LeasedQuotas;
  }) {
    this.#quotas = of.quotas;
    this.#config = of.config;
    this.#ports = of.ports;
    this.#seat = of.seat;
    const listener = {
      changed: (process: ServiceProcess) => this.#changed(process),
      accepted: (id: number) => this.#ports.accepted(id),
      refused: (id: number) => this.#ports.refused(id),
      acts: (process: ServiceProcess) => this.#actsFor(process),
      ended: (process: ServiceProcess, how: string, code: number | null) => this.#ended(process, how, code),
    };
    const { modelLoadMsMax, retryAttemptsMax } = of.config;
    // Versions may be loaded one after the other.
    const loadMsMax = 2 * modelLoadMsMax * retryAttemptsMax;
    this.#changes = new SharedChanges(() => this.processes, { loadMsMax });
    this.processes = Array.from({ length: of.seat.count }, (_, at) => new ServiceProcess(at + 1, listener));
  }

  /** Resolves with the exit status once all processes have ended. */
  run(): Promise<number> {
    this.#looking = setInterval(() => this.#look(), lookEveryMs);
    // The first alone: what is wrong with a setting is said once.
    this.processes[0]!.start(this.#seat);
    return this.#over.promise;
  }

  /** A second wish, later, ends all at once. */
  stop(signal: 'SIGTERM' | 'SIGINT'): void {
    const now = performance.now();
    this.#stopAskedAt ??= now;
    const isFirst = !this.#stopping.signal.aborted;
    if (!isFirst && now - this.#stopAskedAt <= sameWishMs) return;
    this.#stopping.abort();
    this.#sayWhole();
    for (const process of this.processes) process.kill(isFirst ? signal : 'SIGKILL');
    this.#endIfAllHave(0);
  }

  /** One process after the other, each only when the one before is ready again. */
  restartAll(): void {
    if (this.#restarting) {
      this.#restartAgain = true;
      return;
    }
    this.#restarting = this.#restartEach().finally(() => {
      this.#restarting = undefined;
      if (!this.#restartAgain) return;
      this.#restartAgain = false;
      this.restartAll();
    });
  }

  async #restartEach(): Promise<void> {
    this.#log('processes_restart', `All ${this.processes.length} processes are restarted, one after the other.`);
    // Without models none of them takes work, before as after.
    const wasFit = this.#whole.ready;
    const serves = ({ state, standing }: ServiceProcess) => state === 'ready' && (standing.fit || !wasFit);
    for (const process of this.processes) {
      await this.#until(() => this.processes.some((other) => other !== process && serves(other)));
      if (this.#stopping.signal.aborted) return;
      const { restarts } = process;
      this.#leave(process);
      await this.#until(() => process.restarts > restarts && serves(process));
    }
    if (!this.#stopping.signal.aborted)
      this.#log('processes_restarted', `All ${this.processes.length} processes were restarted.`);
  }

  #actsFor(process: ServiceProcess): FirstActs {
    return {
      change: (change) => this.#changes.change(change),
      state: () => this.#changes.state(process),
      enter: async () => {
        await this.#changes.enter(process);
        this.#shareOut();
      },
      lease: (wish) => this.#quotas.lease(wish, process, this.processes),
    };
  }

  /**
   * Callers keep their connections: some of them have to come again, or the new process stays idle.
   */
  #shareOut(): void {
    const ready = this.processes.filter(({ state }) => state === 'ready');
    const fair = Math.ceil(ready.reduce((sum, { connections }) => sum + connections, 0) / ready.length);
    for (const process of ready) {
      const connections = process.connections - fair;
      if (connections > 0) process.send({ kind: 'shed', connections });
    }
  }

  #leave(process: ServiceProcess): void {
    if (process.state === 'starting') process.kill('SIGTERM');
    else process.leave(Math.max(leaveNoticeMs, this.#config.stopNoticeMs));
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo() && (await pauseUnless(this.#stopping.signal, 50)));
  }

  #changed(process: ServiceProcess): void {
    const { state } = process;
    if (state === 'leaving') this.#leaving.set(process, performance.now());
    else this.#leaving.delete(process);
    if (state === 'serving' && !this.#served.has(process)) {
      this.#served.add(process);
      if (process.number === 1) for (const other of this.processes.slice(1)) other.start(this.#seat);
    }
    if (this.processes.every((one) => one.state === 'ready')) this.#wasReady = true;
    this.#ports.placeWaiting();
    if (this.#stopping.signal.aborted && this.processes.every(takesNothing)) void this.#ports[Symbol.asyncDispose]();
    this.#sayWhole();
  }

  #ended(process: ServiceProcess, how: string, code: number | null): void {
    this.#ports.ended(process);
    const hasServed = this.#served.has(this.processes[0]!);
    // One that never served has said why it cannot start; the others would say the same.
    if (!hasServed) this.#stopping.abort();
    if (this.#stopping.signal.aborted) {
      this.#endIfAllHave(hasServed ? 0 : (code ?? 1));
      return;
    }
    const waitMs = process.backOffMs(code === 0);
    const when = waitMs === 0 ? 'now' : `in ${waitMs / 1000} s`;
    this.#log('process_ended', `Process ${process.number} ${how}; it is started again ${when}.`);
    setTimeout(() => {
      if (!this.#stopping.signal.aborted) process.start(this.#seat);
    }, waitMs);
  }

  #endIfAllHave(code: number): void {
    if (!this.processes.every(({ state }) => state === 'down')) return;
    clearInterval(this.#looking);
    void this.#ports[Symbol.asyncDispose]();
    this.#over.resolve(code);
  }

  #look(): void {
    const { stopMsMax, stopNoticeMs, processSilentMsMax } = this.#config;
    const leaveMsMax = stopMsMax + Math.max(stopNoticeMs, leaveNoticeMs) + overtimeMs;
    const now = performance.now();
    for (const [process, since] of this.#leaving) if (now - since > leaveMsMax) process.kill('SIGKILL');
    for (const process of this.processes) {
      if (process.silentMs > processSilentMsMax) {
        this.#log(
          'process_silent',
          `Process ${process.number} has stood still for ${processSilentMsMax} ms and is killed.`,
        );
        process.kill('SIGKILL');
      } else if (process.beat?.healthy === false && process.state !== 'leaving') {
        this.#log('process_stuck', `Threads of process ${process.number} are stuck in a run; it is replaced.`);
        this.#leave(process);
      }
    }
    this.#sayWhole();
  }

  get #whole(): Whole {
    const processes = this.processes.map(({ standing }) => standing);
    const stopping = this.#stopping.signal.aborted;
    return {
      stopping,
      ready: this.#wasReady && !stopping && processes.some(({ fit }) => fit),
      processes,
      jobs: this.processes[0]!.beat?.jobs,
    };
  }

  /** Once for all changes of a turn. */
  #sayWhole(): void {
    if (this.#saying) return;
    this.#saying = true;
    setImmediate(() => {
      this.#saying = false;
      const whole = this.#whole;
      for (const process of this.processes) process.send({ kind: 'whole', whole });
    });
  }

  /** This process has no telemetry: another one logs for it. */
  #log(event: EventName, sentence: string): void {
    const logger = this.processes.find(({ state }) => state === 'ready' || state === 'serving');
    if (logger) logger.send({ kind: 'log', event, sentence });
    else process.stderr.write(`${sentence}\n`);
  }
}

function takesNothing({ state }: ServiceProcess): boolean {
  return state === 'leaving' || state === 'down';
}
