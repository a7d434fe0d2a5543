import { nativeSeries } from '../native-series.ts';
import { burst, gauge, once, type RuleCase } from '../rule-case.ts';

const labels = { model: 'm' };
const dataset = { dataset: 'd' };

export const taskCases: readonly RuleCase[] = [
  {
    name: 'generations fail',
    alert: 'HighErrorRate',
    series: { 'audio_generation_errors_total{error_type="inference_failed", fault="server"}': burst(12) },
    at: { '10m': [], '20m': [{ severity: 'warning', system: 'generation', says: '0.2' }], '40m': [] },
  },
  {
    name: 'prompts that cannot be used and deadlines of callers are no errors of the service',
    alert: 'HighErrorRate',
    series: {
      'audio_generation_errors_total{error_type="invalid_input", fault="caller"}': burst(60),
      'audio_generation_errors_total{error_type="caller_deadline_exceeded", fault="caller"}': burst(60),
    },
    at: { '20m': [] },
  },
  {
    name: 'files of a dataset fail',
    alert: 'HighErrorRate',
    series: {
      'audio_processing_errors_total{dataset="d", error_type="invalid_audio", severity="error"}': burst(6, 20),
    },
    at: { '18m': [], '27m': [{ severity: 'warning', system: 'datasets', labels: dataset, says: '0.1' }], '50m': [] },
  },
  {
    name: 'a generation takes 40 s on average',
    alert: 'LongGenerationTime',
    series: {
      'audio_generation_duration_seconds_sum{model="m", duration="5s"}': burst(40),
      'audio_generation_duration_seconds_count{model="m", duration="5s"}': burst(1),
    },
    at: { '10m': [], '20m': [{ severity: 'warning', system: 'generation', labels, says: '40s' }], '40m': [] },
  },
  {
    name: 'generations fail on the server’s side',
    alert: 'ModelGenerationFailures',
    series: { 'audio_generations_total{model="m", status="inference_failed", fault="server"}': burst(6) },
    at: { '10m': [], '20m': [{ severity: 'critical', system: 'generation-guide', labels, says: '0.1' }], '40m': [] },
  },
  {
    name: 'prompts that cannot be used call nobody',
    alert: 'ModelGenerationFailures',
    series: {
      'audio_generations_total{model="m", status="invalid_input", fault="caller"}': burst(60),
      'audio_generations_total{model="m", status="caller_deadline_exceeded", fault="caller"}': burst(60),
      'audio_generations_total{model="m", status="caller_gone", fault="left"}': burst(60),
    },
    at: { '20m': [] },
  },
  {
    name: 'separations fail on the server’s side',
    alert: 'SeparationFailures',
    series: { 'separations_total{model="m", status="lane_crashed", fault="server"}': burst(6) },
    at: { '10m': [], '20m': [{ severity: 'warning', system: 'separation', labels, says: '0.1' }], '40m': [] },
  },
  {
    name: 'uses of a model take 11 to 13 s',
    alert: 'ModelInferenceLatency',
    series: {
      'model_inference_latency_seconds{model="m", model_type="diffusion", alloy="steel"}': nativeSeries([
        { minutes: 10, aMinute: {} },
        { minutes: 15, aMinute: { 11: 20, 12: 20, 13: 20 } },
        { minutes: 60, aMinute: {} },
      ]),
      'model_inference_duration_seconds_count{model="m", model_type="diffusion", alloy="steel"}': burst(60),
    },
    at: {
      '10m': [],
      '20m': [
        {
          severity: 'warning',
          system: 'microstructure',
          labels: { model: 'm', model_type: 'diffusion' },
          says: '13.02s',
        },
      ],
      '40m': [],
    },
  },
  {
    name: 'one use of a model takes 35 s, alone',
    alert: 'ModelInferenceLatency',
    series: {
      'model_inference_latency_seconds{model="m", model_type="separation"}': nativeSeries([
        { minutes: 10, aMinute: {} },
        { minutes: 1, aMinute: { 35: 1 } },
        { minutes: 30, aMinute: {} },
      ]),
      'model_inference_duration_seconds_count{model="m", model_type="separation"}': once(),
    },
    at: { '12m': [], '14m': [], '16m': [] },
  },
  {
    name: 'separating takes longer than the sound plays',
    alert: 'SlowerThanItPlays',
    series: {
      'task_realtime_factor_exponential{task="separate", model="m"}': nativeSeries([
        { minutes: 10, aMinute: {} },
        { minutes: 15, aMinute: { 1.5: 60 } },
        { minutes: 60, aMinute: {} },
      ]),
    },
    at: {
      '10m': [],
      '24m': [{ severity: 'warning', labels: { task: 'separate', model: 'm' }, says: '1.5' }],
      '40m': [],
    },
  },
  {
    name: 'results are silent',
    alert: 'OutputDefective',
    series: { 'output_defects_total{model="m", kind="silence"}': burst(6) },
    at: {
      '10m': [],
      '24m': [{ severity: 'warning', labels: { model: 'm', kind: 'silence' }, says: '0.1' }],
      '50m': [],
    },
  },
  {
    name: 'a dataset that scored 0.75 scores 0.35, and ends',
    alert: 'LowQualityScores',
    // promtool takes so many samples of a histogram, and no more.
    interval: '10m',
    series: {
      'audio_quality_score_exponential{dataset="d"}': nativeSeries([
        { minutes: 3, aMinute: { 0.75: 100 } },
        { minutes: 9, aMinute: { 0.35: 100 } },
        { minutes: 14, aMinute: {} },
      ]),
    },
    at: { '30m': [], '140m': [{ severity: 'warning', system: 'datasets', labels: dataset, says: '0.35' }], '250m': [] },
  },
  {
    name: 'a run that ends with low scores, and tells them as its last word',
    alert: 'LowQualityScores',
    series: {
      'audio_quality_score_exponential{dataset="d"}': nativeSeries([
        { minutes: 10, aMinute: {} },
        { minutes: 1, aMinute: { 0.35: 40, 0.6: 20 } },
      ]),
    },
    at: { '12m': [], '45m': [{ severity: 'warning', system: 'datasets', labels: dataset, says: '0.35' }], '140m': [] },
  },
  {
    name: 'half of a dataset’s files fail',
    alert: 'DatasetFailing',
    series: {
      'audio_samples_processed_total{dataset="d", processor="score", status="failed"}': burst(12),
      'audio_samples_processed_total{dataset="d", processor="score", status="success"}': '0+12x120',
    },
    at: { '10m': [], '24m': [{ severity: 'warning', labels: dataset, says: '50%' }], '50m': [] },
  },
  {
    name: 'half of a dataset’s files are excluded',
    alert: 'DatasetExclusions',
    series: {
      'audio_samples_processed_total{dataset="d", processor="score", status="excluded"}': burst(12, 60),
      'audio_samples_processed_total{dataset="d", processor="score", status="success"}': '0+12x180',
    },
    at: { '10m': [], '60m': [{ severity: 'info', labels: dataset, says: '50%' }], '110m': [] },
  },
];

