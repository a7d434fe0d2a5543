import { readdir, readFile, statfs } from 'node:fs/promises';
import { observableCounter, observableGauge, observeTogether } from '../meter/metrics.ts';

/** What the official instrumentations do not measure, or not cheaply: the process's files, threads and disk use, and, for one process of a machine, its disks and network. */
export function observeHost(dataFolder: string, isOneOfMachine: boolean): void {
  observableGauge('processUptime').addCallback((result) => result.observe(process.uptime()));
  observableGauge('processFiles').addCallback(async (result) => {
    const files = await orAbsent(readdir('/proc/self/fd'));
    if (files) result.observe(files.length);
  });
  observableGauge('processThreads').addCallback(async (result) => {
    const threads = fieldIn(await textOf('/proc/self/status'), 'Threads:');
    if (threads !== undefined) result.observe(threads);
  });
  observableCounter('processDisk').addCallback(async (result) => {
    const text = await textOf('/proc/self/io');
    for (const [field, direction] of [
      ['read_bytes:', 'read'],
      ['write_bytes:', 'write'],
    ] as const) {
      const bytes = fieldIn(text, field);
      if (bytes !== undefined) result.observe(bytes, { 'disk.io.direction': direction });
    }
  });
  if (!isOneOfMachine) return;
  observeDisks(dataFolder);
  observeNetwork();
}

function observeDisks(dataFolder: string): void {
  observableCounter('systemDisk').addCallback(async (result) => {
    for (const { device, readBytes, writtenBytes } of disksIn((await textOf('/proc/diskstats')) ?? '')) {
      result.observe(readBytes, { 'system.device': device, 'disk.io.direction': 'read' });
      result.observe(writtenBytes, { 'system.device': device, 'disk.io.direction': 'write' });
    }
  });
  observableGauge('dataDisk').addCallback(async (result) => {
    const { bsize, blocks, bfree, bavail } = await statfs(dataFolder);
    const states = { used: blocks - bfree, free: bavail, reserved: bfree - bavail };
    for (const [state, count] of Object.entries(states))
      result.observe(count * bsize, { 'system.filesystem.state': state });
  });
  observableGauge('dataDiskUtilization').addCallback(async (result) => {
    const { blocks, bfree, bavail } = await statfs(dataFolder);
    const used = blocks - bfree;
    if (used + bavail > 0) result.observe(used / (used + bavail));
  });
}

function observeNetwork(): void {
  const counters = {
    bytes: observableCounter('systemNetwork'),
    errors: observableCounter('systemNetworkErrors'),
    dropped: observableCounter('systemNetworkDropped'),
  };
  observeTogether(Object.values(counters), async (result) => {
    for (const { device, ...figures } of interfacesIn((await textOf('/proc/net/dev')) ?? ''))
      for (const figure of ['bytes', 'errors', 'dropped'] as const)
        for (const [direction, value] of Object.entries(figures[figure]))
          result.observe(counters[figure], value, { 'system.device': device, 'network.io.direction': direction });
  });
}

type Directions = { receive: number; transmit: number };
type Interface = { device: string; bytes: Directions; errors: Directions; dropped: Directions };

/** Neither loopback nor the machine's ends of the lines to its containers: what goes through those goes through a bridge or a card as well. */
export function interfacesIn(netDev: string): Interface[] {
  return netDev
    .split('\n')
    .map((line) => /^\s*([^:\s]+):\s*(.*)$/.exec(line))
    .filter((found) => found !== null)
    .filter(([, device = '']) => device !== 'lo' && !device.startsWith('veth'))
    .slice(0, interfacesMax)
    .map(([, device = '', numbers = '']) => {
      const columns = numbers.trim().split(/\s+/).map(Number);
      const both = (column: number) => ({ receive: columns[column] ?? 0, transmit: columns[column + 8] ?? 0 });
      return { device, bytes: both(0), errors: both(2), dropped: both(3) };
    });
}

const interfacesMax = 32;

/** Whole disks, not their partitions, and nothing that only lives in memory or in a file; sectors are 512 bytes whatever the disk says. */
export function disksIn(diskstats: string): { device: string; readBytes: number; writtenBytes: number }[] {
  return diskstats
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , device = '']) => /^(sd[a-z]+|vd[a-z]+|xvd[a-z]+|hd[a-z]+|nvme\d+n\d+|mmcblk\d+|dm-\d+)$/.test(device))
    .slice(0, disksMax)
    .map((fields) => ({
      device: fields[2] ?? '',
      readBytes: Number(fields[5]) * 512,
      writtenBytes: Number(fields[9]) * 512,
    }));
}

const disksMax = 32;

function fieldIn(text: string | undefined, name: string): number | undefined {
  const line = text?.split('\n').find((each) => each.startsWith(name));
  const value = Number.parseInt(line?.slice(name.length) ?? '', 10);
  return Number.isNaN(value) ? undefined : value;
}

function textOf(file: string): Promise<string | undefined> {
  return orAbsent(readFile(file, 'utf8'));
}

/** Undefined where the system has no such file, or does not let us read it. */
async function orAbsent<Content>(content: Promise<Content>): Promise<Content | undefined> {
  try {
    return await content;
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
