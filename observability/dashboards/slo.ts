import { month, objectives, windows } from '../alerts/objectives.ts';
import { tracesLink } from './explore-link.ts';
import { type DashboardPlan, gauge, stat, table, timeseries } from './panel.ts';
import { now, over, rows } from './query.ts';

const model = '{model=~"$model"}';
const errorBudget = 1 - objectives.availability;
const slowBudget = 1 - objectives.latency.ratio;
const percent = (ratio: number) => `${Number((100 * ratio).toFixed(3))} %`;

// Objectives hold for a month and for each model, so the dashboard's time range has no effect here.
const failed = (window: string) => `max by (model) (vitrine:inference_error_ratio:rate${window}${model})`;
const slow = (window: string) => `max by (model) (vitrine:inference_slow_ratio:rate${window}${model})`;
const left = (ratio: string, budget: number) => `1 - ${ratio} / ${round(budget)}`;

const budgetLimits = { warning: 0.25, bad: 0 } as const;
const availabilityLimits = { warning: objectives.availability, bad: 1 - 2 * errorBudget } as const;
const latencyLimits = { warning: objectives.latency.ratio, bad: 1 - 2 * slowBudget } as const;

/** What callers were promised, and how much of the allowed failures is used up. */
export const slo: DashboardPlan = {
  name: 'slo',
  title: 'Vitrine: objectives',
  says: `What callers are promised for each model and month: ${percent(objectives.availability)} of requests and tasks do not fail on the server’s side, ${percent(objectives.latency.ratio)} of single inferences are answered within ${objectives.latency.seconds} s. A burn rate of 1 uses the month’s budget up in a month.`,
  tags: ['slo'],
  variables: ['model'],
  lines: [
    {
      height: 5,
      panels: [
        stat({
          title: 'Availability, worst model',
          says: `In the last 30 days, of the model with the lowest; promised are ${percent(objectives.availability)}.`,
          queries: [now(`1 - max(${failed(month)})`)],
          unit: 'percentunit',
          decimals: 3,
          width: 6,
          limits: availabilityLimits,
          runbook: 'AvailabilityBudgetBurning',
        }),
        gauge({
          title: 'Failure budget left',
          says: 'Of the month, of the model that has least. Below 0 the promise is broken.',
          queries: [now(`min(${left(failed(month), errorBudget)})`)],
          unit: 'percentunit',
          min: 0,
          max: 1,
          width: 6,
          limits: budgetLimits,
          runbook: 'AvailabilityBudgetBurning',
        }),
        stat({
          title: `Within ${objectives.latency.seconds} s, worst model`,
          says: `In the last 30 days, of the model with the lowest; promised are ${percent(objectives.latency.ratio)}.`,
          queries: [now(`1 - max(${slow(month)})`)],
          unit: 'percentunit',
          decimals: 3,
          width: 6,
          limits: latencyLimits,
          runbook: 'LatencyBudgetBurning',
        }),
        gauge({
          title: 'Latency budget left',
          says: 'Of the month, of the model that has least. Below 0 the promise is broken.',
          queries: [now(`min(${left(slow(month), slowBudget)})`)],
          unit: 'percentunit',
          min: 0,
          max: 1,
          width: 6,
          limits: budgetLimits,
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
            over(`${failed(window)} / ${round(errorBudget)}`, `{{model}} ${window}`),
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
          title: 'Slow answers: burn rate',
          says: 'The same for latency.',
          queries: ['5m', '1h', '6h'].map((window) =>
            over(`${slow(window)} / ${round(slowBudget)}`, `{{model}} ${window}`),
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
      title: 'Budget over time',
      height: 7,
      panels: [
        timeseries({
          title: 'Failure budget by model',
          says: 'What is left of the budget of the 30 days before each moment. It comes back as failures grow older than a month.',
          queries: [over(left(failed(month), errorBudget), '{{model}}')],
          unit: 'percentunit',
          max: 1,
          width: 12,
          runbook: 'AvailabilityBudgetBurning',
          onlyAfter: 'a model was asked',
        }),
        timeseries({
          title: 'Latency budget by model',
          says: 'The same for slow answers.',
          queries: [over(left(slow(month), slowBudget), '{{model}}')],
          unit: 'percentunit',
          max: 1,
          width: 12,
          runbook: 'LatencyBudgetBurning',
          onlyAfter: 'a model was asked',
        }),
      ],
    },
    {
      title: 'By model',
      height: 8,
      panels: [
        table({
          title: 'Promises by model',
          says: 'In the last 30 days, whatever the dashboard’s time: what was asked, what was kept, and what is left of either budget.',
          queries: [
            rows(`sum by (model) (vitrine:inference_requests:increase${month}${model})`),
            rows(`1 - ${failed(month)}`),
            rows(left(failed(month), errorBudget)),
            rows(`1 - ${slow(month)}`),
            rows(left(slow(month), slowBudget)),
          ],
          unit: 'percentunit',
          decimals: 3,
          width: 12,
          columns: {
            model: 'Model',
            'Value #A': 'Requests',
            'Value #B': 'Available',
            'Value #C': 'Failure budget',
            'Value #D': 'In time',
            'Value #E': 'Latency budget',
          },
          columnUnits: { Requests: 'short' },
          columnLimits: {
            Available: availabilityLimits,
            'Failure budget': budgetLimits,
            'In time': latencyLimits,
            'Latency budget': budgetLimits,
          },
          wholeColumns: ['Requests'],
          onlyAfter: 'a model was asked',
        }),
        table({
          title: 'Failures over all windows',
          says: 'Part of the requests that failed on the server’s side, by model.',
          queries: windows.map((window) => rows(failed(window))),
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

function round(budget: number): number {
  return Number(budget.toPrecision(6));
}
