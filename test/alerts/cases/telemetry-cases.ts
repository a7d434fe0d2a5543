import { burst, gauge, once, type RuleCase } from '../rule-case.ts';

const instance = { job: 'vitrine', instance: 'a' };
const of = 'job="vitrine", instance="a"';

export const telemetryCases: readonly RuleCase[] = [
  {
    name: 'it fires always',
    alert: 'Watchdog',
    series: {},
    at: { '1m': [{ severity: 'info', says: '1' }], '60m': [{ severity: 'info', says: '1' }] },
  },
  {
    name: 'the Collector is away for a while',
    alert: 'CollectorDown',
    series: {
      'up{job="collector", instance="collector"}': gauge(1, 0),
      'up{job="loki", instance="loki"}': gauge(1, 0),
    },
    at: {
      '10m': [],
      '13m': [{ severity: 'critical', labels: { job: 'collector', instance: 'collector' }, says: '0' }],
      '40m': [],
    },
  },
  {
    name: 'a backend is away for a while',
    alert: 'BackendDown',
    series: { 'up{job="loki", instance="loki"}': gauge(1, 0), 'up{job="tempo", instance="tempo"}': '1x120' },
    at: {
      '10m': [],
      '13m': [{ severity: 'critical', labels: { job: 'loki', instance: 'loki' }, says: '0' }],
      '40m': [],
    },
  },
  {
    name: 'a queue fills to 98 %',
    alert: 'CollectorQueueFilling',
    series: {
      'otelcol_exporter_queue_size{job="collector", instance="collector", exporter="e", data_type="logs"}': gauge(
        0,
        98,
      ),
      'otelcol_exporter_queue_capacity{job="collector", instance="collector", exporter="e", data_type="logs"}':
        '100x120',
    },
    at: {
      '10m': [],
      '14m': [{ severity: 'critical', labels: { exporter: 'e', data_type: 'logs' }, says: '98%' }],
      '20m': [
        { severity: 'critical', labels: { exporter: 'e', data_type: 'logs' }, says: '98%' },
        { severity: 'warning', labels: { exporter: 'e', data_type: 'logs' }, says: '98%' },
      ],
      '40m': [],
    },
  },
  {
    name: 'a queue without a size divides by nothing',
    alert: 'CollectorQueueFilling',
    series: {
      'otelcol_exporter_queue_size{job="collector", exporter="e", data_type="logs"}': '5x60',
      'otelcol_exporter_queue_capacity{job="collector", exporter="e", data_type="logs"}': '0x60',
    },
    at: { '20m': [] },
  },
  {
    name: 'a backend refuses for good; the counter begins with it',
    alert: 'CollectorLoses',
    series: { 'otelcol_exporter_send_failed_log_records_total{exporter="e"}': '_x11 100x60' },
    at: { '10m': [], '13m': [{ severity: 'critical', labels: { exporter: 'e' }, says: '100' }], '30m': [] },
  },
  {
    name: 'the Collector refuses at its door',
    alert: 'CollectorRefuses',
    series: {
      'otelcol_receiver_refused_spans_total{receiver="otlp", transport="grpc"}': burst(60),
      'otelcol_receiver_refused_log_records_total{receiver="otlp", transport="grpc"}': burst(60),
      'otelcol_receiver_refused_metric_points_total{receiver="otlp", transport="grpc"}': '0x120',
    },
    at: { '10m': [], '20m': [{ severity: 'warning', labels: { receiver: 'otlp' }, says: '2' }], '40m': [] },
  },
  {
    name: 'Loki discards its first line, and later more',
    alert: 'BackendDiscards',
    series: { 'loki_discarded_samples_total{job="loki", reason="too_far_behind"}': '_x11 7x30 9x60' },
    at: {
      '10m': [],
      '13m': [{ severity: 'warning', labels: { job: 'loki', reason: 'too_far_behind' }, says: '7' }],
      '30m': [],
      '45m': [{ severity: 'warning', labels: { job: 'loki', reason: 'too_far_behind' }, says: '2' }],
      '60m': [],
    },
  },
  {
    name: 'Tempo discards, and Prometheus finds points too old',
    alert: 'BackendDiscards',
    series: {
      'tempo_discarded_spans_total{job="tempo", reason="trace_too_large"}': '_x11 7x60',
      'prometheus_tsdb_too_old_samples_total{job="prometheus"}': once(3),
      'prometheus_tsdb_out_of_bound_samples_total{job="prometheus"}': once(4),
    },
    at: {
      '10m': [],
      '13m': [
        { severity: 'warning', labels: { job: 'tempo', reason: 'trace_too_large' }, says: '7' },
        { severity: 'warning', labels: { job: 'prometheus', reason: 'too_old' }, says: '3' },
        { severity: 'warning', labels: { job: 'prometheus', reason: 'out_of_bound' }, says: '4' },
      ],
      '30m': [],
    },
  },
  {
    name: 'five spans are given up',
    alert: 'TelemetryDropped',
    series: { [`vitrine_telemetry_dropped_total{${of}, signal="traces", reason="spool_full"}`]: once(5) },
    at: {
      '10m': [],
      '13m': [{ severity: 'critical', labels: { ...instance, signal: 'traces', reason: 'spool_full' }, says: '5' }],
      '30m': [],
    },
  },
  {
    name: 'five spans are refused',
    alert: 'TelemetryRefused',
    series: { [`vitrine_telemetry_refused_total{${of}, signal="traces"}`]: once(5) },
    at: {
      '10m': [],
      '13m': [{ severity: 'warning', labels: { ...instance, signal: 'traces' }, says: '5' }],
      '30m': [],
    },
  },
  {
    name: 'the spool grows, and is replayed',
    alert: 'SpoolGrowing',
    series: {
      [`vitrine_telemetry_spooled{${of}, signal="logs"}`]: '0x10 10+10x30 0x60',
      [`vitrine_telemetry_spool_size_bytes{${of}, signal="logs"}`]: '0x10 1000+1000x30 0x60',
    },
    at: { '20m': [], '30m': [{ severity: 'warning', labels: instance, says: '200' }], '60m': [] },
  },
  {
    name: 'a spool that stands still is no growing one',
    alert: 'SpoolGrowing',
    series: {
      [`vitrine_telemetry_spooled{${of}, signal="logs"}`]: '10x60',
      [`vitrine_telemetry_spool_size_bytes{${of}, signal="logs"}`]: '1000x60',
    },
    at: { '30m': [] },
  },
  {
    name: '500 MiB wait',
    alert: 'SpoolFull',
    series: { [`vitrine_telemetry_spool_size_bytes{${of}, signal="logs"}`]: gauge(0, 500 * 2 ** 20) },
    at: { '10m': [], '13m': [{ severity: 'critical', labels: instance, says: '500Mi' }], '40m': [] },
  },
  {
    name: 'the spool cannot be written',
    alert: 'SpoolNotWritable',
    series: { [`vitrine_telemetry_spool_writable{${of}}`]: gauge(1, 0) },
    at: { '10m': [], '13m': [{ severity: 'critical', labels: instance, says: '0' }], '40m': [] },
  },
  {
    name: 'three items are nowhere',
    alert: 'LedgerMismatch',
    series: { [`vitrine_telemetry_missing{${of}, signal="logs"}`]: gauge(0, 3) },
    at: { '10m': [], '15m': [{ severity: 'warning', labels: { ...instance, signal: 'logs' }, says: '3' }], '40m': [] },
  },
  {
    name: 'logs are made and not acknowledged',
    alert: 'SignalAbsent',
    series: {
      [`vitrine_telemetry_made_total{${of}, signal="logs"}`]: '0+60x120',
      [`vitrine_telemetry_exported_total{${of}, signal="logs"}`]: '0+60x10 600x30 660+60x60',
      [`vitrine_telemetry_made_total{${of}, signal="traces"}`]: '0x120',
      [`vitrine_telemetry_exported_total{${of}, signal="traces"}`]: '0x120',
    },
    at: { '15m': [], '30m': [{ severity: 'warning', labels: { ...instance, signal: 'logs' }, says: '1' }], '50m': [] },
  },
  {
    name: 'a label takes too many values',
    alert: 'SeriesOverLimit',
    series: {
      [`http_requests_total{${of}, otel_metric_overflow="true"}`]: '_x10 1x20 _x60',
      [`errors_total{${of}, otel_metric_overflow="true"}`]: '_x10 1x20 _x60',
    },
    at: { '10m': [], '20m': [{ severity: 'warning', labels: instance, says: '2' }], '50m': [] },
  },
  {
    name: 'a clock is ahead by a minute',
    alert: 'ClockAhead',
    series: { [`vitrine_heartbeat_timestamp_seconds{${of}}`]: '0+60x10 720+60x14 1560+60x40' },
    at: { '10m': [], '20m': [{ severity: 'warning', labels: instance, says: '-60' }], '40m': [] },
  },
  {
    name: 'a rule cannot be evaluated',
    alert: 'RulesFailing',
    series: { 'prometheus_rule_evaluation_failures_total{job="prometheus", rule_group="g"}': burst(1) },
    at: {
      '10m': [],
      '16m': [{ severity: 'critical', labels: { job: 'prometheus', rule_group: 'g' }, says: '5' }],
      '40m': [],
    },
  },
  {
    name: 'Slack cannot be told',
    alert: 'NotificationsFailing',
    series: {
      'alertmanager_notifications_failed_total{job="alertmanager", integration="slack", reason="other"}': burst(1),
    },
    at: {
      '10m': [],
      '16m': [{ severity: 'critical', labels: { job: 'alertmanager', integration: 'slack' }, says: '5' }],
      '40m': [],
    },
  },
  {
    name: 'Prometheus and Loki cannot reach Alertmanager, another Prometheus knows none',
    alert: 'AlertmanagerUnheard',
    series: {
      'prometheus_notifications_errors_total{job="prometheus"}': burst(60),
      'loki_prometheus_notifications_errors_total{job="loki"}': burst(60),
      'prometheus_notifications_alertmanagers_discovered{job="prometheus"}': '1x120',
      'prometheus_notifications_alertmanagers_discovered{job="other"}': gauge(1, 0),
    },
    at: {
      '10m': [],
      '20m': [
        { severity: 'critical', labels: { job: 'prometheus' }, says: '1' },
        { severity: 'critical', labels: { job: 'loki' }, says: '1' },
        { severity: 'critical', labels: { job: 'other' }, says: '0' },
      ],
      '40m': [],
    },
  },
  {
    name: 'stores cannot be written',
    alert: 'StoreFailing',
    series: {
      'prometheus_tsdb_compactions_failed_total{job="prometheus"}': once(),
      'prometheus_tsdb_wal_corruptions_total{job="prometheus"}': '0x120',
      'loki_ingester_chunks_flush_failures_total{job="loki"}': once(),
      'tempo_ingester_failed_flushes_total{job="tempo"}': once(),
    },
    at: {
      '10m': [],
      '13m': [
        { severity: 'critical', labels: { job: 'prometheus' }, says: '1' },
        { severity: 'critical', labels: { job: 'loki' }, says: '1' },
        { severity: 'critical', labels: { job: 'tempo' }, says: '1' },
      ],
      '90m': [],
    },
  },
  {
    name: 'a webhook has no token',
    alert: 'ReceiverRefuses',
    series: {
      'vitrine_receiver_refused_total{job="vitrine-receiver", instance="r", door="alerts", reason="unauthorized"}':
        once(),
    },
    at: {
      '10m': [],
      '14m': [
        {
          severity: 'warning',
          labels: { job: 'vitrine-receiver', instance: 'r', door: 'alerts', reason: 'unauthorized' },
          says: '1',
        },
      ],
      '30m': [],
    },
  },
];
