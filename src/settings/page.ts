import { flag, integer, type Setting, text } from './setting.ts';

/** The page, and the backends that it reads. */
export const pageSettings = {
  pageOn: flag('VITRINE_PAGE', true, 'Off: no page at /, and nothing is read from the backends for it.'),
  dashboards: text('VITRINE_DASHBOARDS', 'grafana/dashboards', 'Folder of the dashboards that the page draws.'),
  runbooks: text('VITRINE_RUNBOOKS', 'docs/runbooks', 'Folder of the runbooks that the page shows beside alerts.'),
  prometheusHost: text('VITRINE_PROMETHEUS_HOST', '127.0.0.1', 'Where Prometheus is.'),
  tempoHost: text('VITRINE_TEMPO_HOST', '127.0.0.1', 'Where Tempo is.'),
  lokiHost: text('VITRINE_LOKI_HOST', '127.0.0.1', 'Where Loki is.'),
  victoriametricsHost: text('VITRINE_VICTORIAMETRICS_HOST', '127.0.0.1', 'Where VictoriaMetrics is.'),
  jaegerHost: text('VITRINE_JAEGER_HOST', '127.0.0.1', 'Where Jaeger is.'),
  victorialogsHost: text('VITRINE_VICTORIALOGS_HOST', '127.0.0.1', 'Where VictoriaLogs is.'),
  alertmanagerHost: text('VITRINE_ALERTMANAGER_HOST', '127.0.0.1', 'Where Alertmanager is.'),
  grafanaOn: flag('VITRINE_GRAFANA', false, 'On: there is a Grafana at VITRINE_GRAFANA_URL, and the page links there.'),
  proxyPerMinuteMax: integer(
    'VITRINE_PROXY_PER_MINUTE_MAX',
    3_000,
    1,
    1_000_000_000,
    'Questions a minute that one client may ask the backends through the page. A dashboard asks about thirty at each refresh.',
  ),
  proxyInFlightMax: integer(
    'VITRINE_PROXY_IN_FLIGHT_MAX',
    64,
    1,
    10_000,
    'Questions that may wait for backends at once; times the largest answer it is the memory they may take.',
  ),
  proxyMsMax: integer('VITRINE_PROXY_MS_MAX', 15_000, 100, 600_000, 'How long a backend may take to answer the page.'),
  proxyBytesMax: integer(
    'VITRINE_PROXY_BYTES_MAX',
    8 * 1024 * 1024,
    1024,
    2 ** 30,
    'The largest answer of a backend that is passed on to the page.',
  ),
} as const satisfies Record<string, Setting>;
