import { readdirSync, readlinkSync } from 'node:fs';
import { procTextNow } from '../../proc.ts';

/** A file of /proc costs 7 µs to read: what is not read at once is charged to the next batch. */
const poolReadMsMin = 10;

/**
 * The CPU time that a lane takes, from one batch to the next: of its own thread, with the carrying
 * of tensors in and out, and of the threads that ONNX Runtime started from it. Those inherit the
 * name of the thread that starts them, which is how they are found; a lane that is a thread has a
 * name of its own.
 */
export class LaneCpu {
  readonly #pool: readonly string[];
  #ownMs = ownMs();
  #poolMs = 0;
  #poolReadAt = 0;

  /** Once the session is open and warm: its threads are there then. */
  constructor({ hasPool }: { hasPool: boolean }) {
    this.#pool = hasPool ? poolThreads() : [];
    this.#poolMs = this.#readPool();
  }

  /** Milliseconds since it was asked last. */
  take(): number {
    const before = this.#ownMs + this.#poolMs;
    this.#ownMs = ownMs();
    const now = performance.now();
    if (this.#pool.length > 0 && now - this.#poolReadAt >= poolReadMsMin) {
      this.#poolReadAt = now;
      // A thread that has gone takes its time along: no batch is charged for less than nothing.
      this.#poolMs = Math.max(this.#poolMs, this.#readPool());
    }
    return this.#ownMs + this.#poolMs - before;
  }

  #readPool(): number {
    let ns = 0;
    for (const file of this.#pool) ns += Number(procTextNow(file)?.split(' ')[0] ?? 0);
    return ns / 1e6;
  }
}

function ownMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * The files that say what the threads of ONNX Runtime have had; none where the system has no /proc.
 */
function poolThreads(): string[] {
  const own = procTextNow('/proc/thread-self/comm');
  if (own === undefined) return [];
  const ownId = readlinkSync('/proc/thread-self').split('/').at(-1);
  return readdirSync('/proc/self/task')
    .filter((id) => id !== ownId && procTextNow(`/proc/self/task/${id}/comm`) === own)
    .map((id) => `/proc/self/task/${id}/schedstat`);
}
