import { increaseBy, rateBy, series } from '../promql.ts';
import { dashboardLink, logsLink, tracesLink } from './explore-link.ts';
import {
  batchesByClosing,
  breakers,
  durations,
  durationsAsHeatmap,
  longestWait,
  oneModel,
  requestsByStatus,
  requestsToModel,
  serverFailures,
  slowestP95,
  timeByStage,
} from './model-panels.ts';
import { type DashboardPlan, duration, stat, statetimeline, table, timeseries, traceTable } from './panel.ts';
import { now, over, rows, traces } from './query.ts';
import { ofModel } from './selections.ts';
import { modelWords } from './state-words.ts';

const failing = `{ ${requestsToModel} && span.error.type != nil }`;

/** One model: state, who waits for whom, where the time goes, what it costs. */
export const model: DashboardPlan = {
  name: 'model',
  title: 'Vitrine: one model',
  says: 'One model, from its state to its slowest requests: what it answers, what waits for its lanes and for whom, where the time goes.',
  tags: ['model'],
  variables: ['oneModel', 'instance'],
  lines: [
    { height: 4, panels: heads() },
    {
      title: 'State',
      height: 5,
      panels: [
        statetimeline({
          title: 'Versions',
          says: 'What state each version was in. An unavailable one says why in the page’s Models.',
          queries: [over(modelStates(), 'version {{version}}')],
          unit: 'none',
          words: modelWords,
          width: 12,
          runbook: 'ModelFailed',
        }),
        {
          ...breakers('One for loading and one for runs. An open one lets nothing through.', 12, oneModel),
          runbook: 'BreakerOpen',
        },
      ],
    },
    { title: 'Time', height: 8, panels: times() },
    { title: 'Queue, lanes and batches', height: 8, panels: waits() },
    { height: 8, panels: lanes() },
    {
      title: 'Requests',
      height: 8,
      panels: [
        traceTable({
          title: 'Slowest of this model',
          says: 'Kept traces of more than 50 ms, with their time account.',
          queries: [traces(`{ ${requestsToModel} && duration > 50ms }`)],
          width: 12,
          largestFirst: duration,
          onlyAfter: 'a request to this model took more than 50 ms',
        }),
        traceTable({
          title: 'Failures of this model',
          says: 'By the failure’s code.',
          queries: [traces(`${failing} | select(span.error.type)`)],
          width: 12,
          onlyAfter: 'a request to this model failed',
        }),
      ],
    },
  ],
};

function heads() {
  return [
    stat({
      title: 'Requests a second',
      says: 'Inferences and tasks, whatever came of them.',
      queries: [now(rateBy('inferenceRequests', [], ofModel))],
      unit: 'reqps',
      width: 4,
    }),
    serverFailures('Callers’ mistakes are below, by whose they are.'),
    slowestP95(
      {
        title: 'Slowest use, p95',
        says: 'The 95th percentile, of the slowest where the model serves inferences and tasks.',
      },
      oneModel,
    ),
    longestWait({ title: 'Predicted wait', says: 'How long a request that came now would wait for a lane.' }),
    stat({
      title: 'Waiting',
      says: 'Requests that wait for a lane.',
      queries: [now(`sum(${series('inferenceQueueDepth', ofModel)})`)],
      unit: 'short',
      width: 4,
    }),
    stat({
      title: 'CPU seconds a request',
      says: 'Of lanes, in the dashboard’s time.',
      queries: [now(`${increaseBy('costCpu', [], ofModel)} / (${increaseBy('costRequests', [], ofModel)} > 0)`)],
      unit: 's',
      width: 4,
      onlyAfter: 'a request was charged',
    }),
  ];
}

function times() {
  return [
    timeByStage(
      'The mean of each stage, stacked. Growth in queue is saturation, in run the model, in receive the caller.',
    ),
    durations(
      {
        title: 'Duration',
        says: 'Of inferences and of tasks. The link of a point finds traces that were slower; a dot is a kept trace.',
        links: [
          tracesLink(
            'Traces slower than this',
            `{ span.inference.model.name = "$model" && duration > \${__value.numeric}s }`,
          ),
          dashboardLink('All models', 'inference'),
        ],
      },
      oneModel,
    ),
    durationsAsHeatmap('All requests by duration.'),
  ];
}

function waits() {
  return [
    table({
      title: 'Who made whom wait',
      says: 'Seconds that requests waited for the lanes, by what held them, in the dashboard’s time. (nobody): no batch held a lane then.',
      queries: [rows(`${increaseBy('waitsOfModels', ['holder'], ofModel)} > 0`)],
      unit: 's',
      width: 8,
      columns: { holder: 'Held by', Value: 'Waited' },
      largestFirst: 'Waited',
      onlyAfter: 'a request waited for a lane',
    }),
    timeseries({
      title: 'Waiting and in flight',
      says: 'Requests that wait for a lane, and all that are not answered yet.',
      queries: [
        over(`sum(${series('inferenceQueueDepth', ofModel)})`, 'waiting'),
        over(`sum(${series('inferenceActive', ofModel)})`, 'in flight'),
      ],
      unit: 'short',
      width: 8,
    }),
    {
      ...requestsByStatus('Requests by status', oneModel),
      links: [
        logsLink('Log lines of failures', `{service_name="vitrine"} | inference_model_name="$model" | error_type!=""`),
      ],
    },
  ];
}

function lanes() {
  return [
    timeseries({
      title: 'Lanes by state',
      says: 'idle, running, opening, abandoned.',
      queries: [over(`sum by (state) (${series('inferenceLanes', ofModel)})`, '{{state}}')],
      unit: 'short',
      width: 8,
      stacked: true,
    }),
    batchesByClosing(8),
    timeseries({
      title: 'CPU by tenant',
      says: 'CPU time of lanes: 100 % is one core kept busy.',
      queries: [over(rateBy('costCpu', ['tenant'], ofModel), '{{tenant}}')],
      unit: 'percentunit',
      width: 8,
      stacked: true,
      onlyAfter: 'a request was charged',
    }),
  ];
}

/** By the numbers of `modelWords`: one state is 1 of all at any moment. */
function modelStates(): string {
  const parts = modelWords.map((word, at) => {
    const state = series('modelState', { ...ofModel, state: word.text });
    return at === 0 ? `(${state} == 1)` : `(${state} == 1) * ${at + 1}`;
  });
  return `max by (version) (${parts.join(' or ')})`;
}
