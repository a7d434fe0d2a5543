import { lengthOf, type Span } from '../../spans-of-time.ts';
import type { TaskWaits } from '../flight/flight-record.ts';
import { chargeQueue } from './charge-queue.ts';
import { chargeRun } from './charge-run.ts';
import { Charges } from './charges.ts';
import { takeHolds } from './take-holds.ts';
import type { WhyFacts } from './why-facts.ts';

/** Its stages are sums; where it waited for lanes and when they worked for it is known by time. */
export function chargeTask(charges: Charges, facts: WhyFacts): void {
  const { record, machine } = facts;
  const { stages, startedAt } = record;
  const receive = takeHolds(charges, [{ from: startedAt, to: startedAt + stages.receive }], machine.holds);
  charges.charge('client_sending', lengthOf(receive));
  chargeWaits(charges, facts);
  chargeRuns(charges, facts);
  charges.charge('decode', stages.decode);
  charges.charge('encode', stages.encode);
  charges.charge('disk', stages.write);
  chargeWork(charges, facts);
  const to = startedAt + record.tookMs;
  charges.charge('client_reading', lengthOf(takeHolds(charges, [{ from: to - stages.send, to }], machine.holds)));
  charges.charge('service', stages.assemble + stages.split);
}

/** The first wait of a task is for a thread; each later one for a lane. */
function chargeWaits(charges: Charges, facts: WhyFacts): void {
  const { stages, waits } = facts.record;
  const lanes = new Charges();
  for (const span of spansOf(waits)) chargeQueue(lanes, span, facts);
  lanes.charge('lane_wait', waits?.otherMs ?? 0);
  const waitedMs = lanes.all.reduce((sum, { ms }) => sum + ms, 0);
  // Calls that wait at the same time are counted once by the stage.
  const part = waitedMs > stages.queue ? stages.queue / waitedMs : 1;
  for (const { cause, ms } of lanes.all) charges.charge(cause, ms * part);
  charges.charge('thread_wait', Math.max(0, stages.queue - waitedMs));
}

function chargeRuns(charges: Charges, facts: WhyFacts): void {
  const { record, ofTask } = facts;
  const { stages } = record;
  const runs = new Charges();
  for (const batch of ofTask) chargeRun(runs, { from: batch.startedAt, to: batch.endedAt }, batch, facts);
  const ranMs = runs.all.reduce((sum, { ms }) => sum + ms, 0);
  if (ranMs === 0) {
    charges.charge('model_run', stages.run);
    return;
  }
  // Lanes that work at the same time, and calls that are forgotten: shared out as the known ones are.
  for (const { cause, ms } of runs.all) charges.charge(cause, (ms * stages.run) / ranMs);
}

/** The task's thread works without a break: what the process lacked of the CPU, it lacked too. */
function chargeWork(charges: Charges, { record, machine }: WhyFacts): void {
  const { stages, startedAt, tookMs } = record;
  const { throttledShare, stealShare } = machine.figures({ from: startedAt, to: startedAt + tookMs });
  const throttledMs = throttledShare >= 0.1 ? stages.work * throttledShare : 0;
  const stolenMs = stealShare >= 0.1 ? (stages.work - throttledMs) * stealShare : 0;
  charges.charge('cpu_throttled', throttledMs);
  charges.charge('cpu_taken', stolenMs);
  charges.charge('task_work', stages.work - throttledMs - stolenMs);
}

export function spansOf(waits: TaskWaits | undefined): Span[] {
  if (!waits) return [];
  const { times } = waits;
  return Array.from({ length: times.length / 2 }, (_, at) => ({ from: times[2 * at]!, to: times[2 * at + 1]! }));
}
