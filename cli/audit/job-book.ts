import type { LogLine } from './ask-stores.ts';
import { type Findings, type Hole, noFindings, timeOf } from './audit.ts';
import { type HoleCause, holeCauses } from './hole-causes.ts';

/** How a job that has no recorded end stands; undefined where the service knows no such job. */
export type JobAsked = (id: string) => Promise<string | undefined>;

const ended = new Set(['done', 'failed', 'cancelled']);

/**
 * Jobs that were accepted in this time, by the log of all replicas: each has ended once, or the
 * service says that it waits or runs.
 */
export async function jobBook(
  accepted: readonly LogLine[],
  ends: readonly LogLine[],
  ask: JobAsked,
): Promise<Findings> {
  const acceptedMs = new Map(accepted.map((line) => [jobOf(line), millisecondsOf(line)]));
  const endsOf = Map.groupBy(ends, jobOf);
  const holes: Hole[] = [];
  const standing = { waiting: 0, running: 0 };
  let unlogged = 0;
  for (const [id, atMs] of acceptedMs) {
    const times = new Set((endsOf.get(id) ?? []).map(({ atNs }) => atNs));
    if (times.size > 1) holes.push(hole(id, atMs, millisecondsOf(endsOf.get(id)!.at(-1)!), 'job_ended_twice'));
    if (times.size > 0) continue;
    const state = await ask(id);
    if (state === undefined) holes.push(hole(id, atMs, atMs, 'job_lost'));
    else if (ended.has(state)) unlogged += 1;
    else if (state === 'running') standing.running += 1;
    else standing.waiting += 1;
  }
  const all = acceptedMs.size;
  const missing = holes.length;
  const open = standing.waiting + standing.running;
  const says = `${all} accepted, ${all - open - missing} ended once, ${standing.waiting} wait, ${standing.running} run`;
  const of = { book: 'jobs', signal: null, of: 'all replicas', at: 'jobs', slack: 0, unknown: null } as const;
  return {
    ...noFindings,
    books: [{ ...of, expected: all, found: all - missing, missing, says }],
    holes,
    notes:
      unlogged === 0
        ? []
        : [`${unlogged} jobs have ended by the service’s word, and their last log line is not stored.`],
  };
}

function hole(id: string, fromMs: number, toMs: number, cause: HoleCause): Hole {
  return {
    ...{ book: 'jobs', signal: null, of: id, at: 'jobs' },
    ...{ from: timeOf(fromMs), to: timeOf(toMs), count: 1, cause, says: holeCauses[cause] },
  };
}

function jobOf({ labels }: LogLine): string {
  return labels.job_id ?? '';
}

function millisecondsOf({ atNs }: LogLine): number {
  return Number(BigInt(atNs) / 1_000_000n);
}
