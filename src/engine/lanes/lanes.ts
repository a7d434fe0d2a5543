import { residentBytes } from '../../proc.ts';
import { pauseUnless } from '../../resilience/pause-unless.ts';
import { log } from '../../telemetry/logger.ts';
import { logLaneLine } from '../registry/onnx-messages.ts';
import type { AbandonedLanes } from './abandoned-lanes.ts';
import { Lane } from './lane.ts';
import type { SessionReport, SessionRequest } from './lane-messages.ts';
import type { RowProof } from './prove-rows.ts';

const reopenWaitMsFirst = 100;
const reopenWaitMsMax = 60_000;
const memoryEveryMs = 500;

/** The lanes of one model: as many as its manifest says, replaced when they are lost. */
export class Lanes {
  readonly #model: string;
  readonly #kind: 'thread' | 'process';
  readonly #request: SessionRequest;
  readonly #count: number;
  readonly #openMsMax: number;
  readonly #abandoned: AbandonedLanes;
  readonly #open = new Set<Lane>();
  readonly #idle: Lane[] = [];
  readonly #stopping = new AbortController();
  readonly #memoryBytesMax: number;
  #opening = 0;
  #abandonedNow = 0;
  #failure: string | undefined;
  #rowProof: RowProof | undefined;
  /** Called when a lane has become free other than by `giveBack`. */
  onFree: () => void = () => undefined;

