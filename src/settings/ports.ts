import { choice, port, type Setting, text } from './setting.ts';

/**
 * The address and the ports that the service, the receiver and the servers of the stack listen on.
 */
export const portSettings = {
  bind: text(
    'VITRINE_BIND',
    '127.0.0.1',
    'Address that every port listens on. Anything but loopback is for containers and proxies.',
  ),
  servicePort: port('VITRINE_PORT', 8000, 'The service.'),
  grpcPort: port(
    'VITRINE_GRPC_PORT',
    8001,
    'The service over gRPC: the Open Inference Protocol with Triton’s additions, health checking and reflection. 0: not served.',
  ),
  httpExchange: choice(
    'VITRINE_HTTP_EXCHANGE',
    'auto',
    ['auto', 'fast', 'plain'],
    'How inferences are read and answered: fast uses members of Node that it does not document, plain does not; auto takes fast where a trial at the start shows the same bytes.',
  ),
  receiverPort: port('VITRINE_RECEIVER_PORT', 8010, 'The receiver of webhooks and events.'),
  otlpGrpcPort: port('VITRINE_OTLP_GRPC_PORT', 4317, 'The Collector, OTLP over gRPC.'),
  otlpHttpPort: port('VITRINE_OTLP_HTTP_PORT', 4318, 'The Collector, OTLP over HTTP.'),
  collectorHealthPort: port('VITRINE_COLLECTOR_HEALTH_PORT', 13133, 'The Collector’s health.'),
  collectorMetricsPort: port(
    'VITRINE_COLLECTOR_METRICS_PORT',
    8888,
    'The Collector’s own metrics, scraped by Prometheus.',
  ),
  collectorScrapePort: port(
    'VITRINE_COLLECTOR_SCRAPE_PORT',
    9464,
    'The metrics for those who scrape; open only with backends/prometheus-scrape.yaml.',
  ),
  collectorRelayPort: port(
    'VITRINE_COLLECTOR_RELAY_PORT',
    4319,
    'The Collector to itself, always on loopback; open only with backends/prometheus-remote-write.yaml.',
  ),
  prometheusPort: port('VITRINE_PROMETHEUS_PORT', 9090, 'Prometheus.'),
  tempoPort: port('VITRINE_TEMPO_PORT', 3200, 'Tempo’s API.'),
  tempoOtlpPort: port('VITRINE_TEMPO_OTLP_PORT', 4327, 'Tempo’s OTLP/gRPC port, for the Collector.'),
  tempoGrpcPort: port('VITRINE_TEMPO_GRPC_PORT', 9095, 'Tempo’s port for itself.'),
  lokiPort: port('VITRINE_LOKI_PORT', 3100, 'Loki.'),
  lokiGrpcPort: port('VITRINE_LOKI_GRPC_PORT', 9096, 'Loki’s port for itself.'),
  victoriametricsPort: port('VITRINE_VICTORIAMETRICS_PORT', 8428, 'VictoriaMetrics.'),
  vmalertPort: port('VITRINE_VMALERT_PORT', 8880, 'vmalert, which evaluates the rules on VictoriaMetrics.'),
  victorialogsPort: port('VITRINE_VICTORIALOGS_PORT', 9428, 'VictoriaLogs.'),
  vmalertLogsPort: port('VITRINE_VMALERT_LOGS_PORT', 8881, 'vmalert, which evaluates the rules on VictoriaLogs.'),
  jaegerPort: port('VITRINE_JAEGER_PORT', 16686, 'Jaeger’s API.'),
  jaegerOtlpPort: port('VITRINE_JAEGER_OTLP_PORT', 4337, 'Jaeger’s OTLP/gRPC port, for the Collector.'),
  jaegerGrpcPort: port('VITRINE_JAEGER_GRPC_PORT', 16685, 'Jaeger’s API over gRPC.'),
  jaegerHealthPort: port('VITRINE_JAEGER_HEALTH_PORT', 13134, 'Jaeger’s health.'),
  jaegerMetricsPort: port('VITRINE_JAEGER_METRICS_PORT', 8887, 'Jaeger’s own metrics.'),
  alertmanagerPort: port('VITRINE_ALERTMANAGER_PORT', 9093, 'Alertmanager.'),
  grafanaPort: port('VITRINE_GRAFANA_PORT', 3000, 'Grafana, in compose only.'),
} as const satisfies Record<string, Setting>;
