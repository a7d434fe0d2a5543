import { bucketsOf, increaseBy, meanBy, overBy, rateBy, series, sumRateBy } from '../promql.ts';
import { dashboardLink, tracesLink } from './explore-link.ts';
import {
  batchesByClosing,
  breakers,
  durations,
  durationsAsHeatmap,
  eachModel,
  longestWait,
  requestsByStatus,
  requestsToModel,
  serverFailures,
  slowestP95,
  timeByStage,
} from './model-panels.ts';
import { type DashboardPlan, duration, heatmap, stat, table, timeseries, traceTable } from './panel.ts';
import { buckets, now, over, rows, traces } from './query.ts';
import { ofModel } from './selections.ts';

const noCache = 'a model has cache in its model.json';

/** Models: where the time goes, what waits, what is refused, what was slow. */
export const inference: DashboardPlan = {
  name: 'inference',
  title: 'Vitrine: inference',
  says: 'Where the time of inference requests goes, what waits for a lane, what is refused and what was slowest.',
  tags: ['model'],
  variables: ['model', 'instance'],
  lines: [
    {
      height: 4,
      panels: [
        stat({
          title: 'Successes a second',
          says: 'Inference requests and tasks answered with ok.',
          queries: [now(rateBy('inferenceRequests', [], { ...ofModel, status: 'ok' }))],
          unit: 'reqps',
          width: 4,
        }),
        serverFailures('Callers’ mistakes, short deadlines and callers who left are below, by whose they are.'),
        slowestP95(
          {
            title: 'Slowest model, p95',
            says: 'The 95th percentile of the slowest model and task, from the first byte to the last.',
          },
          eachModel,
        ),
        longestWait({
          title: 'Longest wait',
          says: 'How long a request that came now would wait for a lane of the busiest model. The alert fires above 1 s for five minutes.',
        }),
        stat({
          title: 'Lanes',
          says: 'Idle or running.',
          queries: [now(`sum(${series('inferenceLanes', { ...ofModel, state: '~idle|running' })})`)],
          unit: 'short',
          width: 4,
        }),
        stat({
          title: 'Breakers open',
          says: 'Models whose guard lets nothing through.',
          queries: [now(`count(${series('breakerState', ofModel)} == 2) or vector(0)`)],
          unit: 'short',
          width: 4,
          limits: { badFrom: 1 },
        }),
      ],
    },
    {
      title: 'Time',
      height: 8,
      panels: [
        timeByStage(
          'The mean of each stage, stacked: receive, decode, queue, assemble, run, split, encode, send. Growth in queue is saturation, in run the model, in receive the caller.',
        ),
        durations(
          {
            title: 'Duration by model',
            says: 'Of inferences and of tasks. The link of a point finds the traces of that model that were slower than it; a dot is a kept trace.',
            links: [
              tracesLink(
                'Traces of this model slower than this',
                `{ span.inference.model.name = "\${__field.labels.model}" && duration > \${__value.numeric}s }`,
              ),
            ],
          },
          eachModel,
        ),
        timeseries({
          title: 'Failures by whose they are',
          says: 'A second: caller is a mistake or a deadline too short, left is a caller who did not wait, server is ours.',
          queries: [
            over(rateBy('inferenceRequests', ['model', 'fault'], { ...ofModel, fault: '!' }), '{{model}} {{fault}}'),
          ],
          unit: 'reqps',
          width: 8,
          onlyAfter: 'a request failed',
        }),
      ],
    },
    {
      height: 7,
      panels: [
        durationsAsHeatmap('All inference requests by duration.'),
        timeseries({
          title: 'Stages over 0.1 s',
          says: 'Part of the requests in which the stage took longer than 0.1 s: counted, not estimated.',
          queries: [over(overBy('inferenceStageSeconds', '0.1', ['stage'], ofModel), '{{stage}}')],
          unit: 'percentunit',
          min: 0,
          max: 1,
          width: 8,
        }),
        requestsByStatus('Requests by model and status', eachModel),
      ],
    },
    {
      title: 'Queue and batches',
      height: 7,
      panels: [
        timeseries({
          title: 'Waiting and in flight',
          says: 'Requests that wait for a lane, and all that are not answered yet.',
          queries: [
            over(`sum by (model) (${series('inferenceQueueDepth', ofModel)})`, '{{model}} waiting'),
            over(`sum by (model) (${series('inferenceActive', ofModel)})`, '{{model}} in flight'),
          ],
          unit: 'short',
          width: 6,
        }),
        timeseries({
          title: 'Predicted queue wait',
          says: 'The prediction that refuses requests whose deadline cannot be met.',
          queries: [over(`max by (model) (${series('inferenceQueueWait', ofModel)})`, '{{model}}')],
          unit: 's',
          width: 6,
        }),
        timeseries({
          title: 'Bytes that wait',
          says: 'Input tensors held in memory for those who wait.',
          queries: [over(`sum by (model) (${series('inferenceQueueBytes', ofModel)})`, '{{model}}')],
          unit: 'bytes',
          width: 6,
        }),
        timeseries({
          title: 'Never run',
          says: 'By reason: the caller left, the deadline passed while waiting, or the queue refused.',
          queries: [over(rateBy('inferenceDropped', ['reason'], ofModel), '{{reason}}')],
          unit: 'reqps',
          width: 6,
        }),
      ],
    },
    {
      height: 7,
      panels: [
        table({
          title: 'Who made whom wait',
          says: 'Seconds that requests to a model waited for its lanes, by what held them, in the dashboard’s time; a task stands in brackets. (nobody): no batch held a lane then.',
          queries: [rows(`${increaseBy('waitsOfModels', ['model', 'holder'], ofModel)} > 0`)],
          unit: 's',
          width: 12,
          columns: { model: 'Waiting', holder: 'Held by', Value: 'Waited' },
          largestFirst: 'Waited',
          onlyAfter: 'a request waited for a lane',
        }),
        timeseries({
          title: 'Waits by waiter and holder',
          says: 'Seconds waited a second: 100 % is one request that waits all the time.',
          queries: [over(rateBy('waitsOfModels', ['model', 'holder'], ofModel), '{{model}} for {{holder}}')],
          unit: 'percentunit',
          width: 12,
          stacked: true,
          onlyAfter: 'a request waited for a lane',
        }),
      ],
    },
    {
      height: 7,
      panels: [
        batchesByClosing(6),
        heatmap({
          title: 'Rows in a batch',
          says: 'More rows a batch is more work for the same time.',
          queries: [buckets(bucketsOf('inferenceBatchRows', ofModel))],
          unit: 'short',
          width: 6,
        }),
        timeseries({
          title: 'Batch fill, shortcut share',
          says: 'Mean rows as part of the most there may be; near 1 the lanes are saturated. On the event loop: so many batches were over sooner than the way to their lane would have been.',
          queries: [
            over(meanBy('inferenceBatchFill', ['model'], ofModel), '{{model}}'),
            over(
              `${rateBy('inferenceShortcutBatches', ['model'], ofModel)} / ${rateBy('inferenceBatches', ['model'], ofModel)}`,
              '{{model}} on the event loop',
            ),
          ],
          unit: 'percentunit',
          min: 0,
          max: 1,
          width: 6,
        }),
        timeseries({
          title: 'Tensor bytes',
          says: 'In and out, a second.',
          queries: [over(rateBy('inferenceBytes', ['direction'], ofModel), '{{direction}}')],
          unit: 'Bps',
          width: 6,
        }),
      ],
    },
    {
      title: 'Lanes and models',
      height: 7,
      panels: [
        timeseries({
          title: 'Lanes by state',
          says: 'idle, running, opening, abandoned. A second abandoned thread makes /live fail.',
          queries: [over(`sum by (model, state) (${series('inferenceLanes', ofModel)})`, '{{model}} {{state}}')],
          unit: 'short',
          width: 6,
        }),
        timeseries({
          title: 'Lanes lost, runs repeated',
          says: 'Crashed or stuck lanes in five minutes, and the requests that were given a second lane.',
          queries: [
            over(increaseBy('inferenceLaneLosses', ['model', 'how'], ofModel, '5m'), '{{model}} {{how}}'),
            over(increaseBy('inferenceLaneRetries', ['model'], ofModel, '5m'), '{{model}} run again'),
          ],
          unit: 'short',
          width: 6,
        }),
        timeseries({
          title: 'Memory of lanes',
          says: 'Processes: resident. Threads: their JavaScript memory alone; sessions and tensors of threads are in the process’s.',
          queries: [over(`sum by (model, kind) (${series('inferenceLaneMemory', ofModel)})`, '{{model}} {{kind}}')],
          unit: 'bytes',
          width: 6,
        }),
        breakers('Each model has one for loading and one for runs. An open one lets nothing through.', 6, eachModel),
      ],
    },
    {
      height: 7,
      panels: [
        table({
          title: 'Models',
          says: 'The state of every version.',
          queries: [rows(`max by (model, version, state) (${series('modelState', ofModel)}) == 1`)],
          unit: 'none',
          width: 6,
          columns: { model: 'Model', version: 'Version', state: 'State', Value: '' },
        }),
        timeseries({
          title: 'Models loaded',
          says: 'Versions that serve.',
          queries: [over(`sum(${series('modelsLoaded', { job: 'vitrine', instance: '~$instance' })})`, 'loaded')],
          unit: 'short',
          width: 6,
        }),
        table({
          title: 'Loads',
          says: 'Since the counters began: by result, and the mean from the file to ready.',
          queries: [rows(`sum by (model, result) (${series('modelLoads', ofModel)}) > 0`)],
          unit: 'short',
          width: 6,
          columns: { model: 'Model', result: 'Result', Value: 'How many' },
        }),
        timeseries({
          title: 'Time spent loading',
          says: 'From the file to ready: 100 % is one model that loads all the time.',
          queries: [over(sumRateBy('modelLoadSeconds', ['model'], ofModel), '{{model}}')],
          unit: 'percentunit',
          width: 6,
        }),
      ],
    },
    {
      title: 'Remembered answers and sequences',
      height: 7,
      panels: [
        timeseries({
          title: 'Answers from memory',
          says: 'Requests a second to models with cache in their model.json: hit and joined needed no run, miss made an answer, too_large was not looked up.',
          queries: [over(rateBy('cacheLookups', ['model', 'result'], ofModel), '{{model}} {{result}}')],
          unit: 'reqps',
          width: 6,
          stacked: true,
          onlyAfter: noCache,
        }),
        timeseries({
          title: 'Lane time saved',
          says: 'What the runs took whose answers were given again: 100 % is one lane.',
          queries: [over(rateBy('cacheSaved', ['model'], ofModel), '{{model}}')],
          unit: 'percentunit',
          width: 6,
          onlyAfter: noCache,
        }),
        timeseries({
          title: 'Bytes remembered',
          says: 'Answers, and states of open sequences.',
          queries: [
            over(`sum by (model) (${series('cacheBytes', ofModel)})`, '{{model}} answers'),
            over(`sum by (model) (${series('sequenceBytes', ofModel)})`, '{{model}} states'),
          ],
          unit: 'bytes',
          width: 6,
          onlyAfter: noCache,
        }),
        timeseries({
          title: 'Open and ended sequences',
          says: 'Those that are open, and those that ended in five minutes, by why. Answers that made room for others are evicted.',
          queries: [
            over(`sum by (model) (${series('sequencesOpen', ofModel)})`, '{{model}} open'),
            over(increaseBy('sequencesEnded', ['model', 'reason'], ofModel, '5m'), '{{model}} {{reason}}'),
            over(increaseBy('cacheEvictions', ['model'], ofModel, '5m'), '{{model}} evicted'),
          ],
          unit: 'short',
          width: 6,
          onlyAfter: 'a model has state in its model.json',
        }),
      ],
    },
    {
      title: 'Slowest',
      height: 8,
      panels: [
        traceTable({
          title: 'Slowest inference requests',
          says: 'Kept traces of more than 50 ms, with their time account.',
          queries: [traces(`{ ${requestsToModel} && duration > 50ms } | select(span.inference.model.name)`)],
          width: 12,
          largestFirst: duration,
          onlyAfter: 'a request took more than 50 ms',
        }),
        traceTable({
          title: 'Failed inference requests',
          says: 'By the failure’s code.',
          queries: [
            traces(
              `{ ${requestsToModel} && span.error.type != nil } | select(span.inference.model.name, span.error.type)`,
            ),
          ],
          width: 6,
          onlyAfter: 'an inference request failed',
        }),
        timeseries({
          title: 'Traces kept, by why',
          says: 'The rest leaves exact metrics and no spans.',
          queries: [over(rateBy('tracesKept', ['reason'], { job: 'vitrine', instance: '~$instance' }), '{{reason}}')],
          unit: 'reqps',
          width: 6,
          stacked: true,
          links: [dashboardLink('Telemetry pipeline', 'telemetry')],
        }),
      ],
    },
  ],
};
