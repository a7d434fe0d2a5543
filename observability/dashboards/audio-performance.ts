import { bucketsOf, countRateBy, meanBy, quantileBy, rateBy, series } from '../promql.ts';
import { tracesLink } from './explore-link.ts';
import { type DashboardPlan, duration, heatmap, timeseries, traceTable } from './panel.ts';
import { buckets, over, traces } from './query.ts';
import { ofDataset, ofModel, ofService } from './selections.ts';

const noDataset = 'a dataset was processed';
const noTask = 'a task was done';
const noJob = 'a job was accepted';

/** How fast audio work goes, and what it waits for. */
export const audioPerformance: DashboardPlan = {
  name: 'audio-performance',
  title: 'Vitrine: audio performance',
  says: 'How long audio work takes, how fast it is against the length of the sound, and what it waits for.',
  tags: ['audio', 'model'],
  variables: ['dataset', 'model', 'instance'],
  lines: [
    {
      title: 'Duration',
      height: 8,
      panels: [
        timeseries({
          title: 'Operations on a file',
          says: 'Over all operations of a dataset’s files.',
          queries: [0.5, 0.95, 0.99].map((quantile) =>
            over(quantileBy(quantile, 'processingSeconds', ['dataset'], ofDataset), `{{dataset}} p${quantile * 100}`),
          ),
          unit: 's',
          width: 6,
          onlyAfter: noDataset,
        }),
        timeseries({
          title: 'Time by operation',
          says: 'The mean of each operation on one file, stacked.',
          queries: [over(meanBy('processingSeconds', ['operation'], ofDataset), '{{operation}}')],
          unit: 's',
          width: 6,
          stacked: true,
          onlyAfter: noDataset,
        }),
        timeseries({
          title: 'Tasks: 95th percentile',
          says: 'From a task’s input to its result.',
          queries: [over(quantileBy(0.95, 'taskSeconds', ['task', 'model'], ofModel), '{{task}} {{model}}')],
          unit: 's',
          width: 6,
          onlyAfter: noTask,
          links: [
            tracesLink(
              'Tasks slower than this',
              `{ resource.service.name = "vitrine" && name = "task" && duration > \${__value.numeric}s }`,
            ),
          ],
        }),
        heatmap({
          title: 'Separations',
          says: 'All separations by duration.',
          queries: [buckets(bucketsOf('separationSeconds', ofModel))],
          unit: 's',
          width: 6,
          onlyAfter: 'a sound was separated',
        }),
      ],
    },
    {
      title: 'Speed',
      height: 7,
      panels: [
        timeseries({
          title: 'Time by length of sound',
          says: 'The mean; below 1 is faster than it plays.',
          queries: [over(meanBy('realTimeFactor', ['task', 'model'], ofModel), '{{task}} {{model}}')],
          unit: 'none',
          width: 8,
          limits: { warning: 1, bad: 2 },
          onlyAfter: noTask,
        }),
        timeseries({
          title: 'Tasks a second',
          says: 'By task and status.',
          queries: [over(rateBy('tasks', ['task', 'status'], ofModel), '{{task}} {{status}}')],
          unit: 'ops',
          width: 8,
          stacked: true,
          onlyAfter: noTask,
        }),
        timeseries({
          title: 'Operations a second',
          says: 'On files of datasets, by operation.',
          queries: [over(countRateBy('processingSeconds', ['operation'], ofDataset), '{{operation}}')],
          unit: 'ops',
          width: 8,
          onlyAfter: noDataset,
        }),
      ],
    },
    {
      title: 'Queues, workers and jobs',
      height: 7,
      panels: [
        timeseries({
          title: 'Queues',
          says: 'Work that waits, by queue.',
          queries: [over(`sum by (queue_name) (${series('processingQueue')})`, '{{queue_name}}')],
          unit: 'short',
          width: 6,
        }),
        timeseries({
          title: 'Workers',
          says: 'That are busy, by kind.',
          queries: [over(`sum by (worker_type) (${series('processingWorkers')})`, '{{worker_type}}')],
          unit: 'short',
          width: 6,
        }),
        timeseries({
          title: 'Jobs',
          says: 'Waiting and running, by kind.',
          queries: [
            over(`sum by (kind) (${series('jobsWaiting', ofService)})`, '{{kind}} waiting'),
            over(`sum by (kind) (${series('jobsRunning', ofService)})`, '{{kind}} running'),
          ],
          unit: 'short',
          width: 6,
        }),
        timeseries({
          title: 'Oldest job',
          says: 'Age of the oldest job that is not ended. It should fall back to 0.',
          queries: [over(`max by (kind) (${series('jobsOldest', ofService)})`, '{{kind}}')],
          unit: 's',
          width: 6,
        }),
      ],
    },
    {
      height: 7,
      panels: [
        timeseries({
          title: 'Jobs ended',
          says: 'A second: done, failed or cancelled.',
          queries: [over(rateBy('jobs', ['kind', 'status', 'fault'], ofService), '{{kind}} {{status}} {{fault}}')],
          unit: 'ops',
          width: 6,
          onlyAfter: noJob,
        }),
        timeseries({
          title: 'Jobs: 95th percentile',
          says: 'From accepted to ended.',
          queries: [over(quantileBy(0.95, 'jobSeconds', ['kind'], ofService), '{{kind}}')],
          unit: 's',
          width: 6,
          onlyAfter: noJob,
        }),
        timeseries({
          title: 'Temporary files',
          says: 'Bytes held for work in progress; back to 0 when there is none.',
          queries: [over(`sum(${series('temporaryBytes', ofService)})`, 'bytes')],
          unit: 'bytes',
          width: 6,
        }),
        timeseries({
          title: 'Number of temporary files',
          says: 'Held for work in progress; one that stays is a leak.',
          queries: [over(`sum(${series('temporaryFiles', ofService)})`, 'files')],
          unit: 'short',
          width: 6,
        }),
      ],
    },
    {
      title: 'Machine and slowest',
      height: 7,
      panels: [
        timeseries({
          title: 'GPU',
          says: 'Utilisation and memory, beside the work above.',
          queries: [
            over(`max by (hw_name) (${series('gpuUtilization')})`, '{{hw_name}} busy'),
            over(`max by (hw_name) (${series('gpuMemoryUtilization')})`, '{{hw_name}} memory'),
          ],
          unit: 'percentunit',
          min: 0,
          max: 1,
          width: 6,
          onlyAfter: 'there is a GPU',
          runbook: 'GPUMemoryHigh',
        }),
        timeseries({
          title: 'CPU and memory',
          says: 'Of the service, as part of the machine.',
          queries: [
            over(`sum(${series('processCpuUtilization', ofService)})`, 'CPU'),
            over(
              `sum(${series('processMemory', ofService)}) / sum(sum without (system_memory_state) (${series('systemMemory', ofService)}))`,
              'memory',
            ),
          ],
          unit: 'percentunit',
          min: 0,
          width: 6,
        }),
        traceTable({
          title: 'Slowest tasks',
          says: 'Every task’s trace is kept; these took more than half a second.',
          queries: [traces(`{ resource.service.name = "vitrine" && name = "task" && duration > 500ms }`)],
          width: 12,
          largestFirst: duration,
          onlyAfter: 'a task took more than half a second',
        }),
      ],
    },
  ],
};
