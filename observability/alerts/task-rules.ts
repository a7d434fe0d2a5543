import { partOf, quantileBy, series } from '../promql.ts';
import { p95Above } from './judged-requests.ts';
import { ours } from './objectives.ts';
import { environment, type RuleGroup } from './rule.ts';

const byModel = `by (${environment}, model)`;
const byDataset = `by (${environment}, dataset)`;

export const taskRules: RuleGroup = {
  name: 'tasks',
  says: 'Generation, separation, materials and datasets: do they work, fast enough, and are their results any good?',
  rules: [
    {
      alert: 'HighErrorRate',
      severity: 'warning',
      team: 'serving',
      system: 'generation',
      expr: `sum by (${environment}) (rate(${series('generationErrors', ours)}[5m])) > 0.1`,
      for: '2m',
      by: [environment],
      summary: 'Generations fail',
      description:
        '{{ $value | printf "%.3g" }} generations a second fail on the server’s side; more than 0.1 for 2 minutes is too many.',
      dashboard: 'generation',
    },
    {
      alert: 'HighErrorRate',
      severity: 'warning',
      team: 'data',
      system: 'datasets',
      expr: `sum ${byDataset} (rate(${series('processingErrors')}[5m])) > 0.05`,
      for: '10m',
      by: [environment, 'dataset'],
      summary: 'Files of dataset {{ $labels.dataset }} cannot be processed',
      description: '{{ $value | printf "%.3g" }} a second fail; more than 0.05 for 10 minutes is too many.',
      dashboard: 'audio-overview',
    },
    {
      alert: 'LongGenerationTime',
      severity: 'warning',
      team: 'serving',
      system: 'generation',
      expr: `sum ${byModel} (rate(${partOf('generationSeconds', 'sum')}[5m])) / (sum ${byModel} (rate(${partOf('generationSeconds', 'count')}[5m])) > 0) > 30`,
      for: '5m',
      by: [environment, 'model'],
      summary: 'Generation with {{ $labels.model }} takes long',
      description: '{{ $value | humanizeDuration }} on average; 30 s is the limit.',
      dashboard: 'generation',
    },
    {
      alert: 'ModelGenerationFailures',
      severity: 'critical',
      team: 'serving',
      system: 'generation-guide',
      // A prompt that cannot be used is its author’s mistake: only server failures call somebody.
      expr: `sum ${byModel} (rate(${series('generations', ours)}[5m])) > 0.05`,
      for: '1m',
      by: [environment, 'model'],
      summary: '{{ $labels.model }} generates nothing',
      description:
        '{{ $value | printf "%.3g" }} generations a second fail on the server’s side; more than 0.05 for a minute is too many.',
      dashboard: 'generation',
    },
    {
      alert: 'SeparationFailures',
      severity: 'warning',
      team: 'serving',
      system: 'separation',
      expr: `sum ${byModel} (rate(${series('separations', ours)}[5m])) > 0.05`,
      for: '2m',
      by: [environment, 'model'],
      summary: 'Separations with {{ $labels.model }} fail',
      description:
        '{{ $value | printf "%.3g" }} a second fail on the server’s side, after their retries; more than 0.05 is too many.',
      dashboard: 'audio-overview',
    },
    {
      alert: 'ModelInferenceLatency',
      severity: 'warning',
      team: 'serving',
      system: 'microstructure',
      expr: p95Above('modelInferenceSeconds', [environment, 'model', 'model_type'], 10),
      for: '2m',
      by: [environment, 'model', 'model_type'],
      summary: 'Tasks wait long for {{ $labels.model }}',
      description:
        'One use in twenty takes longer than {{ $value | humanizeDuration }}; 10 s is the limit. Fewer than five uses in 5 minutes are not judged.',
      dashboard: 'materials',
      why: 'slowest',
    },
    {
      alert: 'SlowerThanItPlays',
      severity: 'warning',
      team: 'serving',
      expr: `${quantileBy(0.95, 'realTimeFactor', [environment, 'task', 'model'], {}, '5m')} > 1`,
      for: '10m',
      by: [environment, 'task', 'model'],
      summary: 'Task {{ $labels.task }} with {{ $labels.model }} is slower than the sound plays',
      description: 'One in twenty takes more than {{ $value | printf "%.3g" }} times the length of its sound.',
      dashboard: 'audio-performance',
      why: 'slowest',
    },
    {
      alert: 'OutputDefective',
      severity: 'warning',
      team: 'data',
      expr: `sum by (${environment}, model, kind) (rate(${series('outputDefects')}[10m])) > 0.02`,
      for: '5m',
      by: [environment, 'model', 'kind'],
      summary: 'Results of {{ $labels.model }} have a defect: {{ $labels.kind }}',
      description:
        '{{ $value | printf "%.3g" }} results a second are answered with success and are not what anybody wants.',
      dashboard: 'audio-quality',
    },
    {
      alert: 'LowQualityScores',
      severity: 'warning',
      team: 'data',
      system: 'datasets',
      // A run exports all scores at its end, so a window of 30 minutes could never hold for 30 minutes.
      expr: `${quantileBy(0.5, 'qualityScore', [environment, 'dataset'], {}, '2h')} < 0.5`,
      for: '30m',
      by: [environment, 'dataset'],
      summary: 'Dataset {{ $labels.dataset }} scores low',
      description:
        'Half of the files of the last two hours score below {{ $value | printf "%.3g" }}; the median should be 0.5 or more.',
      dashboard: 'audio-quality',
    },
    {
      alert: 'DatasetFailing',
      severity: 'warning',
      team: 'data',
      expr: `sum ${byDataset} (rate(${series('samplesProcessed', { status: 'failed' })}[10m])) / (sum ${byDataset} (rate(${series('samplesProcessed')}[10m])) > 0) > 0.1`,
      for: '5m',
      by: [environment, 'dataset'],
      summary: 'Many files of dataset {{ $labels.dataset }} fail',
      description:
        '{{ $value | humanizePercentage }} of its files could not be processed; more than 10 % is no bad file but a bad run.',
      dashboard: 'audio-overview',
    },
    {
      alert: 'DatasetExclusions',
      severity: 'info',
      team: 'data',
      expr: `sum ${byDataset} (rate(${series('samplesProcessed', { status: 'excluded' })}[30m])) / (sum ${byDataset} (rate(${series('samplesProcessed')}[30m])) > 0) > 0.3`,
      for: '10m',
      by: [environment, 'dataset'],
      summary: 'Many files of dataset {{ $labels.dataset }} are excluded',
      description: '{{ $value | humanizePercentage }} of its files are excluded; the report says why, file by file.',
      dashboard: 'audio-quality',
      runbook: 'DatasetFailing',
    },
  ],
};

