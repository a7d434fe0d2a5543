import { countIn, type ExactName, type HistogramName, type LabelOf, type Matchers, quantileBy } from '../promql.ts';

/** The percentile of one request is that request. A rule about a percentile waits for so many in its window. */
export const judgedRequestsMin = 5;

/** The 95th percentile of five minutes beyond a limit, where enough was recorded to speak of a percentile. */
export function p95Above<Name extends ExactName & HistogramName>(
  name: Name,
  by: readonly LabelOf<Name>[],
  limit: number,
  matchers?: Matchers<LabelOf<Name>>,
): string {
  return `
${quantileBy(0.95, name, by, matchers, '5m')} > ${limit}
and
${countIn(name, by, matchers, '5m')} >= ${judgedRequestsMin}`;
}
