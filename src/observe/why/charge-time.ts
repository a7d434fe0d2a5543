import { lengthOf, type Span } from '../../spans-of-time.ts';
import { wireForm } from '../flight/request-table.ts';
import { bookedMs } from '../stages.ts';
import { chargeQueue, smallMs } from './charge-queue.ts';
import { chargeRun } from './charge-run.ts';
import { chargeTask } from './charge-task.ts';
import { Charges } from './charges.ts';
import { takeHolds } from './take-holds.ts';
import type { WhyFacts } from './why-facts.ts';

/** Charges all the time of a request, each moment once. */
export function chargeTime(facts: WhyFacts): Charges {
  const charges = new Charges();
  if (facts.record.task === undefined) chargeInference(charges, facts);
  else chargeTask(charges, facts);
  const { stages, tookMs } = facts.record;
  const restMs = Math.max(0, tookMs - bookedMs(stages));
  charges.charge(restMs <= Math.max(smallMs, 0.05 * tookMs) ? 'service' : 'not_known', restMs);
  return charges;
}

/** Its stages follow each other: where each began is known. */
function chargeInference(charges: Charges, facts: WhyFacts): void {
  const { record, machine } = facts;
  const { stages, batch, size } = record;
  let at = record.startedAt;
  const next = (ms: number): Span => {
    const from = at;
    at += ms;
    return { from, to: at };
  };
  const isAside = (bit: number) => (size.form & bit) !== 0;

  const receive = takeHolds(charges, spans(next(stages.receive)), machine.holds);
  charges.charge('client_sending', lengthOf(receive));
  chargeWork(charges, 'decode', next(stages.decode), isAside(wireForm.decodedAside));
  const wait = next(stages.queue);
  // The steps of a pipeline wait for lanes of their models.
  if (record.steps) charges.charge('lane_wait', wait.to - wait.from);
  else chargeQueue(charges, wait, facts);
  charges.charge('service', lengthOf(takeHolds(charges, spans(next(stages.assemble)), machine.holds)));
  const run = next(stages.run);
  if (batch) chargeRun(charges, run, batch, facts);
  else charges.charge('model_run', run.to - run.from);
  const split = takeHolds(charges, spans(next(stages.split)), machine.holds);
  charges.charge(batch && batch.inputs > 1 ? 'batch_larger' : 'service', lengthOf(split));
  chargeWork(charges, 'encode', next(stages.encode), isAside(wireForm.encodedAside));
  charges.charge('client_reading', lengthOf(takeHolds(charges, spans(next(stages.send)), machine.holds)));

  /** What is done on the main thread holds it itself; in a thread it waits for the main thread. */
  function chargeWork(to: Charges, cause: 'decode' | 'encode', span: Span, aside: boolean): void {
    const left = aside
      ? takeHolds(to, spans(span), machine.holds)
      : to.take('garbage_collection', spans(span), machine.spansOf('garbage_collection'));
    to.charge(cause, lengthOf(left));
  }
}

function spans(span: Span): Span[] {
  return span.to > span.from ? [span] : [];
}