  private constructor(options: LanesOptions) {
    this.#model = options.model;
    this.#kind = options.kind;
    this.#request = { ...options.request, rowTrial: undefined };
    this.#count = options.count;
    this.#openMsMax = options.openMsMax;
    this.#abandoned = options.abandoned;
    this.#memoryBytesMax = options.memoryBytesMax;
    if (this.#kind === 'thread' || this.#memoryBytesMax === 0) return;
    const watch = setInterval(() => this.#endTooLarge(), memoryEveryMs).unref();
    this.#stopping.signal.addEventListener('abort', () => clearInterval(watch), { once: true });
  }

  /** Resolves when all are open and warm; throws what the first that failed threw. */
  static async open(options: LanesOptions): Promise<Lanes> {
    const lanes = new Lanes(options);
    const opened = await Promise.allSettled(
      Array.from({ length: options.count }, (_, index) =>
        lanes.#openOne(index === 0 ? options.request : lanes.#request),
      ),
    );
    const failed = opened.find((result) => result.status === 'rejected');
    if (!failed) return lanes;
    await lanes.close();
    throw failed.reason;
  }

  /** What the newest lane said when it opened. */
  get report(): SessionReport {
    const newest = [...this.#open].at(-1);
    if (!newest) throw new Error(`Model ${this.#model} has no open lane`);
    return newest.report;
  }

  /** Whether rows may share a run, by the lane that was asked. */
  get rowProof(): RowProof | undefined {
    return this.#rowProof;
  }

  /** How many can run now or soon. */
  get count(): number {
    return this.#open.size;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  /** How many there are of each kind. */
  get states(): {
    readonly idle: number;
    readonly running: number;
    readonly opening: number;
    readonly abandoned: number;
  } {
    const idle = this.#idle.length;
    return { idle, running: this.#open.size - idle, opening: this.#opening, abandoned: this.#abandonedNow };
  }

  /** The process ids of lanes that are processes. */
  get processIds(): number[] {
    return [...this.#open].filter(({ kind }) => kind === 'process').map(processIdOf);
  }

  /** Why a lane that was lost could not be replaced yet; undefined when nothing is wrong. */
  get failure(): string | undefined {
    return this.#failure;
  }

  take(): Lane | undefined {
    return this.#idle.pop();
  }

  giveBack(lane: Lane): void {
    if (this.#open.has(lane) && lane.isIdle) this.#idle.push(lane);
  }

  /**
   * Nobody waits for its run any more and it does not end: it is killed or abandoned, and replaced
   * if it may be.
   */
  giveUp(lane: Lane): void {
    this.#open.delete(lane);
    if (lane.kind === 'thread') this.#abandon(lane);
    lane.giveUp();
    log('app', 'error', `A run of model ${this.#model} does not end: its lane is given up`, {
      event_type: 'lane_stuck',
      model: this.#model,
      lane: lane.name,
    });
    if (lane.kind === 'process' || this.#abandoned.mayReplace) void this.#replace();
  }

  /**
   * A run that takes the machine's memory would end what the kernel picks; so it ends itself alone.
   */
  #endTooLarge(): void {
    for (const lane of this.#open) {
      if (lane.isIdle) continue;
      const bytes = residentBytes(processIdOf(lane));
      if (bytes > this.#memoryBytesMax)
        lane.kill(
          `it took ${bytes} bytes of memory where VITRINE_LANE_MEMORY_BYTES_MAX is ${this.#memoryBytesMax}: send less at once, or raise that`,
        );
    }
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.#idle.length = 0;
    await Promise.all(
      [...this.#open].map((lane) => {
        if (lane.isIdle) return lane.close();
        // Its callers have all been answered; there is nothing to wait for.
        this.#open.delete(lane);
        if (lane.kind === 'thread') this.#abandoned.add(lane);
        lane.giveUp();
        return lane.kind === 'process' ? lane.ended : undefined;
      }),
    );
  }

  #abandon(lane: Lane): void {
    this.#abandoned.add(lane);
    this.#abandonedNow += 1;
  }

  async #openOne(request: SessionRequest): Promise<void> {
    this.#opening += 1;
    try {
      const lane = await Lane.open(this.#kind, request, {
        openMsMax: this.#openMsMax,
        onEnd: (ended, how) => this.#hasEnded(ended, how),
        onAbandoned: (overdue) => this.#abandon(overdue),
        onSaid: (speaker, line) => logLaneLine(this.#model, speaker.name, line),
      });
      if (this.#stopping.signal.aborted) return await lane.close();
      this.#rowProof ??= lane.report.rowProof;
      this.#open.add(lane);
      this.#idle.push(lane);
    } finally {
      this.#opening -= 1;
    }
  }

  #hasEnded(lane: Lane, how: string): void {
    const wasAbandoned = this.#abandoned.remove(lane);
    if (wasAbandoned) this.#abandonedNow -= 1;
    const wasOpen = this.#open.delete(lane);
    const at = this.#idle.indexOf(lane);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#stopping.signal.aborted) return;
    if (wasOpen) {
      log('app', 'error', `A lane of model ${this.#model} is lost: ${how}`, {
        event_type: 'lane_crashed',
        model: this.#model,
        lane: lane.name,
      });
    }
    if (wasOpen || wasAbandoned) void this.#replace();
  }

  async #replace(): Promise<void> {
    const { signal } = this.#stopping;
    for (let attempt = 0; this.#open.size + this.#opening < this.#count && !signal.aborted; attempt += 1) {
      try {
        await this.#openOne(this.#request);
        this.#failure = undefined;
        this.onFree();
      } catch (error) {
        this.#failure = (error as Error).message;
        log('app', 'error', `A lane of model ${this.#model} cannot be opened again: ${this.#failure}`, {
          event_type: 'lane_not_opened',
          model: this.#model,
        });
        await pauseUnless(signal, Math.min(reopenWaitMsMax, reopenWaitMsFirst * 2 ** attempt), { ref: false });
      }
    }
  }
}

function processIdOf({ name }: Lane): number {
  return Number(name.slice(name.indexOf('-') + 1));
}

export type LanesOptions = {
  readonly model: string;
  readonly kind: 'thread' | 'process';
  readonly count: number;
  readonly openMsMax: number;
  /** Of a process, during a run; 0: no limit. */
  readonly memoryBytesMax: number;
  readonly request: SessionRequest;
  readonly abandoned: AbandonedLanes;
};
