import type { InputShape } from '../../engine/tensor.ts';
import { type FailureCode, type Fault, failures } from '../../errors.ts';
import { type Difference, tellApart } from '../compare/tell-apart.ts';
import { type FlightRecord, faultOfRecord, isFailed } from '../flight/flight-record.ts';
import type { FlightRecorder } from '../flight/flight-recorder.ts';
import type { Eyes } from './explain.ts';

/** Why a request failed, and what others of its model and hour say about it. */
export type FailureFacts = {
  readonly code: FailureCode | undefined;
  readonly means: string | undefined;
  readonly says: string | undefined;
  readonly fault: Fault | undefined;
  readonly inputs: readonly InputShape[] | undefined;
  /** Of the last hour: requests of the same route and model that failed as this one, and that did not fail. */
  readonly failedAlike: number;
  readonly good: number;
  /** What tells them apart, the most telling first. */
  readonly differences: readonly Difference[];
};

const hourMs = 3_600_000;
const differencesMax = 3;
/** Of each list: more would be felt by others. */
const comparedMax = 1000;

export function explainFailure(record: FlightRecord, recorder: FlightRecorder, eyes: Eyes): FailureFacts {
  const { failure, route, model } = record;
  const endedSinceMs = record.startedAt + record.tookMs - hourMs;
  const filter = { tenant: undefined, model, fault: undefined, endedSinceMs };
  const found = [...recorder.list('recent', filter, comparedMax), ...recorder.list('failed', filter, comparedMax)];
  const alike = [...new Map(found.map((other) => [other.ids.spanId, other])).values()].filter(
    (other) => eyes.sees(other) && other.route === route && other.model === model,
  );
  const failed = alike.filter((other) => other.failure === failure && other.status === record.status);
  const good = alike.filter((other) => !isFailed(other));
  const differences = tellApart(failed, good).filter(({ field }) => !followsFromFailing.has(field));
  return {
    code: failure,
    means: failure && failures[failure].means,
    says: record.sentence,
    fault: faultOfRecord(record),
    inputs: record.inputs,
    failedAlike: failed.length,
    good: good.length,
    differences: differences.slice(0, differencesMax),
  };
}

/** What a failure itself makes different. */
const followsFromFailing = new Set(['status', 'failure', 'fault', 'kept', 'took', 'outcome']);
