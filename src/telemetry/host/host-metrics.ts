import { statfs } from 'node:fs/promises';
import { procField, procNames, procText } from '../../proc.ts';
import type { Meter } from '../meter.ts';

/**
 * What the official instrumentations do not measure, or not cheaply. `isOneOfMachine`: the
 * machine's disks and network too.
 */
export function observeHost(meter: Meter, dataFolder: string, isOneOfMachine: boolean): void {
  meter.gauge('processUptime', (observe) => observe(process.uptime()));
  meter.gauge('processFiles', async (observe) => {
    const files = await procNames('/proc/self/fd');
    if (files) observe(files.length);
  });
  meter.gauge('processThreads', async (observe) => {
    const threads = procField(await procText('/proc/self/status'), 'Threads:');
    if (threads !== undefined) observe(threads);
  });
  meter.observedCounter('processDisk', async (observe) => {
    const text = await procText('/proc/self/io');
    const [read, written] = [procField(text, 'read_bytes:'), procField(text, 'write_bytes:')];
    if (read !== undefined) observe(read, 'read');
    if (written !== undefined) observe(written, 'write');
  });
  if (!isOneOfMachine) return;
  observeDisks(meter, dataFolder);
  observeNetwork(meter);
}

function observeDisks(meter: Meter, dataFolder: string): void {
  meter.observedCounter('systemDisk', async (observe) => {
    for (const { device, readBytes, writtenBytes } of disksIn((await procText('/proc/diskstats')) ?? '')) {
      observe(readBytes, device, 'read');
      observe(writtenBytes, device, 'write');
    }
  });
  meter.observe(async (observe) => {
    const { bsize, blocks, bfree, bavail } = await statfs(dataFolder);
    const used = blocks - bfree;
    observe('dataDisk', used * bsize, 'used');
    observe('dataDisk', bavail * bsize, 'free');
    observe('dataDisk', (bfree - bavail) * bsize, 'reserved');
    if (used + bavail > 0) observe('dataDiskUtilization', used / (used + bavail));
  });
}

function observeNetwork(meter: Meter): void {
  const metrics = { bytes: 'systemNetwork', errors: 'systemNetworkErrors', dropped: 'systemNetworkDropped' } as const;
  meter.observe(async (observe) => {
    for (const { device, ...figures } of interfacesIn((await procText('/proc/net/dev')) ?? ''))
      for (const figure of ['bytes', 'errors', 'dropped'] as const)
        for (const [direction, value] of Object.entries(figures[figure]))
          observe(metrics[figure], value, device, direction);
  });
}

type Directions = { receive: number; transmit: number };
type Interface = { device: string; bytes: Directions; errors: Directions; dropped: Directions };

/**
 * Neither loopback nor the machine's ends of the lines to its containers: what goes through those
 * goes through a bridge or a card as well.
 */
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

/**
 * Whole disks, not their partitions, and nothing that only lives in memory or in a file; sectors
 * are 512 bytes whatever the disk says.
 */
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
