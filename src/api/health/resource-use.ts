import { statfs } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { procField, procText } from '../../proc.ts';

export type MemoryUse = { usedPercent: number; usedBytes: number; limitBytes: number; of: 'container' | 'machine' };
export type DiskUse = { freePercent: number; freeBytes: number; totalBytes: number };
export type CpuUse = { usedPercent: number; cores: number; of: 'container' | 'machine' };

/**
 * The container's memory where it has a limit of its own, else the machine's. Page cache that can
 * be dropped does not count as used.
 */
export async function memoryUse(): Promise<MemoryUse> {
  const limitBytes = await wholeIn('/sys/fs/cgroup/memory.max');
  if (limitBytes !== undefined && limitBytes < totalmem()) {
    const current = (await wholeIn('/sys/fs/cgroup/memory.current')) ?? 0;
    const usedBytes = Math.max(0, current - ((await fieldOf('/sys/fs/cgroup/memory.stat', 'inactive_file')) ?? 0));
    return { usedPercent: percent(usedBytes, limitBytes), usedBytes, limitBytes, of: 'container' };
  }
  const oldLimit = await wholeIn('/sys/fs/cgroup/memory/memory.limit_in_bytes');
  if (oldLimit !== undefined && oldLimit < totalmem()) {
    const current = (await wholeIn('/sys/fs/cgroup/memory/memory.usage_in_bytes')) ?? 0;
    const inactive = (await fieldOf('/sys/fs/cgroup/memory/memory.stat', 'total_inactive_file')) ?? 0;
    const usedBytes = Math.max(0, current - inactive);
    return { usedPercent: percent(usedBytes, oldLimit), usedBytes, limitBytes: oldLimit, of: 'container' };
  }
  const availableKiB = await fieldOf('/proc/meminfo', 'MemAvailable:');
  const usedBytes = totalmem() - (availableKiB === undefined ? freemem() : availableKiB * 1024);
  return { usedPercent: percent(usedBytes, totalmem()), usedBytes, limitBytes: totalmem(), of: 'machine' };
}

/** The disk under a folder, as far as this user may fill it. */
export async function diskUse(folder: string): Promise<DiskUse> {
  const { bsize, blocks, bfree, bavail } = await statfs(folder);
  // What is reserved for the administrator is neither free nor ours to use.
  const totalBytes = (blocks - bfree + bavail) * bsize;
  return { freePercent: percent(bavail * bsize, totalBytes), freeBytes: bavail * bsize, totalBytes };
}

/** How busy the processors were between two looks. */
export class CpuMeter {
  #last: { at: number; usedUs: number } | undefined;

  /**
   * Of the container's share where it has one, else of the machine. The first look starts the
   * measurement and answers undefined.
   */
  async look(): Promise<CpuUse | undefined> {
    const share = await containerCores();
    const usedUs = (share && (await fieldOf('/sys/fs/cgroup/cpu.stat', 'usage_usec'))) ?? machineUsedUs();
    const now = { at: performance.now(), usedUs };
    const before = this.#last;
    this.#last = now;
    if (before === undefined || now.at - before.at < 1) return undefined;
    const cores = share ?? availableParallelism();
    const usedPercent = Math.min(100, percent(now.usedUs - before.usedUs, (now.at - before.at) * 1000 * cores));
    return { usedPercent, cores, of: share ? 'container' : 'machine' };
  }
}

/** cgroup v2's quota in processors; undefined without one. */
async function containerCores(): Promise<number | undefined> {
  const [quota, period] = ((await procText('/sys/fs/cgroup/cpu.max')) ?? '').split(/\s+/).map(Number);
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : undefined;
}

function machineUsedUs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) * 1000;
}

async function wholeIn(file: string): Promise<number | undefined> {
  const text = await procText(file);
  return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined;
}

async function fieldOf(file: string, field: string): Promise<number | undefined> {
  return procField(await procText(file), field);
}

function percent(part: number, whole: number): number {
  return whole > 0 ? Math.round((part / whole) * 1000) / 10 : 0;
}
