import { braces, bucketsOf, increaseBy, meanBy, partOf, quantileBy, rateBy, series } from '../promql.ts';
import { logsLink, tracesLink } from './explore-link.ts';
import { type DashboardPlan, duration, heatmap, stat, table, timeseries, traceTable } from './panel.ts';
import { buckets, now, over, rows, traces } from './query.ts';
import { atFault, ofModel, ofService } from './selections.ts';

const noSound = 'a sound was generated';

/** Text to audio. */
export const generation: DashboardPlan = {
  name: 'generation',
  title: 'Vitrine: generation',
  says: 'Sounds generated from text: how many, how long they take against how long they are, and what fails.',
  tags: ['audio', 'model'],
  variables: ['model', 'instance'],
  lines: [
    {
      height: 4,
      panels: [
        stat({
          title: 'Sounds generated',
          says: 'In the dashboard’s time.',
          queries: [now(increaseBy('generations', [], { ...ofModel, status: 'success' }))],
          unit: 'short',
          decimals: 0,
          width: 6,
          onlyAfter: noSound,
        }),
        stat({
          title: 'Server failures a second',
          says: 'The alerts fire above 0.05/s for a minute (critical) and above 0.1/s for two. Prompts that cannot be used are not counted.',
          queries: [now(`${rateBy('generationErrors', [], { ...ofService, ...atFault })} or vector(0)`)],
          unit: 'ops',
          width: 6,
          limits: { warning: 0.02, bad: 0.05 },
          runbook: 'ModelGenerationFailures',
        }),
        stat({
          title: 'Mean time',
          says: 'Of a generation in the dashboard’s time. The alert fires above 30 s over five minutes.',
          queries: [now(meanBy('generationSeconds', [], ofModel, '$__range'))],
          unit: 's',
          width: 6,
          limits: { warning: 20, bad: 30 },
          runbook: 'LongGenerationTime',
          onlyAfter: noSound,
        }),
        stat({
          title: 'Seconds of sound made',
          says: 'In the dashboard’s time, laid end to end.',
          queries: [now(increaseOfSum())],
          unit: 's',
          width: 6,
          onlyAfter: noSound,
        }),
      ],
    },
    {
      title: 'Traffic and errors',
      height: 8,
      panels: [
        timeseries({
          title: 'Generations by model',
          says: 'A second; status is success or the failure’s code.',
          queries: [
            over(rateBy('generations', ['model', 'status', 'fault'], ofModel), '{{model}} {{status}} {{fault}}'),
          ],
          unit: 'ops',
          width: 8,
          stacked: true,
          onlyAfter: noSound,
        }),
        timeseries({
          title: 'Server failures by kind',
          says: 'A second, by the failure’s code. The chart beside it has callers’ failures.',
          queries: [over(rateBy('generationErrors', ['error_type'], { ...ofService, ...atFault }), '{{error_type}}')],
          unit: 'ops',
          width: 8,
          limits: { warning: 0.05, bad: 0.1 },
          runbook: 'HighErrorRate',
          onlyAfter: 'a generation failed',
          links: [
            logsLink('Lines of this failure', `{service_name="vitrine"} | error_type="\${__field.labels.error_type}"`),
          ],
        }),
        table({
          title: 'By model',
          says: 'Sounds generated in the dashboard’s time.',
          queries: [
            rows(increaseBy('generations', ['model'], { ...ofModel, status: 'success' })),
            rows(meanBy('generationSeconds', ['model'], ofModel, '$__range')),
            rows(
              `histogram_quantile(0.95, sum by (model) (sum_over_time(vitrine:audio_generation_latency_seconds:rate5m${braces(ofModel)}[$__range:1m])))`,
            ),
            rows(meanBy('generatedAudio', ['model'], ofModel, '$__range')),
          ],
          unit: 's',
          width: 8,
          columns: {
            model: 'Model',
            'Value #A': 'Sounds',
            'Value #B': 'Mean',
            'Value #C': 'p95',
            'Value #D': 'Length',
          },
          columnUnits: { Sounds: 'short' },
          wholeColumns: ['Sounds'],
          onlyAfter: noSound,
        }),
      ],
    },
    {
      title: 'Duration',
      height: 8,
      panels: [
        timeseries({
          title: 'Time to generate',
          says: 'Over all lengths.',
          queries: [0.5, 0.95, 0.99].map((quantile) =>
            over(quantileBy(quantile, 'generationSeconds', [], ofModel), `p${quantile * 100}`),
          ),
          unit: 's',
          width: 8,
          runbook: 'LongGenerationTime',
          onlyAfter: noSound,
          links: [
            tracesLink(
              'Generations slower than this',
              `{ resource.service.name = "vitrine" && name = "model.inference" && duration > \${__value.numeric}s }`,
            ),
          ],
        }),
        timeseries({
          title: 'By the length asked for',
          says: 'The mean time for each step of length: a line that is not in proportion to its length is worth a look.',
          queries: [over(meanBy('generationSeconds', ['duration'], ofModel), '{{duration}}')],
          unit: 's',
          width: 8,
          onlyAfter: noSound,
        }),
        heatmap({
          title: 'Lengths of the sounds',
          says: 'What was asked for, over time.',
          queries: [buckets(bucketsOf('generatedAudio', ofModel))],
          unit: 's',
          width: 8,
          onlyAfter: noSound,
        }),
      ],
    },
    {
      title: 'Machine and traces',
      height: 8,
      panels: [
        timeseries({
          title: 'Memory and GPU',
          says: 'Resident memory of the service, and GPU memory in use.',
          queries: [
            over(`sum(${series('processMemory', ofService)})`, 'service'),
            over(`sum by (hw_name) (${series('gpuMemoryUsage')})`, '{{hw_name}}'),
          ],
          unit: 'bytes',
          width: 8,
          runbook: 'HighMemoryUsage',
        }),
        traceTable({
          title: 'Slowest generations',
          says: 'Spans of a model’s use, with the length of the prompt and of the sound.',
          queries: [
            traces(
              `{ resource.service.name = "vitrine" && name = "model.inference" && span.prompt.length != nil } | select(span.prompt.length, span.audio.duration, span.audio.generated_samples)`,
            ),
          ],
          width: 16,
          largestFirst: duration,
          onlyAfter: noSound,
        }),
      ],
    },
  ],
};

function increaseOfSum(): string {
  return `sum(increase(${partOf('generatedAudio', 'sum', ofModel)}[$__range]))`;
}
