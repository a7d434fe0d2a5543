import type { Signal, StoreName } from '../src/stores/stores.ts';

// What the terms of the telemetry's books are called, at each place that counts them.

/** The ledger of a sender: made + recovered = all the others. */
export const terms = ['made', 'recovered', 'exported', 'refused', 'dropped', 'memory', 'spooled'] as const;
export type Term = (typeof terms)[number];

const gauges: readonly Term[] = ['memory', 'spooled'];

/** The metric of a term, in Prometheus. */
export function termMetric(term: Term): string {
  return `vitrine_telemetry_${term}${gauges.includes(term) ? '' : '_total'}`;
}

export const heartbeatMetric = 'vitrine_heartbeat_timestamp_seconds';

/** What the Collector calls the items of a signal, where it counts them. */
export const collectorItems = {
  traces: 'spans',
  logs: 'log_records',
  metrics: 'metric_points',
} as const satisfies Record<Signal, string>;

const filtered = { traces: 'spans', logs: 'logs', metrics: 'datapoints' } as const satisfies Record<Signal, string>;

/** The counters of what the Collector gave up of a signal, as one expression. */
export function collectorDropped(signal: Signal): string {
  const items = collectorItems[signal];
  return `otelcol_exporter_(send|enqueue)_failed_${items}_total|otelcol_processor_filter_${filtered[signal]}_filtered_total`;
}

/** Filters that give nothing up: what they pass over, another pipeline takes. */
export const passingFilters = 'filter/(compat|only)_.*';

/** A store’s own counters: what it took, in the Collector’s units, and what it discarded. */
export const storeCounters: Readonly<Record<StoreName, { taken: string | undefined; discarded: readonly string[] }>> = {
  tempo: { taken: 'tempo_distributor_spans_received_total', discarded: ['tempo_discarded_spans_total'] },
  jaeger: {
    taken: 'jaeger_receiver_accepted_spans_total',
    discarded: ['jaeger_exporter_send_failed_spans_total'],
  },
  loki: { taken: 'loki_distributor_lines_received_total', discarded: ['loki_discarded_samples_total'] },
  victorialogs: { taken: 'vl_rows_ingested_total', discarded: ['vl_rows_dropped_total'] },
  prometheus: {
    // A point of OTLP is one sample or, for a histogram, many.
    taken: undefined,
    discarded: [
      'prometheus_tsdb_too_old_samples_total',
      'prometheus_tsdb_out_of_bound_samples_total',
      'prometheus_tsdb_out_of_order_samples_total',
    ],
  },
  victoriametrics: { taken: undefined, discarded: ['vm_rows_ignored_total'] },
};
