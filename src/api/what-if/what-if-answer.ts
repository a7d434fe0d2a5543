import type { z } from 'zod';
import type { Manifest } from '../../engine/registry/manifest.ts';
import type { RecordedLoad } from '../../observe/what-if/recorded-load.ts';
import { changedManifest, type Served, type WhatIf } from '../../observe/what-if/what-if.ts';
import type { WhatIfChanges } from '../../observe/what-if/what-if-changes.ts';
import { isoTime, milliseconds } from '../requests/flight-answer.ts';
import type { whatIfAnswered } from './what-if-queries.ts';

type Answer = z.output<typeof whatIfAnswered>;

/** A replay that differs more from what was says so. */
const differsMin = 0.1;
/** Fewer say little about percentiles. */
const arrivalsFew = 100;

export function whatIfAnswer(
  load: Pick<RecordedLoad, 'from' | 'to'>,
  manifest: Manifest,
  changes: WhatIfChanges,
  found: WhatIf,
): Answer {
  const { batching, lanes, queue } = changedManifest(manifest, changes);
  return {
    model: manifest.name,
    version: manifest.version,
    from: isoTime(load.from),
    to: isoTime(load.to),
    was: servedAnswer(found.was),
    unchanged: servedAnswer(found.unchanged),
    changed: servedAnswer(found.changed),
    notes: notesOn(found),
    manifest: { batching: { ...batching }, lanes: { ...lanes }, queue: { ...queue } },
  };
}

function servedAnswer(of: Served): Answer['was'] {
  const { arrivals, answered, refused, expired, left, failed, batches } = of;
  return {
    ...{ arrivals, answered, refused, expired, left, failed },
    p50_ms: milliseconds(of.p50Ms),
    p95_ms: milliseconds(of.p95Ms),
    p99_ms: milliseconds(of.p99Ms),
    mean_ms: milliseconds(of.meanMs),
    max_ms: milliseconds(of.maxMs),
    queue_p50_ms: milliseconds(of.queueP50Ms),
    queue_p95_ms: milliseconds(of.queueP95Ms),
    batches,
    requests_each: milliseconds(of.requestsEach),
    utilisation: milliseconds(of.utilisation),
  };
}

function notesOn({ was, unchanged, changed, rowsBeyondRecords }: WhatIf): string[] {
  const notes: string[] = [];
  for (const [name, p] of [
    ['p50', 'p50Ms'],
    ['p95', 'p95Ms'],
  ] as const)
    if (Math.abs(unchanged[p] - was[p]) > differsMin * was[p])
      notes.push(
        `The replay with nothing changed has a ${name} of ${unchanged[p].toFixed(1)} ms where ${was[p].toFixed(1)} ms were recorded: trust the direction, not the figure.`,
      );
  if (was.arrivals < arrivalsFew) notes.push(`Only ${was.arrivals} arrivals are remembered of that time.`);
  if (rowsBeyondRecords > 0)
    notes.push(
      `No batch of ${rowsBeyondRecords} rows was recorded: its time is taken from the line through smaller ones.`,
    );
  if (unchanged.utilisation < 0.05 && changed.utilisation < 0.05)
    notes.push('The lanes were idle nearly all the time: waiting is not what these requests spend.');
  return notes;
}
