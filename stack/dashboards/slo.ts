import { objectives, ourFailures, windows } from '../alerts/objectives.ts';
import { increaseBy, partOf } from '../promql.ts';
import { tracesLink } from './explore-link.ts';
import { type DashboardPlan, gauge, stat, table, timeseries } from './panel.ts';
import { now, over, rows } from './query.ts';
import { ofModel } from './selections.ts';

const model = '{model=~"$model"}';
const errorBudget = 1 - objectives.availability;
const slowBudget = 1 - objectives.latency.ratio;
const percent = (ratio: number) => `${Number((100 * ratio).toFixed(3))} %`;

/** What callers were promised, and how much of the allowed failures is used up. */
export const slo: DashboardPlan = {
  name: 'slo',
  title: 'Vitrine: objectives',
  says: `What callers were promised by model: ${percent(objectives.availability)} of requests do not fail by our fault, ${percent(objectives.latency.ratio)} are answered within ${objectives.latency.seconds} s. A burn rate of 1 uses the month’s budget up in a month.`,
  variables: ['model', 'instance'],
  lines: [
    {
      height: 5,
      panels: [
        stat({
          title: 'Availability',
          says: `In the dashboard’s time; promised are ${percent(objectives.availability)}.`,
          queries: [now(availability([]))],
          unit: 'percentunit',
          decimals: 3,
          width: 6,
          limits: { warning: objectives.availability, bad: 1 - 2 * errorBudget },
          runbook: 'AvailabilityBudgetBurning',
        }),
        gauge({
          title: 'Budget of failures left',
          says: 'Of what may fail in the dashboard’s time. Below 0 the promise is broken.',
          queries: [now(`1 - (1 - (${availability([])})) / ${round(errorBudget)}`)],
          unit: 'percentunit',
          min: 0,
          max: 1,
          width: 6,
          limits: { warning: 0.25, bad: 0 },
          runbook: 'AvailabilityBudgetBurning',
        }),
        stat({
          title: `Answered within ${objectives.latency.seconds} s`,
          says: `In the dashboard’s time; promised are ${percent(objectives.latency.ratio)}.`,
          queries: [now(withinTime([]))],
          unit: 'percentunit',
          decimals: 3,
          width: 6,
          limits: { warning: objectives.latency.ratio, bad: 1 - 2 * slowBudget },
          runbook: 'LatencyBudgetBurning',
        }),
        gauge({
          title: 'Budget of slow answers left',
          says: 'Of what may be slow in the dashboard’s time.',
          queries: [now(`1 - (1 - (${withinTime([])})) / ${round(slowBudget)}`)],
          unit: 'percentunit',
          min: 0,
          max: 1,
          width: 6,
          limits: { warning: 0.25, bad: 0 },
          runbook: 'LatencyBudgetBurning',
        }),
      ],
    },
    {
      title: 'Burn rates',
      height: 8,
      panels: [
        timeseries({
          title: 'Failures: burn rate by model',
          says: 'How many times faster than allowed. Critical above 14.4 in the windows of 1 h and 5 min together, or above 6 in 6 h and 30 min.',
          queries: ['5m', '1h', '6h'].map((window) =>
            over(
              `max by (model) (vitrine:inference_error_ratio:rate${window}${model}) / ${round(errorBudget)}`,
              `{{model}} ${window}`,
            ),
          ),
          unit: 'none',
          min: 0,
          width: 12,
          limits: { warning: 1, bad: 14.4 },
          runbook: 'AvailabilityBudgetBurning',
          links: [
            tracesLink(
              'Failed requests of this model',
              `{ span.inference.model.name = "\${__field.labels.model}" && status = error }`,
            ),
          ],
        }),
        timeseries({
          title: 'Slow answers: burn rate by model',
          says: 'The same for latency.',
          queries: ['5m', '1h', '6h'].map((window) =>
            over(
              `max by (model) (vitrine:inference_slow_ratio:rate${window}${model}) / ${round(slowBudget)}`,
              `{{model}} ${window}`,
            ),
          ),
          unit: 'none',
          min: 0,
          width: 12,
          limits: { warning: 1, bad: 14.4 },
          runbook: 'LatencyBudgetBurning',
          links: [
            tracesLink(
              'Slow requests of this model',
              `{ span.inference.model.name = "\${__field.labels.model}" && kind = server && duration > ${objectives.latency.seconds}s }`,
            ),
          ],
        }),
      ],
    },
    {
      title: 'By model',
      height: 8,
      panels: [
        table({
          title: 'Promises by model',
          says: 'In the dashboard’s time.',
          queries: [
            rows(increaseBy('inferenceRequests', ['model'], ofModel)),
            rows(availability(['model'])),
            rows(withinTime(['model'])),
          ],
          unit: 'percentunit',
          decimals: 3,
          width: 12,
          columns: { model: 'Model', 'Value #A': 'Requests', 'Value #B': 'Available', 'Value #C': 'In time' },
          columnUnits: { Requests: 'short' },
          wholeColumns: ['Requests'],
          onlyAfter: 'a model was asked',
        }),
        table({
          title: 'Failures over all windows',
          says: 'Part of the requests that failed by our fault, by model.',
          queries: windows.map((window) =>
            rows(`max by (model) (vitrine:inference_error_ratio:rate${window}${model})`),
          ),
          unit: 'percentunit',
          decimals: 3,
          width: 12,
          columns: {
            model: 'Model',
            ...Object.fromEntries(windows.map((window, at) => [`Value #${String.fromCharCode(65 + at)}`, window])),
          },
          onlyAfter: 'a model was asked',
        }),
      ],
    },
  ],
};

function availability(by: readonly 'model'[]): string {
  const failed = increaseBy('inferenceRequests', by, { ...ofModel, status: `~${ourFailures}` });
  const all = increaseBy('inferenceRequests', by, ofModel);
  // Without a failure there is no series of failures, and none of what is to be subtracted.
  return `1 - (${failed} or 0 * ${all}) / (${all} > 0)`;
}

function withinTime(by: readonly 'model'[]): string {
  const sumBy = by.length === 0 ? 'sum' : `sum by (${by.join(', ')}) `;
  const of = (part: 'bucket' | 'count', le?: { le: string }) =>
    `${sumBy}(increase(${partOf('inferenceSeconds', part, { ...ofModel, ...le })}[$__range]))`;
  return `${of('bucket', { le: String(objectives.latency.seconds) })} / (${of('count')} > 0)`;
}

function round(budget: number): number {
  return Number(budget.toPrecision(6));
}
