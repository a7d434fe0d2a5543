import { sayDifference } from '../compare/say-difference.ts';
import type { FailureFacts, WhyPart } from './why.ts';
import type { WhyFacts } from './why-facts.ts';
import { list, time } from './why-words.ts';

type Given = {
  readonly facts: WhyFacts;
  readonly parts: readonly WhyPart[];
  readonly known: boolean;
  /** 0: no slower than its kind is. */
  readonly excessMs: number;
  readonly failure: FailureFacts | undefined;
};

/** The answer in one sentence, or two for a failure. */
export function sentenceOf(given: Given): string {
  const { failure, facts, excessMs } = given;
  if (!failure) return sentenceOfTime(given);
  const isWorthAWord = excessMs > 0 || facts.record.tookMs >= longFailureMs;
  return isWorthAWord ? `${sentenceOfFailure(failure)} ${sentenceOfTime(given)}` : sentenceOfFailure(failure);
}

function sentenceOfTime({ facts, parts, known, excessMs }: Given): string {
  const { record, alone, kindRuns } = facts;
  const took = `It took ${time(record.tookMs)}`;
  const comparison = alone
    ? `alone it takes about ${time(alone.tookMs)}`
    : `what it takes alone is not known (${kindRuns} comparable runs remembered, too few)`;
  const [first, second] = parts;
  if (!first) return `${took}; ${comparison}.`;
  if (!known) return `${took}; ${comparison}. Why is not known: ${first.says}.`;
  const isWorthNaming =
    second !== undefined &&
    second.ms >= Math.max(secondShareMin * record.tookMs, excessMs / 4) &&
    second.cause !== 'service';
  const said = list([first, ...(isWorthNaming ? [second] : [])].map(({ says }) => says));
  if (alone && excessMs === 0) return `${took}, as its kind does (${comparison}): ${said}.`;
  return `${took}; ${comparison}. ${alone ? 'The difference' : 'Most of it'}: ${said}.`;
}

const secondShareMin = 0.2;
/** What a failure took that ended quickly says nothing about it. */
const longFailureMs = 1000;

function sentenceOfFailure({ code, means, says, failedAlike, good, differences }: FailureFacts): string {
  const what = says ?? means ?? 'It failed.';
  const [telling] = differences;
  if (!telling) return `It failed${code ? ` (${code})` : ''}: ${what}`;
  return `It failed${code ? ` (${code})` : ''}: ${what} Of the last hour, ${failedAlike} failed alike and ${good} of its kind did not; ${sayDifference(telling)}.`;
}