export const jobCases: readonly RuleCase[] = [
  {
    name: 'a job does not end, and no other does',
    alert: 'JobsStuck',
    series: {
      'jobs_oldest_age_seconds{kind="separate"}': '0x10 60+60x80 0x60',
      'jobs_total{kind="separate", status="done"}': '0x160',
      'jobs_oldest_age_seconds{kind="score"}': '0x10 60+60x80 0x60',
      'jobs_total{kind="score", status="done"}': '0+1x160',
    },
    at: { '42m': [], '60m': [{ severity: 'critical', labels: { kind: 'separate' }, says: '50m 0s' }], '95m': [] },
  },
  {
    name: 'five jobs fail',
    alert: 'JobsFailing',
    series: {
      'jobs_total{kind="separate", status="failed", fault="server"}': burst(1, 5),
      'jobs_total{kind="score", status="failed", fault="caller"}': burst(60, 5),
    },
    at: { '12m': [], '16m': [{ severity: 'warning', labels: { kind: 'separate' }, says: '5' }], '45m': [] },
  },
  {
    name: 'a backlog of 150',
    alert: 'JobQueueLong',
    series: { 'jobs_waiting{kind="separate"}': gauge(0, 150, 30) },
    at: { '20m': [], '35m': [{ severity: 'warning', labels: { kind: 'separate' }, says: '150' }], '60m': [] },
  },
  {
    name: 'ten GiB of temporary files',
    alert: 'TemporaryFilesGrow',
    series: { 'temp_storage_bytes{job="vitrine", instance="a"}': gauge(0, 10 * 2 ** 30) },
    at: {
      '15m': [],
      '24m': [{ severity: 'warning', labels: { job: 'vitrine', instance: 'a' }, says: '10Gi' }],
      '50m': [],
    },
  },
];
