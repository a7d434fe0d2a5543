import { joined, lengthOf, type Span } from '../../spans-of-time.ts';
import type { StoredBatch } from '../flight/recent-batches.ts';
import type { Charges } from './charges.ts';
import type { Hold } from './machine-view.ts';
import { takeHolds } from './take-holds.ts';
import type { WhyFacts } from './why-facts.ts';

/** A wait for a lane is charged to what held the lanes meanwhile. */
export function chargeQueue(charges: Charges, wait: Span, facts: WhyFacts): void {
  const { record, ownModel, machine } = facts;
  let left: Span[] = wait.to > wait.from ? [wait] : [];
  const { lost, batch } = record;
  if (lost) left = charges.take(batchOutcome(facts) === 'failed' ? 'run_again' : 'lane_lost', left, [lost.last]);
  // A batch ends for us when its message is read: its run is what certainly held the lane.
  left = charges.take('lane_wait', left, joined(ownModel.map(sessionOf)));
  left = takeHolds(charges, left, machine.holds);
  left = charges.take('lane_wait', left, joined(ownModel.map(spanOf)));
  if (lost || ownModel.some(({ outcome }) => outcome === 'lane_lost' || outcome === 'given_up'))
    left = charges.take('lane_lost', left, left);
  if (batch?.closedBy === 'delay') left = charges.take('gather_wait', left, left);
  charges.charge(lengthOf(left) <= smallMs ? 'service' : 'not_known', lengthOf(left));
}

/** Each turn of the event loop costs about as much on a busy machine. */
export const smallMs = 5;

export function spanOf({ startedAt, endedAt }: { startedAt: number; endedAt: number }): Span {
  return { from: startedAt, to: endedAt };
}

/** Where ONNX Runtime worked: at the end of a run on the event loop, at the beginning in a lane. */
export function sessionOf({ startedAt, endedAt, sessionMs, tookShortcut, outcome }: StoredBatch): Span {
  if (outcome !== 'ran') return { from: startedAt, to: endedAt };
  return tookShortcut
    ? { from: Math.max(startedAt, endedAt - sessionMs), to: endedAt }
    : { from: startedAt, to: Math.min(endedAt, startedAt + sessionMs) };
}

/** How the run ended that gave no answer. */
function batchOutcome({ record, ownModel }: WhyFacts): StoredBatch['outcome'] | undefined {
  const { lost } = record;
  return ownModel.find(({ startedAt, endedAt }) => startedAt === lost?.last.from && endedAt === lost.last.to)?.outcome;
}

export type { Hold };
