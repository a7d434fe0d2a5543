import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { ifThereNow } from './if-there.ts';
import { procTextNow } from './proc.ts';

/** What a clock remembers of its last look, in milliseconds. */
type Look = { readonly steadyMs: number; readonly wallMs: number; readonly uptimeMs: number; readonly boot: string };

/** Where the time of this machine is read: the tests put others in their place. */
export type TimeSources = {
  /** Since 1970, as somebody set it; it jumps. */
  wallMs(): number;
  /** Of this process; it only goes forward. */
  processMs(): number;
  /** Since the machine started, while it slept too; it only goes forward. */
  uptimeMs(): number;
  /** Names this start of the machine; empty where nothing does. */
  boot(): string;
};

/**
 * The time by which anything in a data folder grows old: milliseconds since 1970 as the first
 * process read them, and since then what has really passed. Somebody who sets the machine's clock,
 * forwards or backwards, neither ends what is kept nor holds up what waits. From one process to the
 * next it goes by the time since the machine started; only over a restart of the machine by the
 * clock on the wall, and never backwards.
 */
export class SteadyClock implements AsyncDisposable {
  readonly #file: string;
  readonly #sources: TimeSources;
  readonly #keeping: NodeJS.Timeout;
  #base: { steadyMs: number; processMs: number; uptimeMs: number };
  #wallAheadMs = 0;
  #writing: Promise<void> | undefined;

  private constructor(file: string, sources: TimeSources, steadyMs: number) {
    this.#file = file;
    this.#sources = sources;
    this.#base = { steadyMs, processMs: sources.processMs(), uptimeMs: sources.uptimeMs() };
    this.#keeping = setInterval(() => void this.keep(), keepEveryMs).unref();
  }

  /** The clock of a folder, which has to be there. */
  static open(folder: string, sources: TimeSources = ofThisMachine): SteadyClock {
    const file = join(folder, 'clock');
    const clock = new SteadyClock(file, sources, steadyNow(readLook(file), sources));
    void clock.keep();
    return clock;
  }

  /**
   * Milliseconds since 1970, on the whole; good for differences, and never less than it was before.
   */
  now(): number {
    return Math.round(this.#base.steadyMs + this.#sources.processMs() - this.#base.processMs);
  }

  /** When that will be, or was, by the clock on the wall: for people. */
  onWall(steadyMs: number): number {
    const aheadMs = this.#sources.wallMs() - this.now();
    // The same time reads the same twice, as long as nobody has set the clock.
    if (Math.abs(aheadMs - this.#wallAheadMs) > setMsMin) this.#wallAheadMs = aheadMs;
    return Math.round(steadyMs + this.#wallAheadMs);
  }

  /**
   * Remembers where the time stands. When that fails, the next start counts from the look before, so
   * nothing is lost by it.
   */
  keep(): Promise<void> {
    const { wallMs, uptimeMs, processMs, boot } = this.#sources;
    // A process does not count the time in which the machine sleeps.
    const passedMs = processMs() - this.#base.processMs;
    const sleptMs = uptimeMs() - this.#base.uptimeMs - passedMs;
    this.#base = {
      steadyMs: this.#base.steadyMs + passedMs + (sleptMs > sleepMsMin ? sleptMs : 0),
      processMs: this.#base.processMs + passedMs,
      uptimeMs: uptimeMs(),
    };
    const look: Look = { steadyMs: this.now(), wallMs: wallMs(), uptimeMs: uptimeMs(), boot: boot() };
    this.#writing ??= this.#write(JSON.stringify(look)).finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  /** Looks no more, and has written its last look: the folder may be another process's then. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#keeping);
    await this.#writing;
  }

  async #write(look: string): Promise<void> {
    const part = `${this.#file}.part`;
    try {
      await writeFile(part, look, { flush: true });
      await rename(part, this.#file);
    } catch {
      // As said above.
    }
  }
}

const keepEveryMs = 30_000;
/** Below that the two clocks of the machine only differ by how finely they count. */
const sleepMsMin = 1_000;
/** The error of a clock that is logged. */
const setMsMin = 1_000;

function steadyNow(look: Look | undefined, { wallMs, uptimeMs, boot }: TimeSources): number {
  if (!look) return wallMs();
  const sameBoot = look.boot !== '' && look.boot === boot() && uptimeMs() >= look.uptimeMs;
  return look.steadyMs + (sameBoot ? uptimeMs() - look.uptimeMs : Math.max(0, wallMs() - look.wallMs));
}

/**
 * Undefined where there is none, or none that can be understood: then the time begins with the
 * clock on the wall.
 */
function readLook(file: string): Look | undefined {
  const text = ifThereNow(() => readFileSync(file, 'utf8'));
  if (text === undefined) return undefined;
  try {
    const look = JSON.parse(text) as Partial<Look> | null;
    const { steadyMs, wallMs, uptimeMs, boot } = look ?? {};
    return [steadyMs, wallMs, uptimeMs].every(Number.isFinite) && typeof boot === 'string' ? (look as Look) : undefined;
  } catch {
    return undefined;
  }
}

const ofThisMachine: TimeSources = {
  wallMs: () => Date.now(),
  processMs: () => performance.now(),
  uptimeMs: () => uptime() * 1000,
  boot: () => procTextNow('/proc/sys/kernel/random/boot_id')?.trim() ?? '',
};
