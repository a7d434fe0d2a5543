import { bucketsOf, increaseBy, meanBy, quantileBy, rateBy } from '../promql.ts';
import { logsLink } from './explore-link.ts';
import { bargauge, type DashboardPlan, heatmap, table, timeseries } from './panel.ts';
import { buckets, now, over, rows } from './query.ts';
import { ofDataset, ofModel } from './selections.ts';

const noScore = 'a sound was scored';

/** How good datasets and outputs are. */
export const audioQuality: DashboardPlan = {
  name: 'audio-quality',
  title: 'Vitrine: audio quality',
  says: 'The scores of datasets over time and against each other, the measures behind them, and what was excluded.',
  tags: ['audio'],
  variables: ['dataset', 'model', 'instance'],
  lines: [
    {
      title: 'Scores',
      height: 8,
      panels: [
        timeseries({
          title: 'TOPSIS score, p10 and p50',
          says: 'The alert fires when the median is below 0.5 for half an hour.',
          queries: [
            over(quantileBy(0.5, 'qualityScore', ['dataset'], ofDataset), '{{dataset}} median'),
            over(quantileBy(0.1, 'qualityScore', ['dataset'], ofDataset), '{{dataset}} lowest tenth'),
          ],
          unit: 'none',
          min: 0,
          max: 1,
          decimals: 2,
          width: 8,
          limits: { warning: 0.6, bad: 0.5 },
          runbook: 'LowQualityScores',
          onlyAfter: noScore,
        }),
        heatmap({
          title: 'Scores',
          says: 'How they are distributed over time.',
          queries: [buckets(bucketsOf('qualityScore', ofDataset))],
          unit: 'none',
          width: 8,
          onlyAfter: noScore,
        }),
        bargauge({
          title: 'Datasets compared',
          says: 'The median score of each in the dashboard’s time.',
          queries: [now(quantileBy(0.5, 'qualityScore', ['dataset'], ofDataset, '$__range'), '{{dataset}}')],
          unit: 'none',
          min: 0,
          max: 1,
          decimals: 2,
          width: 8,
          limits: { warning: 0.6, bad: 0.5 },
          onlyAfter: noScore,
        }),
      ],
    },
    {
      title: 'Measures',
      height: 8,
      panels: [
        timeseries({
          title: 'Signal to noise',
          says: 'The mean of SNR and SI-SDR, in dB.',
          queries: [
            over(
              meanBy('qualityMeasure', ['dataset', 'measure'], { ...ofDataset, measure: '~snr|si_sdr' }),
              '{{dataset}} {{measure}}',
            ),
          ],
          unit: 'none',
          decimals: 1,
          width: 8,
          onlyAfter: noScore,
        }),
        timeseries({
          title: 'As listeners would rate it',
          says: 'The mean of DNSMOS, 1 to 5. A model of listeners, not listeners.',
          queries: [over(meanBy('qualityMeasure', ['dataset'], { ...ofDataset, measure: '~dnsmos.*' }), '{{dataset}}')],
          unit: 'none',
          min: 1,
          max: 5,
          decimals: 2,
          width: 8,
          onlyAfter: noScore,
        }),
        timeseries({
          title: 'Intelligibility',
          says: 'The mean of STOI, in hundredths: 100 is as clear as the reference.',
          queries: [over(meanBy('qualityMeasure', ['dataset'], { ...ofDataset, measure: 'stoi' }), '{{dataset}}')],
          unit: 'none',
          min: 0,
          max: 100,
          width: 8,
          onlyAfter: 'a sound was scored against a reference',
        }),
      ],
    },
    {
      title: 'What is not good enough',
      height: 8,
      panels: [
        timeseries({
          title: 'Excluded and skipped samples',
          says: 'Files a second that were left out of their dataset.',
          queries: [
            over(
              rateBy('samplesProcessed', ['dataset', 'status'], { ...ofDataset, status: '~excluded|skipped' }),
              '{{dataset}} {{status}}',
            ),
          ],
          unit: 'ops',
          width: 8,
          onlyAfter: 'a file of a dataset was excluded',
          links: [logsLink('Lines of datasets', `{service_name="vitrine-dataset"} | event_type="sample_processed"`)],
        }),
        table({
          title: 'Datasets',
          says: 'In the dashboard’s time: files, failures, and the mean score.',
          queries: [
            rows(increaseBy('samplesProcessed', ['dataset'], ofDataset)),
            rows(increaseBy('processingErrors', ['dataset'], ofDataset)),
            rows(meanBy('qualityScore', ['dataset'], ofDataset, '$__range')),
          ],
          unit: 'short',
          width: 8,
          columns: { dataset: 'Dataset', 'Value #A': 'Files', 'Value #B': 'Failed', 'Value #C': 'Mean score' },
          wholeColumns: ['Files', 'Failed'],
          onlyAfter: 'a dataset was processed',
        }),
        timeseries({
          title: 'Defects in outputs',
          says: 'Silence, clipping and numbers that are none, a second.',
          queries: [over(rateBy('outputDefects', ['model', 'kind'], ofModel), '{{model}} {{kind}}')],
          unit: 'ops',
          width: 8,
          onlyAfter: 'an output had a defect',
        }),
      ],
    },
  ],
};
