import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { StackFailure } from '../../launcher/stack-failure.ts';

export const root = resolve(import.meta.dirname, '../..');

/** Files that one process of mocha runs, one after the other. */
export type Job = {
  readonly files: readonly string[];
  readonly seconds: number;
  readonly place: Place;
};

/**
 * `first`: its figures depend on time, so it begins early and has the processors before the others.
 * `alone`: nothing runs beside it, because it measures or needs the whole machine.
 */
export type Place = 'first' | 'beside' | 'alone';

/** Short files share a process up to this long: each process loads the service first. */
const sharedSecondsMax = 30;
const secondsUnknown = { quick: 0.5, slow: 5, stack: 30, ground: 300 };

export type Kind = keyof typeof secondsUnknown;

/** A line at the top of a file: `// first: why`, or `// alone: why`. */
const mark = /^\/\/ (first|alone): \S/m;

export function kindOf(file: string): Kind {
  const named = /\.(stack|slow|ground)\.test\.ts$/.exec(file)?.[1] as Kind | undefined;
  return named ?? 'quick';
}

/** Every file but the ground's, which `npm run test:ground` runs; with a kind, its files. */
export function testFiles(kind?: Kind): string[] {
  const files = globSync('test/**/*.test.ts', { cwd: root }).filter((file) =>
    kind === undefined ? kindOf(file) !== 'ground' : kindOf(file) === kind,
  );
  if (files.length === 0)
    throw new StackFailure('Cannot test: there are no test files under test/; check out the whole repository.');
  return files.sort();
}

/**
 * The jobs in their order: quick ones, those that go first, then the longest first, at the end those
 * that run alone.
 */
export function planSuite(
  files: readonly string[],
  { cores, durations = readDurations(), placeOf = readMark }: PlanOptions,
): Job[] {
  const secondsOf = (file: string) => durations[file] ?? secondsUnknown[kindOf(file)];
  const sorted = [...files].sort((a, b) => secondsOf(b) - secondsOf(a));
  const quick = sorted.filter((file) => kindOf(file) === 'quick');
  const others = sorted.filter((file) => kindOf(file) !== 'quick');
  const job = (group: readonly string[], place: Place = 'beside'): Job => ({
    files: group,
    seconds: group.reduce((sum, file) => sum + secondsOf(file), 0),
    place,
  });
  const fewest = (groups: string[][]) => groups.sort((a, b) => job(a).seconds - job(b).seconds)[0]!;
  // One more than there are processors: quick files wait at times, too.
  const quickGroups = Array.from({ length: Math.min(cores + 1, quick.length) }, (): string[] => []);
  for (const file of quick) fewest(quickGroups).push(file);
  const share = (place: Place) => {
    const groups: string[][] = [];
    for (const file of others.filter((one) => placeOf(one) === place)) {
      const group = groups.find((one) => job([...one, file]).seconds <= sharedSecondsMax);
      if (group === undefined) groups.push([file]);
      else group.push(file);
    }
    return groups.map((group) => job(group, place)).sort((a, b) => b.seconds - a.seconds);
  };
  return [
    ...quickGroups.map((group) => job(group.sort())).sort((a, b) => b.seconds - a.seconds),
    ...share('first'),
    ...share('beside'),
    ...share('alone'),
  ];
}

export type PlanOptions = {
  readonly cores: number;
  readonly durations?: Readonly<Record<string, number>>;
  readonly placeOf?: (file: string) => Place;
};

/** Seconds of each file, written by `vitrine test --record`; they decide the order of files. */
export const durationsPath = join(import.meta.dirname, 'durations.json');

export function readDurations(): Record<string, number> {
  return JSON.parse(readFileSync(durationsPath, 'utf8'));
}

function readMark(file: string): Place {
  const found = mark.exec(readFileSync(resolve(root, file), 'utf8'));
  return (found?.[1] as Place | undefined) ?? 'beside';
}
