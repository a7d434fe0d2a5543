import { braces } from '../promql.ts';

/**
 * Series of the other servers that dashboards and `vitrine summary` read. Ours are in
 * src/telemetry/names/.
 */
export const otherMetrics = {
  up: 'up',
  alerts: 'ALERTS',
  collectorQueueSize: 'otelcol_exporter_queue_size',
  collectorQueueCapacity: 'otelcol_exporter_queue_capacity',
  collectorAcceptedSpans: 'otelcol_receiver_accepted_spans_total',
  collectorAcceptedLogs: 'otelcol_receiver_accepted_log_records_total',
  collectorAcceptedPoints: 'otelcol_receiver_accepted_metric_points_total',
  collectorRefusedSpans: 'otelcol_receiver_refused_spans_total',
  collectorRefusedLogs: 'otelcol_receiver_refused_log_records_total',
  collectorRefusedPoints: 'otelcol_receiver_refused_metric_points_total',
  collectorSentSpans: 'otelcol_exporter_sent_spans_total',
  collectorSentLogs: 'otelcol_exporter_sent_log_records_total',
  collectorSentPoints: 'otelcol_exporter_sent_metric_points_total',
  collectorFailedSpans: 'otelcol_exporter_send_failed_spans_total',
  collectorFailedLogs: 'otelcol_exporter_send_failed_log_records_total',
  collectorFailedPoints: 'otelcol_exporter_send_failed_metric_points_total',
  collectorImpossibleSpans: 'otelcol_processor_filter_spans_filtered_total',
  collectorMemory: 'otelcol_process_memory_rss_bytes',
  collectorCpu: 'otelcol_process_cpu_seconds_total',
  prometheusTooOld: 'prometheus_tsdb_too_old_samples_total',
  prometheusOutOfOrder: 'prometheus_tsdb_out_of_order_samples_total',
  prometheusOutOfBound: 'prometheus_tsdb_out_of_bound_samples_total',
  prometheusSeries: 'prometheus_tsdb_head_series',
  prometheusNotificationsDropped: 'prometheus_notifications_dropped_total',
  lokiDiscarded: 'loki_discarded_samples_total',
  lokiLines: 'loki_distributor_lines_received_total',
  tempoDiscarded: 'tempo_discarded_spans_total',
  tempoSpans: 'tempo_distributor_spans_received_total',
  alertmanagerFailed: 'alertmanager_notifications_failed_total',
  alertmanagerSent: 'alertmanager_notifications_total',
} as const;

export type OtherMetric = keyof typeof otherMetrics;

export function other(name: OtherMetric, matchers: Readonly<Record<string, string>> = {}): string {
  return otherMetrics[name] + braces(matchers);
}

export function otherRate(
  name: OtherMetric,
  by: readonly string[],
  matchers: Readonly<Record<string, string>> = {},
  window = '$__rate_interval',
): string {
  return `sum${by.length === 0 ? '' : ` by (${by.join(', ')}) `}(rate(${other(name, matchers)}[${window}]))`;
}
