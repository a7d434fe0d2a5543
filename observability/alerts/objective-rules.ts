import { series } from '../promql.ts';
import { burns, objectives, ours, single } from './objectives.ts';
import { type AlertRule, environment, type RuleGroup } from './rule.ts';

const percent = (ratio: number) => `${Number((100 * ratio).toFixed(3))} %`;

/** Both windows of either pair burn too fast. */
function burning(ratio: string, budget: number, severity: keyof typeof burns): string {
  return burns[severity]
    .map(({ factor, long, short }) => {
      const limit = Number((factor * budget).toPrecision(6));
      return `(${ratio}:rate${long} > ${limit} and ${ratio}:rate${short} > ${limit})`;
    })
    .join('\nor\n');
}

// One failure at night can be all requests of its minute; it must not fire.
const judgedOver = { critical: '5m', warning: '6h' } as const;
const enough = (severity: keyof typeof judgedOver, which: typeof ours | typeof single) =>
  `sum by (${environment}, model) (increase(${series('inferenceRequests', which)}[${judgedOver[severity]}])) >= 5`;

const availability = (severity: 'critical' | 'warning'): AlertRule => ({
  alert: 'AvailabilityBudgetBurning',
  severity,
  team: 'serving',
  expr: `(\n${burning('vitrine:inference_error_ratio', 1 - objectives.availability, severity)}\n)\nand\n${enough(severity, ours)}`,
  for: severity === 'critical' ? '2m' : '15m',
  by: [environment, 'model'],
  summary: `{{ $labels.model }} fails more often than promised${severity === 'critical' ? ', fast' : ''}`,
  description: `{{ $value | humanizePercentage }} of its requests fail on the server’s side, over the longer window; ${percent(1 - objectives.availability)} may. ${severity === 'critical' ? 'At this rate the month’s budget is gone within days.' : 'At this rate the month’s budget does not last the month.'}`,
  dashboard: 'slo',
});

const latency = (severity: 'critical' | 'warning'): AlertRule => ({
  alert: 'LatencyBudgetBurning',
  severity,
  team: 'serving',
  expr: `(\n${burning('vitrine:inference_slow_ratio', 1 - objectives.latency.ratio, severity)}\n)\nand\n${enough(severity, single)}`,
  for: severity === 'critical' ? '2m' : '15m',
  by: [environment, 'model'],
  summary: `{{ $labels.model }} is slower than promised${severity === 'critical' ? ', by far' : ''}`,
  description: `{{ $value | humanizePercentage }} of its requests take longer than ${objectives.latency.seconds} s, over the longer window; ${percent(1 - objectives.latency.ratio)} may. ${severity === 'critical' ? 'At this rate the month’s budget is gone within days.' : 'At this rate the month’s budget does not last the month.'}`,
  dashboard: 'slo',
  why: 'slowest',
});

export const objectiveRules: RuleGroup = {
  name: 'objectives',
  says: 'Objectives by model, with two windows each, so that an alert comes soon and ends soon (observability/alerts/objectives.ts).',
  rules: [availability('critical'), availability('warning'), latency('critical'), latency('warning')],
};
