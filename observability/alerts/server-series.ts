/**
 * Names of the series that Prometheus scrapes from the other servers, for rules and dashboards.
 * A stack test finds them on fresh servers; the others appear with their first event.
 */
export const serverSeries = [
  'up',
  'otelcol_exporter_queue_size',
  'otelcol_exporter_queue_capacity',
  'otelcol_exporter_sent_spans_total',
  // With the first failure:
  'otelcol_exporter_send_failed_spans_total',
  'otelcol_exporter_send_failed_log_records_total',
  'otelcol_exporter_send_failed_metric_points_total',
  'otelcol_exporter_enqueue_failed_spans_total',
  'otelcol_exporter_enqueue_failed_log_records_total',
  'otelcol_exporter_enqueue_failed_metric_points_total',
  'otelcol_receiver_refused_spans_total',
  'otelcol_receiver_refused_log_records_total',
  'otelcol_receiver_refused_metric_points_total',
  'prometheus_tsdb_too_old_samples_total',
  'prometheus_tsdb_out_of_bound_samples_total',
  'prometheus_tsdb_wal_corruptions_total',
  'prometheus_tsdb_compactions_failed_total',
  'prometheus_rule_evaluation_failures_total',
  'prometheus_notifications_errors_total',
  'prometheus_notifications_dropped_total',
  'prometheus_notifications_alertmanagers_discovered',
  'alertmanager_notifications_failed_total',
  // With the first line or span that is refused:
  'loki_discarded_samples_total',
  'loki_ingester_chunks_flush_failures_total',
  'loki_prometheus_notifications_errors_total',
  'tempo_discarded_spans_total',
  'vm_rows_ignored_total',
  'vl_rows_dropped_total',
  'vmalert_alerting_rules_errors_total',
  'vmalert_alerts_send_errors_total',
  'jaeger_exporter_send_failed_spans_total',
  'tempo_ingester_failed_flushes_total',
] as const;

export type ServerSeries = (typeof serverSeries)[number];

/** The name, checked by the compiler. */
export function server(name: ServerSeries): ServerSeries {
  return name;
}
