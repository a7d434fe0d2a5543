import { readdirSync, readFileSync } from 'node:fs';
import type { LeftProcess } from './report.ts';

/** The running processes below `pid`, found by their parents; none where there is no /proc. */
export function descendantsOf(pid: number): LeftProcess[] {
  if (process.platform !== 'linux') return [];
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? readProcess(Number(name)) : []));
  const found: LeftProcess[] = [];
  const parents = [pid];
  for (let parent = parents.pop(); parent !== undefined; parent = parents.pop())
    for (const { parent: of, ...child } of all)
      if (of === parent) {
        found.push(child);
        parents.push(child.pid);
      }
  return found;
}

// Fields 3, 4 and 22 of /proc/<pid>/stat: state, parent and start. Field 2 may hold brackets.
function readProcess(pid: number): (LeftProcess & { parent: number })[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return [];
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return [{ pid, parent: Number(fields[1]), startedAt: fields[19] ?? '', command }];
  } catch {
    return []; // It has ended meanwhile.
  }
}
