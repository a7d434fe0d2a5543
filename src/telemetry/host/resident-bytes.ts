import { readFileSync } from 'node:fs';

/** The memory that a process holds; 0 for a process that has just ended, and where there is no /proc. */
export function residentBytes(processId: number): number {
  try {
    const kib = /^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${processId}/status`, 'utf8'))?.[1];
    return Number(kib ?? 0) * 1024;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ESRCH')
      return 0;
    throw error;
  }
}
