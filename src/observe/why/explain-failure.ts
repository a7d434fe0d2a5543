import { failures } from '../../errors.ts';
import type { ComparedField } from '../compare/compared-fields.ts';
import { tellApart } from '../compare/tell-apart.ts';
import { type FlightRecord, faultOfRecord, isFailed } from '../flight/flight-record.ts';
import type { FlightRecorder } from '../flight/flight-recorder.ts';
import type { Eyes, FailureFacts } from './why.ts';

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
  const differences = failed.length >= failedMin ? tellApart(failed, good) : [];
  const given = record.batch ? [...beforeRun, ...ofBatch] : beforeRun;
  return {
    code: failure,
    means: failure && failures[failure].means,
    says: record.sentence,
    fault: faultOfRecord(record),
    inputs: record.inputs,
    failedAlike: failed.length,
    good: good.length,
    differences: differences.filter(({ field }) => given.includes(field)).slice(0, differencesMax),
  };
}

/** One or two differ from all others by chance. */
const failedMin = 3;

/** What was given before it failed: the rest follows from the failure itself. */
const beforeRun: readonly ComparedField[] = [
  'tenant',
  'version',
  'body',
  'rows',
  'bytes',
  'body_bytes',
  'waiting_found',
  'running_found',
];
const ofBatch: readonly ComparedField[] = ['lane', 'provider', 'batch_requests', 'batch_rows'];
