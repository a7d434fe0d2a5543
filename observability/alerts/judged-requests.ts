import { countIn, type ExactName, type HistogramName, type LabelOf, type Matchers, quantileBy } from '../promql.ts';

/** Below this number of requests in a window there is no percentile to judge. */
export const judgedRequestsMin = 5;

/** The 95th percentile of five minutes beyond a limit, with enough requests to judge. */
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
