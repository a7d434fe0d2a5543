import { probes, streams } from '../../launcher/routes.ts';
import { settings } from '../../src/config.ts';
import { partOf, series } from '../promql.ts';
import { p95Above } from './judged-requests.ts';
import { risen } from './risen.ts';
import { type AlertRule, environment, type RuleGroup } from './rule.ts';

const byInstance = `by (job, instance, ${environment})`;

const serviceDown = (system: 'generation' | 'generation-guide' | 'microstructure'): AlertRule => ({
  alert: 'ServiceDown',
  severity: 'critical',
  team: 'serving',
  system,
  // 30: seconds, three export intervals.
  expr: 'vitrine:heartbeat_age_seconds > 30',
  for: '1m',
  by: ['job', 'instance', environment],
  summary: '{{ $labels.job }} instance {{ $labels.instance }} is silent',
  description:
    'Its last heartbeat is {{ $value | humanizeDuration }} old. It has died or hangs, or its telemetry does not get through: when job="collector" is up and other instances are heard, it is the instance.',
  dashboard: 'overview',
});

/** A deadline that the caller set is answered 504 too, and is not the server's failure. */
const serverErrors = `sum by (${environment}) (vitrine:http_requests:rate5m{fault="server", endpoint!~"${probes}"})`;

export const serviceRules: RuleGroup = {
  name: 'service',
  says: 'Is the service there, does it answer, and how fast?',
  rules: [
    serviceDown('generation'),
    serviceDown('generation-guide'),
    serviceDown('microstructure'),
    {
      alert: 'ServiceStopped',
      severity: 'info',
      team: 'serving',
      // Somebody was heard of within the hour, and the last word of all of them is 0.
      expr: `
time() - max by (job, ${environment}) (max_over_time(${series('heartbeat', { job: 'vitrine' })}[1h]) > 0)
unless
max by (job, ${environment}) (last_over_time(${series('heartbeat', { job: 'vitrine' })}[1h])) > 0`,
      for: '1m',
      by: ['job', environment],
      summary: 'Every instance of {{ $labels.job }} was stopped',
      description:
        'The last one stopped in order {{ $value | humanizeDuration }} ago, and none has been started since. Nobody is called: it was on purpose.',
      dashboard: 'overview',
      runbook: 'ServiceDown',
    },
    {
      alert: 'ServiceAbsent',
      severity: 'critical',
      team: 'serving',
      // ServiceDown is for an instance that had a heartbeat once; this is for one that never had.
      expr: `absent_over_time(${series('heartbeat', { job: 'vitrine' })}[1w])`,
      for: '5m',
      by: ['job'],
      summary: 'No instance of the service has been heard of for a week',
      description:
        'There is no heartbeat of job="vitrine" in the last seven days: nothing was started, or its telemetry has never arrived.',
      dashboard: 'overview',
    },
    {
      alert: 'ServiceRestarting',
      severity: 'warning',
      team: 'serving',
      expr: `sum ${byInstance} (resets(${series('telemetryMade', { job: 'vitrine', signal: 'metrics' })}[30m])) >= 3`,
      by: ['job', 'instance', environment],
      summary: 'Instance {{ $labels.instance }} was started again and again',
      description:
        'It restarted {{ $value | printf "%.0f" }} times in 30 minutes; three or more are a crash that comes back, or a probe that kills it.',
      dashboard: 'service',
    },
    {
      alert: 'UnforeseenErrors',
      severity: 'warning',
      team: 'serving',
      expr: `${risen(series('defects'), `${environment}, where`, '10m')} > 0`,
      by: [environment, 'where'],
      summary: 'Something went wrong that nobody foresaw, in a {{ $labels.where }}',
      description:
        '{{ $value | printf "%.0f" }} in 10 minutes; one is too many. Each is a defect of Vitrine, and the log has it with its cause.',
      dashboard: 'service',
    },
    {
      alert: 'HighErrorRate',
      severity: 'critical',
      team: 'serving',
      system: 'generation-guide',
      expr: `${serverErrors} > 0.1`,
      for: '2m',
      by: [environment],
      summary: 'The service fails requests',
      description:
        '{{ $value | printf "%.3g" }} requests a second fail on the server’s side; more than 0.1 for 2 minutes is too many.',
      dashboard: 'service',
      why: 'failed',
    },
    {
      alert: 'HighErrorRate',
      severity: 'warning',
      team: 'serving',
      system: 'microstructure',
      expr: `${serverErrors} > 0.1`,
      for: '5m',
      by: [environment],
      summary: 'The service has failed requests for five minutes',
      description:
        '{{ $value | printf "%.3g" }} requests a second fail on the server’s side; more than 0.1 for 5 minutes is too many.',
      dashboard: 'service',
      why: 'failed',
    },
    {
      alert: 'HighResponseTime',
      severity: 'warning',
      team: 'serving',
      system: 'generation-guide',
      expr: p95Above('httpRequestSeconds', [environment, 'endpoint'], 10, { endpoint: `!${streams}` }),
      for: '3m',
      by: [environment, 'endpoint'],
      summary: 'Answers of {{ $labels.endpoint }} are slow',
      description:
        'One in twenty takes longer than {{ $value | humanizeDuration }}; 10 s is the limit. Fewer than five requests in 5 minutes are not judged.',
      dashboard: 'service',
      why: 'slowest',
    },
    {
      alert: 'RequestsTurnedAway',
      severity: 'warning',
      team: 'serving',
      expr: `sum by (${environment}, endpoint, reason) (rate(${series('requestsRefused', { reason: '~busy|not_ready', endpoint: `!~${probes}` })}[5m])) > 0.1`,
      for: '2m',
      by: [environment, 'endpoint', 'reason'],
      summary: 'Callers of {{ $labels.endpoint }} are rejected: {{ $labels.reason }}',
      description: '{{ $value | printf "%.3g" }} requests a second are rejected; more than 0.1 is too many.',
      dashboard: 'service',
    },
    {
      alert: 'BudgetRefuses',
      severity: 'info',
      team: 'serving',
      // For information: RequestsTurnedAway warns when requests fail for it.
      expr: `sum by (${environment}, budget, reason) (rate(${series('budgetRefused')}[5m])) > 0.1`,
      for: '5m',
      by: [environment, 'budget', 'reason'],
      summary: 'The budget of {{ $labels.budget }} refuses callers: {{ $labels.reason }}',
      description:
        '{{ $value | printf "%.3g" }} a second are refused; more than 0.1 for 5 minutes is no single burst. share: one client holds more than its part. full: nothing is left for anybody.',
      dashboard: 'service',
    },
    {
      alert: 'RateLimitStorm',
      severity: 'info',
      team: 'serving',
      expr: `sum by (${environment}, endpoint) (rate(${series('requestsRefused', { reason: 'rate_limited' })}[5m])) > 1`,
      for: '2m',
      by: [environment, 'endpoint'],
      summary: 'A caller of {{ $labels.endpoint }} runs against its quota',
      description:
        '{{ $value | printf "%.3g" }} requests a second are over a quota. The guard works; somebody’s client does not wait.',
      dashboard: 'service',
    },
    {
      alert: 'ConnectionsNearLimit',
      severity: 'warning',
      team: 'serving',
      expr: `max ${byInstance} (${series('activeConnections')}) > ${settings.connectionsMax.default * 0.8}`,
      for: '5m',
      by: ['job', 'instance', environment],
      summary: 'Instance {{ $labels.instance }} has almost as many connections as it may',
      description: `{{ $value | printf "%.0f" }} are open; at ${settings.connectionsMax.default} (VITRINE_CONNECTIONS_MAX) further ones are closed.`,
      dashboard: 'service',
    },
    {
      alert: 'EventLoopDelayed',
      severity: 'critical',
      team: 'serving',
      expr: `max ${byInstance} (${series('eventLoopDelayP99', { job: '~vitrine.*' })}) > 1`,
      for: '2m',
      by: ['job', 'instance', environment],
      summary: 'The event loop of {{ $labels.instance }} stands still',
      description:
        'One turn in a hundred is {{ $value | humanizeDuration }} late; beyond 1 s probes fail and callers leave.',
      dashboard: 'service',
    },
    {
      alert: 'EventLoopDelayed',
      severity: 'warning',
      team: 'serving',
      expr: `max ${byInstance} (${series('eventLoopDelayP99', { job: '~vitrine.*' })}) > 0.1`,
      for: '5m',
      by: ['job', 'instance', environment],
      summary: 'The event loop of {{ $labels.instance }} is late',
      description:
        'One turn in a hundred is {{ $value | humanizeDuration }} late; more than 0.1 s is felt in every answer.',
      dashboard: 'service',
    },
    {
      alert: 'EventLoopBusy',
      severity: 'warning',
      team: 'serving',
      expr: `max ${byInstance} (${series('eventLoopUtilization', { job: 'vitrine' })}) > 0.9`,
      for: '10m',
      by: ['job', 'instance', environment],
      summary: 'The main thread of {{ $labels.instance }} is at its limit',
      description:
        'It works {{ $value | humanizePercentage }} of the time; above 90 % waiting grows out of proportion.',
      dashboard: 'service',
    },
    {
      alert: 'GarbageCollectionHeavy',
      severity: 'warning',
      team: 'serving',
      expr: `sum ${byInstance} (rate(${partOf('gcSeconds', 'sum', { job: 'vitrine' })}[5m])) > 0.1`,
      for: '10m',
      by: ['job', 'instance', environment],
      summary: 'Instance {{ $labels.instance }} spends its time collecting garbage',
      description:
        '{{ $value | humanizePercentage }} of the time; more than 10 % says that memory is short or bodies are large.',
      dashboard: 'service',
    },
  ],
};
