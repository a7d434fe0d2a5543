import { bucketsOf, meanBy, quantileBy, rateBy, series } from '../promql.ts';
import { durationLimits, heatmap, type Panel, stat, statetimeline, timeseries } from './panel.ts';
import { buckets, exemplars, now, over } from './query.ts';
import { atFault, ofModel } from './selections.ts';
import { breakerWords } from './state-words.ts';

// Panels about models that more than one dashboard has: of each model by its name, or of the one
// that the dashboard shows.

/** Whether a panel has each model apart. */
export type Split = { readonly by: readonly 'model'[]; readonly legend: string };
export const eachModel: Split = { by: ['model'], legend: '{{model}} ' };
export const oneModel: Split = { by: [], legend: '' };

/** What the dashboards say in words of their own. */
type Words = Pick<Panel, 'title' | 'says'>;

/** Of traces: the requests to the models that the dashboard shows. */
export const requestsToModel = `resource.service.name = "vitrine" && kind = server && span.inference.model.name =~ "$model"`;

export function serverFailures(says: string): Panel {
  return stat({
    title: 'Server failures a second',
    says,
    queries: [now(`${rateBy('inferenceRequests', [], { ...ofModel, ...atFault })} or vector(0)`)],
    unit: 'reqps',
    width: 4,
    limits: { warning: 0.01, bad: 0.05 },
    runbook: 'ModelFailing',
  });
}

export function slowestP95(words: Words, { by }: Split): Panel {
  return stat({
    ...words,
    queries: [now(`max(${quantileBy(0.95, 'inferenceSeconds', [...by, 'task'], ofModel)})`)],
    unit: 's',
    width: 4,
    limits: durationLimits,
    runbook: 'ModelInferenceLatency',
  });
}

export function longestWait(words: Words): Panel {
  return stat({
    ...words,
    queries: [now(`max(${series('inferenceQueueWait', ofModel)})`)],
    unit: 's',
    width: 4,
    limits: { warning: 1, bad: 5 },
    runbook: 'QueueWaitLong',
  });
}

export function timeByStage(says: string): Panel {
  return timeseries({
    title: 'Time by stage',
    says,
    queries: [
      over(meanBy('inferenceStageSeconds', ['stage'], ofModel), '{{stage}}'),
      over(meanBy('inferenceRestSeconds', [], ofModel), 'no stage'),
    ],
    unit: 's',
    width: 8,
    stacked: true,
  });
}

export function durations(words: Words & Pick<Panel, 'links'>, { by, legend }: Split): Panel {
  return timeseries({
    ...words,
    queries: [
      ...[0.5, 0.95, 0.99].map((quantile) =>
        over(
          quantileBy(quantile, 'inferenceSeconds', [...by, 'task'], ofModel),
          `${legend}{{task}} p${quantile * 100}`,
        ),
      ),
      exemplars('inferenceSeconds', { model: '~$model' }),
    ],
    unit: 's',
    width: 8,
    runbook: 'ModelInferenceLatency',
  });
}

export function durationsAsHeatmap(says: string): Panel {
  return heatmap({
    title: 'How long requests take',
    says,
    queries: [buckets(bucketsOf('inferenceSeconds', ofModel))],
    unit: 's',
    width: 8,
  });
}

export function requestsByStatus(title: string, { by, legend }: Split): Panel {
  return timeseries({
    title,
    says: 'A second; status is ok or the failure’s code.',
    queries: [over(rateBy('inferenceRequests', [...by, 'status', 'task'], ofModel), `${legend}{{task}} {{status}}`)],
    unit: 'reqps',
    width: 8,
    stacked: true,
  });
}

export function batchesByClosing(width: number): Panel {
  return timeseries({
    title: 'Batches by what closed them',
    says: 'idle: the lane was free; rows or bytes: full; padding: what waited would have padded it too much; delay: the manifest’s wait was over; alone: this model takes no batches.',
    queries: [over(rateBy('inferenceBatches', ['closed_by'], ofModel), '{{closed_by}}')],
    unit: 'ops',
    width,
    stacked: true,
  });
}

export function breakers(says: string, width: number, { by, legend }: Split): Panel {
  return statetimeline({
    title: 'Breakers',
    says,
    queries: [
      over(`max by (${[...by, 'guard'].join(', ')}) (${series('breakerState', ofModel)})`, `${legend}{{guard}}`),
    ],
    unit: 'none',
    words: breakerWords,
    width,
  });
}
