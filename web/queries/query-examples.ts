import type { Language } from './query-panel.ts';

type Example = readonly [says: string, query: string];

/** What people ask first; a choice puts it into the field. */
export const queryExamples: Readonly<Record<Language, readonly Example[]>> = {
  promql: [
    ['Requests a second by route and status', 'sum by (endpoint, status) (rate(http_requests_total[1m]))'],
    ['95th percentile by model', 'histogram_quantile(0.95, sum by (model) (rate(inference_latency_seconds[5m])))'],
    ['Requests that wait, by model', 'max by (model) (inference_queue_depth)'],
    ['Predicted wait by model', 'max by (model) (inference_queue_wait_predicted_seconds)'],
    ['Rejected requests by reason', 'sum by (reason) (increase(http_requests_refused_total[15m]))'],
    ['CPU seconds by tenant and model', 'sum by (tenant, model) (increase(cost_cpu_seconds_total[1h]))'],
    ['Event loop delay', 'vitrine_event_loop_delay_seconds'],
    ['Active alerts', 'max without (system, severity, team) (ALERTS{alertstate="firing"})'],
    ['Targets that are down', 'up == 0'],
  ],
  logql: [
    ['Warnings and errors', '{service_name="vitrine"} | severity_text=~"(?i)warn|error"'],
    ['Failed runs of models', '{service_name="vitrine"} | error_type="inference_failed"'],
    ['Lines a second by level', 'sum by (severity_text) (rate({service_name="vitrine"}[1m]))'],
    ['Alerts, releases, model loads', '{service_name=~"vitrine.*"} | event_type=~"alert|deploy|model_load"'],
    ['Loki and the Collector', '{service_name=~"loki|otelcol.*"}'],
  ],
  traceql: [
    ['Failed requests', '{ span.error.type != nil }'],
    ['Slower than a second', '{ resource.service.name = "vitrine" && kind = server && duration > 1s }'],
    ['Runs of one model', '{ name = "inference.run" && span.inference.model.name = "dnsmos" }'],
    ['Profiled runs', '{ name = "inference.profile" }'],
  ],
};
