import type { Cause } from '../../telemetry/names/causes.ts';
import { blameRequest } from '../blame/blame-request.ts';
import { type FlightRecord, isFailed } from '../flight/flight-record.ts';
import type { FlightRecorder } from '../flight/flight-recorder.ts';
import type { Alone } from './alone.ts';
import { chargeTime } from './charge-time.ts';
import { explainFailure } from './explain-failure.ts';
import { sayPart } from './say-part.ts';
import { sentenceOf } from './sentence.ts';
import type { Eyes, Why } from './why.ts';
import { type WhyFacts, whyFacts } from './why-facts.ts';

export function explain(record: FlightRecord, recorder: FlightRecorder, eyes: Eyes): Why {
  const facts = whyFacts(record, recorder);
  const ranked = rank(chargeTime(facts).all, facts);
  const blame = ranked.some(({ cause }) => cause === 'lane_wait') ? blameRequest(record, recorder) : undefined;
  const parts = ranked.map(({ cause, ms }) => ({ cause, ms, ...sayPart(cause, ms, { facts, blame, eyes }) }));
  const failure = isFailed(record) ? explainFailure(record, recorder, eyes) : undefined;
  const known = isKnown(ranked, facts);
  const aloneMs = facts.alone?.tookMs;
  return {
    sentence: sentenceOf({ facts, parts, known, excessMs: excessOf(facts), failure }),
    tookMs: record.tookMs,
    aloneMs,
    aloneRuns: facts.alone?.runs ?? facts.kindRuns,
    known,
    parts,
    failure,
  };
}

type Ranked = { readonly cause: Cause; readonly ms: number; readonly excessMs: number };

/** By what each added to the time alone; where nothing was added, by what each took. */
export function rank(charged: readonly { cause: Cause; ms: number }[], facts: WhyFacts): Ranked[] {
  const expected = facts.alone ? expectedOf(facts.alone, facts.record) : {};
  const ranked = charged.map(({ cause, ms }) => ({ cause, ms, excessMs: ms - (expected[cause] ?? 0) }));
  const by = excessOf(facts) > 0 ? 'excessMs' : 'ms';
  return ranked.sort((one, other) => other[by] - one[by]);
}

/** By how much it was slower than alone; 0: not worth a word, or not known. */
export function excessOf({ alone, record }: WhyFacts): number {
  if (!alone) return 0;
  const excessMs = record.tookMs - alone.tookMs;
  return excessMs > Math.max(1, usualShare * alone.tookMs) ? excessMs : 0;
}

/** Requests of a kind differ by so much without a reason. */
const usualShare = 0.15;

function expectedOf({ stages, sessionMs, tookMs }: Alone, { task }: FlightRecord): Partial<Record<Cause, number>> {
  const named = {
    model_run: task === undefined ? sessionMs : stages.run,
    decode: stages.decode,
    encode: stages.encode,
    client_sending: stages.receive,
    client_reading: stages.send,
    disk: stages.write,
    task_work: stages.work,
    thread_wait: task === undefined ? 0 : stages.queue,
  };
  const service = Math.max(0, tookMs - Object.values(named).reduce((sum, ms) => sum + ms, 0));
  return { ...named, service };
}

function isKnown(ranked: readonly Ranked[], facts: WhyFacts): boolean {
  const [first] = ranked;
  if (!first || first.cause === 'not_known') return false;
  const excessMs = excessOf(facts);
  return excessMs === 0 || first.excessMs >= knownShareMin * excessMs;
}

/** A first cause below that share does not explain the difference. */
const knownShareMin = 0.25;
