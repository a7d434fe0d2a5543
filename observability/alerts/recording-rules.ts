import { partOf, series } from '../promql.ts';
import { month, objectives, ours, single, windows } from './objectives.ts';
import { environment, type RecordingRule, type RuleGroup } from './rule.ts';

/**
 * Each instance’s silence in seconds. A pushed series leaves no staleness marker behind; Prometheus forgets it after five minutes. Hence
 * last_over_time: a dead instance must go on firing after its series has gone. An instance whose last word was 0 stopped on purpose and
 * never counts, however short it ran. Of the others that are silent, these do: one heard of within the hour; and the one heard of last in its
 * job and environment, for a week, since nobody has taken its place. So an instance replaced by others is forgotten after an hour at most.
 * A run over a dataset ends when it is done: nobody misses it.
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

/** Part of a model’s requests and tasks that failed on the server’s side. Without requests there is no series: nothing divided by nothing says nothing. */
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
