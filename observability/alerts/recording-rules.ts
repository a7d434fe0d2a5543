import { partOf, series } from '../promql.ts';
import { month, objectives, ours, single, windows } from './objectives.ts';
import { environment, type RecordingRule, type RuleGroup } from './rule.ts';

/**
 * Each instance’s silence in seconds. Prometheus forgets a pushed series after five minutes, but a
 * dead instance must go on firing: hence last_over_time.
 * A last value of 0 means an orderly stop, which never counts. Of the other silent instances, two
 * kinds count: those with a heartbeat within the hour, and for a week the last one of its job and
 * environment. So a replaced instance is forgotten after an hour at most.
 * Runs over datasets are left out, since they end by themselves.
 */
const heartbeatAge = `
time() - (
  (max by (job, instance, ${environment}) (last_over_time(${series('heartbeat')}[1h])) > 0)
  or
  (
    topk by (job, ${environment}) (1,
      max by (job, instance, ${environment}) (max_over_time(${series('heartbeat', { job: '!vitrine-dataset' })}[1w]))
    )
    and
    max by (job, instance, ${environment}) (last_over_time(${series('heartbeat', { job: '!vitrine-dataset' })}[1w])) > 0
  )
)`;

const byModel = `by (${environment}, model)`;

/**
 * Part of a model’s requests and tasks that failed on the server’s side; no series without
 * requests.
 */
const errorRatio = (window: string): RecordingRule => ({
  record: `vitrine:inference_error_ratio:rate${window}`,
  expr: `
(
  sum ${byModel} (rate(${series('inferenceRequests', ours)}[${window}]))
  or
  0 * sum ${byModel} (rate(${series('inferenceRequests')}[${window}]))
)
/
(sum ${byModel} (rate(${series('inferenceRequests')}[${window}])) > 0)`,
});

/** Part of a model’s single inferences that took longer than promised. */
const slowRatio = (window: string): RecordingRule => ({
  record: `vitrine:inference_slow_ratio:rate${window}`,
  expr: `
1 -
sum ${byModel} (rate(${partOf('inferenceSeconds', 'bucket', { ...single, le: String(objectives.latency.seconds) })}[${window}]))
/
(sum ${byModel} (rate(${partOf('inferenceSeconds', 'count', single)}[${window}])) > 0)`,
});

export const recordingRules: RuleGroup = {
  name: 'recording',
  says: 'What several rules and panels ask for, worked out once.',
  rules: [
    { record: 'vitrine:heartbeat_age_seconds', expr: heartbeatAge },
    {
      record: 'vitrine:http_requests:rate5m',
      expr: `sum by (${environment}, method, endpoint, status, fault) (rate(${series('httpRequests')}[5m]))`,
    },
    {
      record: 'vitrine:inference_requests:rate5m',
      expr: `sum by (${environment}, model, status, fault) (rate(${series('inferenceRequests')}[5m]))`,
    },
    {
      record: 'vitrine:inference_stage_seconds:rate5m',
      expr: `sum by (${environment}, model, stage) (rate(${partOf('inferenceStageSeconds', 'sum')}[5m]))`,
    },
    {
      // For percentiles over days: all samples of a histogram of a month are more than a query may read.
      record: 'vitrine:audio_generation_latency_seconds:rate5m',
      expr: `sum by (${environment}, job, instance, model) (rate(${series('generationLatency')}[5m]))`,
    },
    {
      record: 'vitrine:collector_queue:fill',
      expr: 'otelcol_exporter_queue_size{job="collector"} / (otelcol_exporter_queue_capacity{job="collector"} > 0)',
    },
    ...windows.map(errorRatio),
    ...windows.map(slowRatio),
  ],
};

/** All samples of a month are read for these: once a minute is enough for a budget. */
export const monthRules: RuleGroup = {
  name: 'month',
  says: 'What was promised, over the whole month: what budgets are worked out from.',
  interval: '1m',
  rules: [
    errorRatio(month),
    slowRatio(month),
    {
      record: `vitrine:inference_requests:increase${month}`,
      expr: `sum ${byModel} (increase(${series('inferenceRequests')}[${month}]))`,
    },
  ],
};