export const jobRules: RuleGroup = {
  name: 'jobs',
  says: 'Work that outlives its request: does it end?',
  rules: [
    {
      alert: 'JobsStuck',
      severity: 'critical',
      team: 'serving',
      expr: `max by (${environment}, kind) (${series('jobsOldest')}) > 1800 and on (${environment}, kind) sum by (${environment}, kind) (increase(${series('jobs')}[30m])) == 0`,
      for: '5m',
      by: [environment, 'kind'],
      summary: 'Jobs of kind {{ $labels.kind }} do not end',
      description: 'The oldest is {{ $value | humanizeDuration }} old, and none has ended for half an hour.',
      dashboard: 'overview',
    },
    {
      alert: 'JobsFailing',
      severity: 'warning',
      team: 'serving',
      expr: `sum by (${environment}, kind) (increase(${series('jobs', ours)}[15m])) > 2.5`,
      by: [environment, 'kind'],
      summary: 'Jobs of kind {{ $labels.kind }} fail',
      description: 'About {{ $value | printf "%.3g" }} failed on the server’s side in 15 minutes, after their retries.',
      dashboard: 'overview',
    },
    {
      alert: 'JobQueueLong',
      severity: 'warning',
      team: 'serving',
      expr: `sum by (${environment}, kind) (${series('jobsWaiting')}) > 100`,
      for: '15m',
      by: [environment, 'kind'],
      summary: 'Many jobs of kind {{ $labels.kind }} wait',
      description:
        '{{ $value | printf "%.0f" }} have been accepted and not begun; more than 100 for 15 minutes is a lack of workers.',
      dashboard: 'overview',
    },
    {
      alert: 'TemporaryFilesGrow',
      severity: 'warning',
      team: 'platform',
      expr: `max by (job, instance, ${environment}) (${series('temporaryBytes')}) > ${8 * 2 ** 30}`,
      for: '10m',
      by: ['job', 'instance', environment],
      summary: 'Temporary files of {{ $labels.instance }} take much of the disk',
      description:
        '{{ $value | humanize1024 }}B are in files of tasks and jobs; more than 8 GiB is either a large backlog or a leak.',
      dashboard: 'gpu-host',
      runbook: 'DiskSpaceLow',
    },
  ],
};
