import { bucketsOf, increaseBy, meanBy, quantileBy, rateBy, series } from '../promql.ts';
import { dashboardLink, logsLink, tracesLink } from './explore-link.ts';
import { type DashboardPlan, heatmap, stat, table, timeseries } from './panel.ts';
import { buckets, now, over, rows } from './query.ts';
import { answerable, ofDataset, ofModel } from './selections.ts';

const noDataset = 'a dataset was processed';
const noSeparation = 'a sound was separated';

/** Datasets and separations: how much, how fast, with what errors, how good. */
export const audioOverview: DashboardPlan = {
  name: 'audio-overview',
  title: 'Vitrine: audio overview',
  says: 'Samples by dataset, their rate, errors and scores; separations beside them.',
  tags: ['audio'],
  variables: ['dataset', 'model', 'instance'],
  lines: [
    {
      height: 4,
      panels: [
        stat({
          title: 'Samples processed',
          says: 'Files of datasets in the dashboard’s time, whatever became of them.',
          queries: [now(increaseBy('samplesProcessed', [], ofDataset))],
          unit: 'short',
          decimals: 0,
          width: 4,
          onlyAfter: noDataset,
        }),
        stat({
          title: 'Failed samples',
          says: 'Files that could not be processed.',
          queries: [now(`${increaseBy('processingErrors', [], ofDataset)} or vector(0)`)],
          unit: 'short',
          decimals: 0,
          width: 4,
          limits: { warning: 1, bad: 10 },
          runbook: 'HighErrorRate',
        }),
        stat({
          title: 'Median score',
          says: 'Of the TOPSIS scores. The alert fires below 0.5.',
          queries: [now(quantileBy(0.5, 'qualityScore', [], ofDataset, '$__range'))],
          unit: 'none',
          decimals: 2,
          width: 4,
          limits: { warning: 0.6, bad: 0.5 },
          runbook: 'LowQualityScores',
          onlyAfter: noDataset,
          links: [dashboardLink('Audio quality', 'audio-quality')],
        }),
        stat({
          title: 'Separations',
          says: 'In the dashboard’s time.',
          queries: [now(increaseBy('separations', [], ofModel))],
          unit: 'short',
          decimals: 0,
          width: 4,
          onlyAfter: noSeparation,
        }),
        stat({
          title: 'Separations, success rate',
          says: 'In the dashboard’s time. Files that are no sound, short deadlines and callers who left count neither way.',
          queries: [
            now(
              `${increaseBy('separations', [], { ...ofModel, status: 'success' })} / (${increaseBy('separations', [], { ...ofModel, ...answerable })} > 0)`,
            ),
          ],
          unit: 'percentunit',
          width: 4,
          limits: { warning: 0.99, bad: 0.95 },
          onlyAfter: noSeparation,
        }),
        stat({
          title: 'Waiting',
          says: 'Jobs and files that wait.',
          queries: [now(`sum(${series('processingQueue')})`)],
          unit: 'short',
          width: 4,
        }),
      ],
    },
    {
      title: 'Datasets',
      height: 8,
      panels: [
        timeseries({
          title: 'Samples by dataset',
          says: 'Files a second.',
          queries: [over(rateBy('samplesProcessed', ['dataset'], ofDataset), '{{dataset}}')],
          unit: 'ops',
          width: 6,
          stacked: true,
          onlyAfter: noDataset,
        }),
        timeseries({
          title: 'Samples by processor',
          says: 'success, failed, excluded or skipped.',
          queries: [over(rateBy('samplesProcessed', ['processor', 'status'], ofDataset), '{{processor}} {{status}}')],
          unit: 'ops',
          width: 6,
          stacked: true,
          onlyAfter: noDataset,
        }),
        timeseries({
          title: 'Errors by kind',
          says: 'Files that could not be processed, a second. The alert fires above 0.05/s for ten minutes.',
          queries: [
            over(rateBy('processingErrors', ['error_type', 'severity'], ofDataset), '{{error_type}} ({{severity}})'),
          ],
          unit: 'ops',
          width: 6,
          limits: { warning: 0.05, bad: 0.5 },
          runbook: 'HighErrorRate',
          onlyAfter: 'a file of a dataset failed',
          links: [logsLink('Lines of datasets', `{service_name="vitrine-dataset"} | event_type="sample_processed"`)],
        }),
        heatmap({
          title: 'Scores',
          says: 'How TOPSIS scores are distributed.',
          queries: [buckets(bucketsOf('qualityScore', ofDataset))],
          unit: 'none',
          width: 6,
          onlyAfter: noDataset,
        }),
      ],
    },
    {
      title: 'Separations',
      height: 8,
      panels: [
        timeseries({
          title: 'Separations by model',
          says: 'A second.',
          queries: [
            over(rateBy('separations', ['model', 'status', 'fault'], ofModel), '{{model}} {{status}} {{fault}}'),
          ],
          unit: 'ops',
          width: 6,
          onlyAfter: noSeparation,
          links: [
            tracesLink(
              'Traces of separations',
              `{ resource.service.name = "vitrine" && name = "task" && span.task.kind = "separate" }`,
            ),
          ],
        }),
        timeseries({
          title: 'Length of the sounds',
          says: 'The mean of what was given to separate.',
          queries: [over(meanBy('separationAudio', ['model'], ofModel), '{{model}}')],
          unit: 's',
          width: 6,
          onlyAfter: noSeparation,
        }),
        timeseries({
          title: 'Size of the files',
          says: 'Median and 95th percentile.',
          queries: [0.5, 0.95].map((quantile) =>
            over(quantileBy(quantile, 'separationFileBytes', [], ofModel), `p${quantile * 100}`),
          ),
          unit: 'bytes',
          width: 6,
          onlyAfter: noSeparation,
        }),
        table({
          title: 'Defects in outputs',
          says: 'Silence, clipping, numbers that are none: a model that answers well-formed nonsense.',
          queries: [rows(`${increaseBy('outputDefects', ['model', 'kind'], ofModel)} > 0`)],
          unit: 'short',
          decimals: 0,
          width: 6,
          columns: { model: 'Model', kind: 'Kind', Value: 'How many' },
          onlyAfter: 'an output had a defect',
        }),
      ],
    },
  ],
};
