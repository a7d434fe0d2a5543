import { bucketsOf, increaseBy, meanBy, partOf, quantileBy, rateBy, series } from '../promql.ts';
import { logsLink, tracesLink } from './explore-link.ts';
import { bargauge, type DashboardPlan, heatmap, stat, table, timeseries, traceTable } from './panel.ts';
import { buckets, now, over, rows, traces } from './query.ts';
import { atFault, ofModel, ofService } from './selections.ts';

const noRun = 'a microstructure was made';

const task = { ...ofService, task: 'microstructure' } as const;
const use = { ...ofModel, model_type: 'diffusion' } as const;

/** Microstructures. */
export const materials: DashboardPlan = {
  name: 'materials',
  title: 'Vitrine: materials',
  says: 'Microstructures by alloy and model: how many, how long they take, what fails, and what the models are known to reach.',
  tags: ['model'],
  variables: ['model', 'instance'],
  lines: [
    {
      height: 4,
      panels: [
        stat({
          title: 'Microstructures made',
          says: 'In the dashboard’s time.',
          queries: [now(increaseBy('tasks', [], { ...task, status: 'success' }))],
          unit: 'short',
          decimals: 0,
          width: 6,
          onlyAfter: noRun,
        }),
        stat({
          title: 'Server failures',
          says: 'In the dashboard’s time. Parameters that cannot be used are not counted.',
          queries: [now(`${increaseBy('tasks', [], { ...task, ...atFault })} or vector(0)`)],
          unit: 'short',
          decimals: 0,
          width: 6,
          limits: { warning: 1, bad: 10 },
          runbook: 'HighErrorRate',
        }),
        stat({
          title: 'Inference, p95',
          says: 'A microstructure’s use of its model. The alert fires above 10 s for two minutes.',
          queries: [now(quantileBy(0.95, 'modelInferenceSeconds', [], use))],
          unit: 's',
          width: 6,
          limits: { warning: 5, bad: 10 },
          runbook: 'ModelInferenceLatency',
          onlyAfter: noRun,
        }),
        stat({
          title: 'GPU memory',
          says: 'In use, over all GPUs. The alert fires above 8 GiB.',
          queries: [now(`sum(${series('gpuMemoryUsage')})`)],
          unit: 'bytes',
          width: 6,
          runbook: 'GPUMemoryHigh',
          onlyAfter: 'there is a GPU',
        }),
      ],
    },
    {
      title: 'Traffic and duration',
      height: 8,
      panels: [
        timeseries({
          title: 'Inference by alloy, p95',
          says: 'All engine calls of a microstructure together, by model type and alloy.',
          queries: [
            over(quantileBy(0.95, 'modelInferenceSeconds', ['model_type', 'alloy'], use), '{{model_type}} {{alloy}}'),
          ],
          unit: 's',
          width: 8,
          limits: { warning: 5, bad: 10 },
          runbook: 'ModelInferenceLatency',
          onlyAfter: noRun,
          links: [
            tracesLink(
              'Slower than this',
              `{ resource.service.name = "vitrine" && name = "model.inference" && duration > \${__value.numeric}s }`,
            ),
          ],
        }),
        timeseries({
          title: 'Tasks by status',
          says: 'Microstructures a second.',
          queries: [over(rateBy('tasks', ['model', 'status'], task), '{{model}} {{status}}')],
          unit: 'ops',
          width: 8,
          stacked: true,
          onlyAfter: noRun,
          links: [logsLink('Lines of materials', `{service_name="vitrine"} | event_type="microstructure_generation"`)],
        }),
        heatmap({
          title: 'How long inference takes',
          says: 'All microstructures by duration.',
          queries: [buckets(bucketsOf('modelInferenceSeconds', use))],
          unit: 's',
          width: 8,
          onlyAfter: noRun,
        }),
      ],
    },
    {
      title: 'By alloy and model',
      height: 8,
      panels: [
        table({
          title: 'By alloy',
          says: 'In the dashboard’s time.',
          queries: [
            rows(`sum by (model_type, alloy) (increase(${partOf('modelInferenceSeconds', 'count', use)}[$__range]))`),
            rows(meanBy('modelInferenceSeconds', ['model_type', 'alloy'], use, '$__range')),
          ],
          unit: 's',
          width: 8,
          columns: { model_type: 'Model', alloy: 'Alloy', 'Value #A': 'Runs', 'Value #B': 'Mean' },
          columnUnits: { Runs: 'short' },
          wholeColumns: ['Runs'],
          onlyAfter: noRun,
        }),
        bargauge({
          title: 'Known scores of the models',
          says: 'From `accuracy` of their model.json: measured once, not while they serve.',
          queries: [
            now(
              `max by (model_type, validation_set) (${series('modelAccuracy')})`,
              '{{model_type}} {{validation_set}}',
            ),
          ],
          unit: 'none',
          min: 0,
          max: 1,
          width: 8,
          onlyAfter: 'a model has a score in its model.json',
        }),
        traceTable({
          title: 'Latest runs',
          says: 'The latest, with what became of them; every task’s trace is kept.',
          queries: [
            traces(
              `{ resource.service.name = "vitrine" && name = "task" && span.task.kind = "microstructure" } | select(span.inference.model.name, span.task.status)`,
            ),
          ],
          width: 8,
          onlyAfter: noRun,
        }),
      ],
    },
  ],
};
