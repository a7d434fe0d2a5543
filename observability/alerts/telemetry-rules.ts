import { settings } from '../../src/config.ts';
import { series } from '../promql.ts';
import { risen } from './risen.ts';
import { type AlertRule, environment, type RuleGroup } from './rule.ts';
import { server } from './server-series.ts';

const byInstance = `by (job, instance, ${environment})`;
const instanceLabels = ['job', 'instance', environment];
const bySignal = `by (job, instance, ${environment}, signal)`;

const anyOf = (parts: readonly string[]) => parts.join('\nor\n');

const spoolBytesMax = settings.spoolBytesMax.default;

const queueFilling = (severity: 'warning' | 'critical', limit: number, wait: string, says: string): AlertRule => ({
  alert: 'CollectorQueueFilling',
  severity,
  team: 'platform',
  expr: `max by (exporter, data_type) (vitrine:collector_queue:fill) > ${limit}`,
  for: wait,
  by: ['exporter', 'data_type'],
  summary: `The Collector’s queue for {{ $labels.exporter }} ${says}`,
  description: `{{ $value | humanizePercentage }} of the queue are taken; above ${100 * limit} %, and at 100 % the Collector refuses {{ $labels.data_type }} and the service spools.`,
  dashboard: 'telemetry',
});

export const telemetryRules: RuleGroup = {
  name: 'telemetry',
  says: 'The telemetry about itself: is it whole, does it flow, does anybody hear it?',
  rules: [
    {
      alert: 'Watchdog',
      severity: 'info',
      team: 'platform',
      expr: 'vector(1)',
      by: [],
      summary: 'Alerts get through',
      description:
        'It fires always (value {{ $value }}). The receiver says alerting_silent when it stops: then no other alert can be trusted to arrive.',
      dashboard: 'telemetry',
    },
    {
      alert: 'CollectorDown',
      severity: 'critical',
      team: 'platform',
      expr: `max by (job, instance) (${server('up')}{job="collector"}) == 0`,
      for: '1m',
      by: ['job', 'instance'],
      summary: 'The Collector does not answer',
      description:
        'Prometheus cannot scrape it (up is {{ $value }}). Nothing of the service arrives meanwhile: it spools, and no alert about it can be believed, neither way.',
      dashboard: 'telemetry',
    },
    {
      alert: 'BackendDown',
      severity: 'critical',
      team: 'platform',
      expr: `max by (job, instance) (${server('up')}{job!="collector"}) == 0`,
      for: '1m',
      by: ['job', 'instance'],
      summary: '{{ $labels.job }} does not answer',
      description:
        'Prometheus cannot scrape it (up is {{ $value }}). What is meant for it waits in the Collector’s queue on disk.',
      dashboard: 'telemetry',
    },
    queueFilling('warning', 0.7, '5m', 'fills'),
    queueFilling('critical', 0.95, '1m', 'is full'),
    {
      alert: 'CollectorLoses',
      severity: 'critical',
      team: 'platform',
      expr: anyOf(
        (
          [
            'otelcol_exporter_send_failed_spans_total',
            'otelcol_exporter_send_failed_log_records_total',
            'otelcol_exporter_send_failed_metric_points_total',
          ] as const
        ).map((name) => `${risen(server(name), 'exporter', '10m')} > 0`),
      ),
      by: ['exporter'],
      summary: '{{ $labels.exporter }} of the Collector loses telemetry',
      description:
        '{{ $value | printf "%.0f" }} items were refused for good by the backend in 10 minutes, and are gone.',
      dashboard: 'telemetry',
    },
    {
      alert: 'CollectorRefuses',
      severity: 'warning',
      team: 'platform',
      expr: `sum by (receiver) (
  ${anyOf(
    (
      [
        'otelcol_receiver_refused_spans_total',
        'otelcol_receiver_refused_log_records_total',
        'otelcol_receiver_refused_metric_points_total',
      ] as const
    ).map((name) => `label_replace(rate(${server(name)}[5m]), "what", "${name}", "", "")`),
  )}
) > 0`,
      for: '2m',
      by: ['receiver'],
      summary: 'The Collector refuses telemetry',
      description:
        '{{ $value | printf "%.3g" }} items a second are refused: its memory or a queue is full. Senders spool.',
      dashboard: 'telemetry',
      runbook: 'CollectorQueueFilling',
    },
    {
      alert: 'BackendDiscards',
      severity: 'warning',
      team: 'platform',
      expr: anyOf([
        `${risen(server('loki_discarded_samples_total'), 'job, reason', '10m')} > 0`,
        `${risen(server('tempo_discarded_spans_total'), 'job, reason', '10m')} > 0`,
        `label_replace(${risen(server('prometheus_tsdb_too_old_samples_total'), 'job', '10m')} > 0, "reason", "too_old", "", "")`,
        `label_replace(${risen(server('prometheus_tsdb_out_of_bound_samples_total'), 'job', '10m')} > 0, "reason", "out_of_bound", "", "")`,
        `${risen(server('vm_rows_ignored_total'), 'job, reason', '10m')} > 0`,
        `${risen(server('vl_rows_dropped_total'), 'job, reason', '10m')} > 0`,
        `label_replace(${risen(server('jaeger_exporter_send_failed_spans_total'), 'job', '10m')} > 0, "reason", "not_stored", "", "")`,
      ]),
      by: ['job', 'reason'],
      summary: '{{ $labels.job }} discards telemetry: {{ $labels.reason }}',
      description:
        '{{ $value | printf "%.0f" }} items in 10 minutes, while it answered the Collector with success or a refusal.',
      dashboard: 'telemetry',
      runbook: 'CollectorLoses',
    },
    {
      alert: 'TelemetryDropped',
      severity: 'critical',
      team: 'platform',
      expr: `sum by (job, instance, ${environment}, signal, reason) (increase(${series('telemetryDropped')}[10m])) > 0`,
      by: [...instanceLabels, 'signal', 'reason'],
      summary: '{{ $labels.instance }} gives {{ $labels.signal }} up: {{ $labels.reason }}',
      description: 'About {{ $value | printf "%.3g" }} items in 10 minutes are lost; nothing should be.',
      dashboard: 'telemetry',
    },
    {
      alert: 'TelemetryRefused',
      severity: 'warning',
      team: 'platform',
      expr: `sum ${bySignal} (increase(${series('telemetryRefused')}[10m])) > 0`,
      by: [...instanceLabels, 'signal'],
      summary: 'The Collector refuses {{ $labels.signal }} of {{ $labels.instance }} for good',
      description: 'About {{ $value | printf "%.3g" }} items in 10 minutes: what was sent is itself at fault.',
      dashboard: 'telemetry',
      runbook: 'TelemetryDropped',
    },
    {
      alert: 'SpoolGrowing',
      severity: 'warning',
      team: 'platform',
      expr: `
sum ${byInstance} (${series('telemetrySpooled')})
and on (job, instance, ${environment})
min ${byInstance} (min_over_time(sum ${byInstance} (${series('telemetrySpooledBytes')})[10m:1m])) > 0
and on (job, instance, ${environment})
sum ${byInstance} (delta(${series('telemetrySpooledBytes')}[10m])) > 0`,
      for: '5m',
      by: instanceLabels,
      summary: 'Telemetry of {{ $labels.instance }} waits on disk, more and more',
      description:
        '{{ $value | printf "%.0f" }} items wait in the spool, and it has grown for ten minutes: the Collector takes too little.',
      dashboard: 'telemetry',
    },
    {
      alert: 'SpoolFull',
      severity: 'critical',
      team: 'platform',
      expr: `sum ${byInstance} (${series('telemetrySpooledBytes')}) > ${0.8 * spoolBytesMax}`,
      for: '1m',
      by: instanceLabels,
      summary: 'The spool of {{ $labels.instance }} is almost full',
      description: `{{ $value | humanize1024 }}B wait; at ${spoolBytesMax / 2 ** 20} MiB (VITRINE_SPOOL_BYTES_MAX) the oldest is dropped.`,
      dashboard: 'telemetry',
      runbook: 'SpoolGrowing',
    },
    {
      alert: 'SpoolNotWritable',
      severity: 'critical',
      team: 'platform',
      expr: `min ${byInstance} (${series('spoolWritable')}) == 0`,
      for: '1m',
      by: instanceLabels,
      summary: '{{ $labels.instance }} cannot write its spool',
      description:
        'Its disk is full or not writable (value {{ $value }}): should the Collector go away now, telemetry is lost.',
      dashboard: 'telemetry',
      runbook: 'DiskSpaceLow',
    },
    {
      alert: 'LedgerMismatch',
      severity: 'warning',
      team: 'platform',
      expr: `sum ${bySignal} (${series('telemetryMissing')}) != 0`,
      for: '2m',
      by: [...instanceLabels, 'signal'],
      summary: 'The books of {{ $labels.instance }} do not balance: {{ $labels.signal }}',
      description:
        '{{ $value | printf "%.0f" }} items are neither exported nor waiting nor counted as lost. That is a defect of Vitrine.',
      dashboard: 'telemetry',
    },
    {
      alert: 'SignalAbsent',
      severity: 'warning',
      team: 'platform',
      // A dataset's process exports its last metrics before its last lines are acknowledged.
      expr: `
sum ${bySignal} (rate(${series('telemetryMade', { job: '!vitrine-dataset' })}[10m])) > 0
unless
sum ${bySignal} (rate(${series('telemetryExported')}[10m])) > 0`,
      for: '5m',
      by: [...instanceLabels, 'signal'],
      summary: 'No {{ $labels.signal }} of {{ $labels.instance }} arrive',
      description:
        '{{ $value | printf "%.3g" }} items a second are made and none has been acknowledged for ten minutes, while its metrics arrive.',
      dashboard: 'telemetry',
      runbook: 'SpoolGrowing',
    },
    {
      alert: 'SeriesOverLimit',
      severity: 'warning',
      team: 'platform',
      expr: `count by (job, instance, ${environment}) ({otel_metric_overflow="true", job=~"vitrine.*"}) > 0`,
      for: '5m',
      by: instanceLabels,
      summary: 'A metric of {{ $labels.instance }} has more series than it may',
      description: '{{ $value }} of its series stand for all that did not fit: some label takes too many values.',
      dashboard: 'telemetry',
    },
    {
      alert: 'ClockAhead',
      severity: 'warning',
      team: 'platform',
      expr: 'vitrine:heartbeat_age_seconds < -5',
      for: '5m',
      by: instanceLabels,
      summary: 'The clock of {{ $labels.instance }} is ahead',
      description:
        'Its heartbeat is {{ $value | printf "%.3g" }} s old: it lives in the future. From ten minutes on its telemetry is refused.',
      dashboard: 'telemetry',
    },
    {
      alert: 'RulesFailing',
      severity: 'critical',
      team: 'platform',
      expr: anyOf([
        `sum by (job, rule_group) (increase(${server('prometheus_rule_evaluation_failures_total')}[5m])) > 0`,
        `label_replace(sum by (job, group) (increase(${server('vmalert_alerting_rules_errors_total')}[5m])) > 0, "rule_group", "$1", "group", "(.*)")`,
      ]),
      by: ['job', 'rule_group'],
      summary: 'Alert rules cannot be evaluated',
      description:
        'About {{ $value | printf "%.3g" }} evaluations of {{ $labels.rule_group }} failed in 5 minutes: those alerts are blind.',
      dashboard: 'telemetry',
    },
    {
      alert: 'NotificationsFailing',
      severity: 'critical',
      team: 'platform',
      expr: `sum by (job, integration) (increase(${server('alertmanager_notifications_failed_total')}[5m])) > 0`,
      for: '2m',
      by: ['job', 'integration'],
      summary: 'Alertmanager cannot notify {{ $labels.integration }}',
      description:
        'About {{ $value | printf "%.3g" }} notifications failed in 5 minutes. It tries again, but meanwhile nobody hears.',
      dashboard: 'telemetry',
    },
    {
      alert: 'AlertmanagerUnheard',
      severity: 'critical',
      team: 'platform',
      expr: anyOf([
        `sum by (job) (rate(${server('prometheus_notifications_errors_total')}[5m])) > 0`,
        `max by (job) (${server('prometheus_notifications_alertmanagers_discovered')}) == 0`,
        `sum by (job) (rate(${server('loki_prometheus_notifications_errors_total')}[5m])) > 0`,
        `sum by (job) (rate(${server('vmalert_alerts_send_errors_total')}[5m])) > 0`,
      ]),
      for: '2m',
      by: ['job'],
      summary: '{{ $labels.job }} cannot hand its alerts to Alertmanager',
      description:
        'Its notifications fail, or it knows no Alertmanager (value {{ $value | printf "%.3g" }}). You read this somewhere else, then.',
      dashboard: 'telemetry',
      runbook: 'NotificationsFailing',
    },
    {
      alert: 'StoreFailing',
      severity: 'critical',
      team: 'platform',
      expr: anyOf([
        `sum by (job) (increase(${server('prometheus_tsdb_wal_corruptions_total')}[1h])) > 0`,
        `sum by (job) (increase(${server('prometheus_tsdb_compactions_failed_total')}[1h])) > 0`,
        `sum by (job) (increase(${server('loki_ingester_chunks_flush_failures_total')}[1h])) > 0`,
        `sum by (job) (increase(${server('tempo_ingester_failed_flushes_total')}[1h])) > 0`,
      ]),
      by: ['job'],
      summary: '{{ $labels.job }} cannot write what it has taken',
      description:
        'About {{ $value | printf "%.3g" }} writes to its store failed in an hour; what is only in memory dies with it.',
      dashboard: 'telemetry',
    },
    {
      alert: 'ReceiverRefuses',
      severity: 'warning',
      team: 'platform',
      expr: `sum by (job, instance, ${environment}, door, reason) (increase(${series('receiverRefused')}[10m])) > 0`,
      for: '1m',
      by: [...instanceLabels, 'door', 'reason'],
      summary: 'The receiver refuses what comes to /{{ $labels.door }}: {{ $labels.reason }}',
      description:
        'About {{ $value | printf "%.3g" }} requests in 10 minutes; a webhook or a script is set up wrongly.',
      dashboard: 'telemetry',
    },
  ],
};
