import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type FuzzFigures, runFuzz } from './run-fuzz.ts';

// SIGTERM ends it after the thousand that are under way. npm run fuzz -- --count 1000000: bad
// inputs by the million. With --state FILE a run goes on where the last one ended.

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    count: { type: 'string', default: '1000000' },
    connections: { type: 'string', default: '24' },
    state: { type: 'string' },
  },
});

const seed = Number(values.seed);
const before = values.state === undefined ? undefined : await stateOf(values.state);
const from = before?.seed === seed ? before.next : Number(values.from);
console.log(`Seed ${seed}, inputs ${from} to ${from + Number(values.count)}`);
// Ended at once it would leave its service and receiver behind.
const ending = new AbortController();
process.once('SIGTERM', () => ending.abort());
const figures = await runFuzz({
  seed,
  from,
  count: Number(values.count),
  atOnce: Number(values.connections),
  signal: ending.signal,
  progress: (now) => {
    console.log(lineOf(now));
    if (values.state !== undefined) void writeFile(values.state, JSON.stringify({ seed, next: now.next }));
  },
});
const { memories: _rounds, ...rest } = figures;
console.log(JSON.stringify(rest, null, 2));
process.exitCode = figures.faults.length > 0 ? 1 : 0;

function lineOf({ next, memories, memoryMibPeak, longestHold, faults }: FuzzFigures): string {
  const memory = memories.at(-1);
  return `${next}: ${memory?.liveMib} MiB live, ${memory?.residentMib} resident, ${memoryMibPeak} at most; event loop held ${longestHold.ms} ms at most; ${faults.length} faults`;
}

async function stateOf(file: string): Promise<{ seed: number; next: number } | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as { seed: number; next: number };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
