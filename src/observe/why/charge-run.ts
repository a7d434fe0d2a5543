import type { BatchFacts } from '../../engine/inference.ts';
import { lengthOf, type Span, within } from '../../spans-of-time.ts';
import type { Cause } from '../../telemetry/names/causes.ts';
import { sessionOf, smallMs, spanOf } from './charge-queue.ts';
import type { Charges } from './charges.ts';
import { takeHolds } from './take-holds.ts';
import type { WhyFacts } from './why-facts.ts';

/** A run: the way to the lane and back, and ONNX Runtime's own time between. */
export function chargeRun(charges: Charges, run: Span, batch: BatchFacts, facts: WhyFacts): void {
  if (batch.outcome === 'lane_lost' || batch.outcome === 'given_up') {
    charges.charge(batch.outcome === 'lane_lost' ? 'lane_lost' : 'model_run', run.to - run.from);
    return;
  }
  const session = clipped(sessionOf({ ...batch, startedAt: run.from, shares: [] }), run);
  const way: Span[] = [
    { from: run.from, to: session.from },
    { from: session.to, to: run.to },
  ].filter(({ from, to }) => to > from);
  chargeWay(charges, way, batch, facts);
  const collected = batch.tookShortcut
    ? charges.take('garbage_collection', [session], facts.machine.spansOf('garbage_collection'))
    : [session];
  chargeSession(charges, lengthOf(collected), session, batch, facts);
}

function chargeWay(charges: Charges, way: readonly Span[], batch: BatchFacts, { machine, ownModel }: WhyFacts): void {
  const left = takeHolds(charges, way, machine.holds);
  const ms = lengthOf(left);
  // Runs of the same message: each waits for all.
  const together = ownModel.filter(({ startedAt, lane }) => startedAt === batch.startedAt && lane === batch.lane);
  const sharedMs = Math.min(
    ms,
    together.reduce((sum, { sessionMs }) => sum + sessionMs, 0),
  );
  charges.charge('batch_larger', sharedMs);
  const rest = ms - sharedMs;
  charges.charge(rest <= Math.max(smallMs, 0.2 * batch.sessionMs) ? 'service' : 'not_known', rest);
}

function chargeSession(charges: Charges, ms: number, session: Span, batch: BatchFacts, facts: WhyFacts): void {
  const stallMs = Math.min(ms, stallOf(batch, facts));
  // A collection works on all cores.
  const collectedMs = Math.min(stallMs, lengthOf(within([session], facts.machine.spansOf('garbage_collection'))));
  charges.charge('garbage_collection', collectedMs);
  charges.charge(stallCause(session, facts), stallMs - collectedMs);
  const workedMs = ms - stallMs;
  const expectedMs = expectedOf(workedMs, batch, facts);
  charges.charge('model_run', Math.min(workedMs, expectedMs));
  charges.charge(excessCause(session, batch, facts), Math.max(0, workedMs - expectedMs));
}

/** How long a run of one thread had no CPU; of several threads nothing can be said. */
function stallOf(batch: BatchFacts, facts: WhyFacts): number {
  const stallMs = isStallKnown(batch, facts) ? batch.sessionMs - batch.cpuMs : 0;
  return stallMs < stallMsMin ? 0 : stallMs;
}

function isStallKnown({ tookShortcut, provider }: BatchFacts, { record }: WhyFacts): boolean {
  const { threads } = record;
  return !tookShortcut && provider === 'cpu' && threads?.intraOpThreads === 1 && threads.interOpThreads === 1;
}

const stallMsMin = 0.5;

function stallCause(session: Span, { machine, others, ownModel, ofTask, loads }: WhyFacts): Cause {
  const ranMs = [...others, ...ownModel, ...ofTask]
    .map(spanOf)
    .concat(loads.map(spanOf))
    .reduce((sum, span) => sum + Math.max(0, Math.min(span.to, session.to) - Math.max(span.from, session.from)), 0);
  return machine.causeOfStall(session, { isShared: ranMs >= (session.to - session.from) / 2 });
}

/** What of the work of a session the request would have had by itself. */
function expectedOf(workedMs: number, batch: BatchFacts, facts: WhyFacts): number {
  const { alone, record } = facts;
  // A task's calls differ from each other: none is compared.
  if (record.task !== undefined) return Number.POSITIVE_INFINITY;
  const { rows } = record.size;
  if (alone) return (isStallKnown(batch, facts) ? alone.cpuMs : alone.sessionMs) * (batch.rows > rows ? 1 : usualShare);
  return rows > 0 && batch.rows > rows ? workedMs * ownPart(batch, record) : Number.POSITIVE_INFINITY;
}

/** Of a padded batch by bytes: a short request would have been a short run. */
function ownPart({ rows, paddingBytes, paddingShare }: BatchFacts, { size }: WhyFacts['record']): number {
  const byRows = size.rows / rows;
  return paddingBytes > 0 ? Math.min(byRows, (size.bytes * paddingShare) / paddingBytes) : byRows;
}

/** Runs of a kind differ by so much without a reason. */
const usualShare = 1.25;

function excessCause(session: Span, batch: BatchFacts, facts: WhyFacts): Cause {
  const { record, machine, loads, loaded, isFirst } = facts;
  const throttled = batch.provider === 'cpu' ? undefined : machine.throttledGpu(session, batch.gpu?.hwId);
  if (throttled && throttled.share >= 0.3) return 'gpu_clocks';
  if (batch.rows > record.size.rows) return 'batch_larger';
  const lanes = record.threads?.lanes ?? 1;
  if (isFirst || (loaded !== undefined && batch.id <= lanes)) return 'cold_model';
  if (loads.some((load) => load.startedAt < session.to && load.endedAt > session.from)) return 'cold_model';
  // Of a run of one thread the time without a CPU is known, and this is what it worked.
  if (isStallKnown(batch, facts)) return 'model_run';
  const { throttledShare, stealShare, busyShare } = machine.figures(session);
  if (throttledShare >= 0.1) return 'cpu_throttled';
  return stealShare >= 0.1 || busyShare >= 0.9 ? stallCause(session, facts) : 'model_run';
}

function clipped(span: Span, to: Span): Span {
  const from = Math.min(to.to, Math.max(to.from, span.from));
  return { from, to: Math.max(from, Math.min(to.to, span.to)) };
}
