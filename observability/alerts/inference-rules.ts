import { partOf, series } from '../promql.ts';
import { risen } from './risen.ts';
import { environment, type RuleGroup } from './rule.ts';

const byModel = `by (${environment}, model)`;

export const inferenceRules: RuleGroup = {
  name: 'inference',
  says: 'Models: do they serve, do they keep up, do their lanes live?',
  rules: [
    {
      alert: 'ModelFailing',
      severity: 'critical',
      team: 'serving',
      expr: `sum ${byModel} (vitrine:inference_requests:rate5m{status=~"inference_failed|internal"}) > 0.05`,
      for: '1m',
      by: [environment, 'model'],
      summary: '{{ $labels.model }} fails',
      description:
        '{{ $value | printf "%.3g" }} of its requests a second end in an error of the run itself; more than 0.05 is no accident.',
      dashboard: 'inference',
    },
    {
      alert: 'BreakerOpen',
      severity: 'critical',
      team: 'serving',
      // Over two minutes: half-open for a moment is not over.
      expr: `max by (${environment}, instance, model) (max_over_time(${series('breakerState')}[2m])) == 2`,
      for: '1m',
      by: [environment, 'instance', 'model'],
      summary: 'The breaker of {{ $labels.model }} is open',
      description:
        'It failed several times in a row, and its requests are refused with circuit_open until an attempt succeeds (state {{ $value }}: 0 closed, 1 half-open, 2 open).',
      dashboard: 'inference',
    },
    {
      alert: 'QueueFull',
      severity: 'critical',
      team: 'serving',
      expr: `sum ${byModel} (vitrine:inference_requests:rate5m{status="queue_full"}) > 0.1`,
      for: '1m',
      by: [environment, 'model'],
      summary: 'The queue of {{ $labels.model }} is full',
      description:
        '{{ $value | printf "%.3g" }} requests a second are refused with queue_full: more come than it can run.',
      dashboard: 'inference',
    },
    {
      alert: 'QueueWaitLong',
      severity: 'warning',
      team: 'serving',
      expr: `max ${byModel} (${series('inferenceQueueWait')}) > 1`,
      for: '5m',
      by: [environment, 'model'],
      summary: 'Requests wait long for {{ $labels.model }}',
      description:
        'The predicted queue wait is {{ $value | humanizeDuration }}; more than 1 s for 5 minutes is a lack of lanes.',
      dashboard: 'inference',
    },
    {
      alert: 'DeadlinesMissed',
      severity: 'warning',
      team: 'serving',
      expr: `sum ${byModel} (vitrine:inference_requests:rate5m{status="deadline_exceeded"}) > 0.05`,
      for: '2m',
      by: [environment, 'model'],
      summary: 'Requests of {{ $labels.model }} pass their deadline',
      description:
        '{{ $value | printf "%.3g" }} a second are answered 504 because their time was over; more than 0.05 is too many.',
      dashboard: 'inference',
    },
    {
      alert: 'LaneCrashed',
      severity: 'critical',
      team: 'serving',
      expr: `sum ${byModel} (increase(${series('inferenceLaneLosses', { how: 'crashed' })}[10m])) > 2.5`,
      by: [environment, 'model'],
      summary: 'Lanes of {{ $labels.model }} crash again and again',
      description:
        'About {{ $value | printf "%.3g" }} lanes ended in the middle of a run in 10 minutes; three are a pattern.',
      dashboard: 'inference',
    },
    {
      alert: 'LaneCrashed',
      severity: 'warning',
      team: 'serving',
      expr: `sum ${byModel} (increase(${series('inferenceLaneLosses', { how: 'crashed' })}[10m])) > 0`,
      by: [environment, 'model'],
      summary: 'A lane of {{ $labels.model }} crashed',
      description:
        'About {{ $value | printf "%.3g" }} lanes ended in the middle of a run in 10 minutes; a new one takes over by itself.',
      dashboard: 'inference',
    },
    {
      alert: 'LaneStuck',
      severity: 'warning',
      team: 'serving',
      expr: `sum ${byModel} (increase(${series('inferenceLaneLosses', { how: 'stuck' })}[10m])) > 0`,
      by: [environment, 'model'],
      summary: 'A run of {{ $labels.model }} did not end',
      description:
        'About {{ $value | printf "%.3g" }} lanes were given up in 10 minutes because a run outlasted its deadline.',
      dashboard: 'inference',
    },
    {
      alert: 'LaneAbandoned',
      severity: 'critical',
      team: 'serving',
      expr: `sum by (${environment}, instance) (${series('inferenceLanes', { state: 'abandoned' })}) > 0`,
      for: '5m',
      by: [environment, 'instance'],
      summary: 'A thread of {{ $labels.instance }} is stuck in a run and cannot be ended',
      description:
        '{{ $value | printf "%.0f" }} threads go on taking a core and memory; with a second one /live fails and the service is restarted.',
      dashboard: 'inference',
      runbook: 'LaneStuck',
    },
    {
      alert: 'ModelFailed',
      severity: 'critical',
      team: 'serving',
      // An unloaded version is unavailable too; only a failed load makes it a fault.
      expr: `
max by (${environment}, instance, model, version) (${series('modelState', { state: 'unavailable' })}) == 1
and on (${environment}, instance, model)
sum by (${environment}, instance, model) (${series('modelLoads', { result: '!ok' })}) > 0`,
      for: '1m',
      by: [environment, 'instance', 'model', 'version'],
      summary: '{{ $labels.model }} version {{ $labels.version }} could not be loaded and does not serve',
      description:
        'It is unavailable (value {{ $value }}) on {{ $labels.instance }}; requests for it are answered 503 model_not_ready.',
      dashboard: 'inference',
    },
    {
      alert: 'ModelLoadFailing',
      severity: 'warning',
      team: 'serving',
      // A failure’s series begins with its first count, which increase() would not see.
      expr: `${risen(series('modelLoads', { result: '!ok' }), `${environment}, model, result`, '15m')} > 0`,
      by: [environment, 'model', 'result'],
      summary: 'Loading {{ $labels.model }} failed: {{ $labels.result }}',
      description:
        'About {{ $value | printf "%.3g" }} attempts failed in 15 minutes. A version that served before goes on serving.',
      dashboard: 'inference',
      runbook: 'ModelFailed',
    },
    {
      alert: 'NoModelServes',
      severity: 'critical',
      team: 'serving',
      expr: `max by (${environment}, instance) (${series('modelsLoaded')}) == 0`,
      for: '2m',
      by: [environment, 'instance'],
      summary: 'Instance {{ $labels.instance }} serves no model',
      description: '{{ $value }} models are loaded: every inference is answered 404 or 503.',
      dashboard: 'inference',
    },
    {
      alert: 'ModelLoadSlow',
      severity: 'info',
      team: 'serving',
      expr: `sum ${byModel} (rate(${partOf('modelLoadSeconds', 'sum')}[1h])) / (sum ${byModel} (rate(${partOf('modelLoadSeconds', 'count')}[1h])) > 0) > 60`,
      by: [environment, 'model'],
      summary: 'Loading {{ $labels.model }} takes long',
      description: '{{ $value | humanizeDuration }} from the file to ready; a release waits that long for it.',
      dashboard: 'inference',
    },
    {
      alert: 'CallersLeave',
      severity: 'info',
      team: 'serving',
      expr: `sum ${byModel} (rate(${series('inferenceDropped', { reason: 'gone' })}[5m])) > 0.5`,
      for: '10m',
      by: [environment, 'model'],
      summary: 'Callers of {{ $labels.model }} leave before it is their turn',
      description: '{{ $value | printf "%.3g" }} requests a second are given up by their callers while they wait.',
      dashboard: 'inference',
      runbook: 'QueueWaitLong',
    },
    {
      alert: 'TimeUnaccounted',
      severity: 'info',
      team: 'serving',
      expr: `sum ${byModel} (rate(${partOf('inferenceRestSeconds', 'sum')}[15m])) / (sum ${byModel} (rate(${partOf('inferenceSeconds', 'sum')}[15m])) > 0) > 0.1`,
      for: '15m',
      by: [environment, 'model'],
      summary: 'Time of {{ $labels.model }} is in no stage',
      description:
        '{{ $value | humanizePercentage }} of its requests’ time is accounted for by no stage; 10 % is too much to be hidden.',
      dashboard: 'inference',
    },
  ],
};
