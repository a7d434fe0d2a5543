import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { ifThere, ifThereNow } from './if-there.ts';

// Files of /proc and /sys. Not every system has them, not each may be read, and processes and
// threads end meanwhile: then they are undefined.

const unreadable = ['EACCES', 'EPERM', 'ENOTDIR', 'ESRCH'];

export function procText(file: string): Promise<string | undefined> {
  return ifThere(readFile(file, 'utf8'), unreadable);
}

/** For a few bytes that are wanted at once. */
export function procTextNow(file: string): string | undefined {
  return ifThereNow(() => readFileSync(file, 'utf8'), unreadable);
}

export function procNames(folder: string): Promise<string[] | undefined> {
  return ifThere(readdir(folder), unreadable);
}

export function procNamesNow(folder: string): string[] | undefined {
  return ifThereNow(() => readdirSync(folder), unreadable);
}

/** The number behind a name that begins a line: `VmRSS:   1024 kB`. */
export function procField(text: string | undefined, name: string): number | undefined {
  const line = text?.split('\n').find((each) => each.split(/\s+/, 1)[0] === name);
  const value = Number.parseInt(line?.split(/\s+/)[1] ?? '', 10);
  return Number.isNaN(value) ? undefined : value;
}

/**
 * The memory that a process holds; 0 for a process that has just ended, and where there is no
 * /proc.
 */
export function residentBytes(processId: number): number {
  return (procField(procTextNow(`/proc/${processId}/status`), 'VmRSS:') ?? 0) * 1024;
}
