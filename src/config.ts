import { ServiceError } from './errors.ts';

// Every setting there is, in one table: read once, checked, frozen and handed down as values.
// README's and docs/settings.md's tables are generated from it.

type Setting =
  | { kind: 'text'; default: string; env: string; says: string }
  | { kind: 'port'; default: number; env: string; says: string }
  | { kind: 'integer'; default: number; min: number; max: number; env: string; says: string }
  | { kind: 'flag'; default: boolean; env: string; says: string }
  | {
      kind: 'choice';
      default: string;
      of: readonly string[];
      /** Other words for the same, from other systems: `warning` for `warn`. */
      also: Readonly<Record<string, string>>;
      env: string;
      says: string;
    };

const text = (env: string, fallback: string, says: string) => ({ kind: 'text', env, default: fallback, says }) as const;
const port = (env: string, fallback: number, says: string) => ({ kind: 'port', env, default: fallback, says }) as const;
const flag = (env: string, fallback: boolean, says: string) =>
  ({ kind: 'flag', env, default: fallback, says }) as const;
const integer = (env: string, fallback: number, min: number, max: number, says: string) =>
  ({ kind: 'integer', env, default: fallback, min, max, says }) as const;
const choice = <const Of extends readonly string[]>(
  env: string,
  fallback: Of[number],
  of: Of,
  says: string,
  also: Readonly<Record<string, Of[number]>> = {},
) => ({ kind: 'choice', env, default: fallback as string, of, says, also }) as const;

export const settings = {
  // Where things are
  data: text('VITRINE_DATA', '.vitrine', 'Folder for everything written at run time. Give each stack its own.'),
  models: text('VITRINE_MODELS', 'models', 'The model repository.'),
  cache: text(
    'VITRINE_CACHE',
    '',
    'Folder for built servers; empty: vitrine/ in the user’s cache folder. Shared by all clones.',
  ),
  environment: text('VITRINE_ENVIRONMENT', 'development', 'deployment.environment.name on everything that is told.'),

  // Doors
  bind: text(
    'VITRINE_BIND',
    '127.0.0.1',
    'Address that every door listens on. Anything but loopback is for containers and proxies.',
  ),
  servicePort: port('VITRINE_PORT', 8000, 'The service.'),
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
  tempoOtlpPort: port('VITRINE_TEMPO_OTLP_PORT', 4327, 'Tempo’s OTLP/gRPC door, for the Collector.'),
  tempoGrpcPort: port('VITRINE_TEMPO_GRPC_PORT', 9095, 'Tempo’s door to itself.'),
  lokiPort: port('VITRINE_LOKI_PORT', 3100, 'Loki.'),
  lokiGrpcPort: port('VITRINE_LOKI_GRPC_PORT', 9096, 'Loki’s door to itself.'),
  alertmanagerPort: port('VITRINE_ALERTMANAGER_PORT', 9093, 'Alertmanager.'),
  grafanaPort: port('VITRINE_GRAFANA_PORT', 3000, 'Grafana, in compose only.'),

  // The stack
  scrapeInterval: text('VITRINE_SCRAPE_INTERVAL', '10s', 'How often Prometheus scrapes and evaluates its rules.'),
  timeScale: text(
    'VITRINE_TIME_SCALE',
    '1',
    'Multiplies the intervals, waits and windows of Prometheus’ and Alertmanager’s rules; 0.1 is ten times faster, for trials.',
  ),

  // Alerts
  grafanaUrl: text(
    'VITRINE_GRAFANA_URL',
    'http://localhost:3000',
    'Where people reach Grafana: what the dashboard links of alerts begin with.',
  ),
  prometheusUrl: text(
    'VITRINE_PROMETHEUS_URL',
    '',
    'Where people reach Prometheus: what the links of alerts to their query begin with. Empty: localhost and its port.',
  ),
  lokiUrl: text(
    'VITRINE_LOKI_URL',
    '',
    'Where people reach Loki: what the links of alerts on log lines begin with. Empty: localhost and its port.',
  ),
  alertmanagerUrl: text(
    'VITRINE_ALERTMANAGER_URL',
    '',
    'Where people reach Alertmanager: what the links of notifications begin with. Empty: localhost and its port.',
  ),
  runbooksUrl: text(
    'VITRINE_RUNBOOKS_URL',
    'docs/runbooks',
    'Where people read the runbooks: what the runbook links of alerts begin with. As it is, a folder of the checkout.',
  ),
  alertmanagerFile: text(
    'VITRINE_ALERTMANAGER_FILE',
    './alertmanager/alertmanager.yaml',
    'In compose only: Alertmanager’s file, such as `vitrine alertmanager-config` prints. Natively the launcher writes it.',
  ),
  alertSlackUrlFile: text(
    'VITRINE_ALERT_SLACK_URL_FILE',
    '',
    'File with the address of an incoming webhook of Slack. Given, critical alerts go to Slack too.',
  ),
  alertSlackChannel: text(
    'VITRINE_ALERT_SLACK_CHANNEL',
    '#alerts',
    'The channel; for teams of their own, team=channel with commas between: #alerts,platform=#operations.',
  ),
  alertPagerdutyKeyFile: text(
    'VITRINE_ALERT_PAGERDUTY_KEY_FILE',
    '',
    'File with the routing key of a PagerDuty service (Events API v2). Given, critical alerts page.',
  ),
  alertSmtpPasswordFile: text(
    'VITRINE_ALERT_SMTP_PASSWORD_FILE',
    '',
    'File with the password of the mail server. Given, critical alerts and warnings go out by e-mail.',
  ),
  alertSmtpHost: text('VITRINE_ALERT_SMTP_HOST', '', 'The mail server, host:port. It must offer STARTTLS.'),
  alertSmtpUser: text('VITRINE_ALERT_SMTP_USER', '', 'The user at the mail server; also the sender.'),
  alertEmailTo: text(
    'VITRINE_ALERT_EMAIL_TO',
    '',
    'Who gets the e-mail; for teams of their own, team=address with commas between.',
  ),

  // Models
  modelControl: choice(
    'VITRINE_MODEL_CONTROL',
    'all',
    ['all', 'explicit', 'watch'],
    'all: load everything at start. explicit: only what VITRINE_LOAD_MODELS names, the rest by request. watch: everything, and follow the folder.',
  ),
  loadModels: text(
    'VITRINE_LOAD_MODELS',
    '',
    'Models to load at start, by name, with commas between; only with explicit.',
  ),
  modelsWatchMs: integer(
    'VITRINE_MODELS_WATCH_MS',
    2_000,
    50,
    3_600_000,
    'How often the folder is looked at; only with watch. A change counts once it has been still for one interval.',
  ),
  modelsLoadingMax: integer(
    'VITRINE_MODELS_LOADING_MAX',
    4,
    1,
    64,
    'Models that may be loading at the same time. Lower it when memory runs short at start.',
  ),
  modelLoadMsMax: integer(
    'VITRINE_MODEL_LOAD_MS_MAX',
    300_000,
    10,
    86_400_000,
    'How long a lane may take to open a model and warm it up. Raise it for models of many gigabytes on a slow disk.',
  ),
  laneMemoryBytesMax: integer(
    'VITRINE_LANE_MEMORY_BYTES_MAX',
    0,
    0,
    2 ** 50,
    'Resident memory that a lane which is a process (lanes.kind) may take in a run; looked at twice a second. Beyond it the process is ended, its run fails as lane_crashed, and a new one takes over. 0: no limit. Linux.',
  ),
  freeElementsMax: integer(
    'VITRINE_FREE_ELEMENTS_MAX',
    2 ** 24,
    1,
    2 ** 40,
    'The largest product of a request’s free dimensions that model.json does not bound (dimensions_max, products_max). A model may make inner tensors of that size, from a few bytes.',
  ),
  outputBytesMax: integer(
    'VITRINE_OUTPUT_BYTES_MAX',
    256 * 1024 ** 2,
    1024,
    2 ** 40,
    'The most bytes that a request’s outputs may take, where the ONNX file says their sizes by those of the inputs. A request beyond it is refused before it runs.',
  ),
  shortcutUsMax: integer(
    'VITRINE_SHORTCUT_US_MAX',
    500,
    0,
    100_000,
    'The longest batch that runs on the event loop instead of in its lane, in microseconds. Small models of fixed shapes only; 0: none.',
  ),
  retryAttemptsMax: integer(
    'VITRINE_RETRY_ATTEMPTS_MAX',
    3,
    1,
    20,
    'How often work that is safe to repeat is tried, the first time included.',
  ),
  retryWaitMsFirst: integer(
    'VITRINE_RETRY_WAIT_MS_FIRST',
    1_000,
    1,
    600_000,
    'The wait before the second attempt; it doubles for each further one.',
  ),

  // The Collector
  collectorAliases: flag(
    'VITRINE_COLLECTOR_ALIASES',
    true,
    'The Collector tells metrics also by the names that other systems have for them (docs/telemetry.md). Off: a third fewer series, where nobody brought dashboards along.',
  ),
  backends: text(
    'VITRINE_BACKENDS',
    'prometheus,tempo,loki',
    'Which files of otel-collector/backends/ feed the stores, by name.',
  ),
  collectorQueueBytes: integer(
    'VITRINE_COLLECTOR_QUEUE_BYTES',
    1024 ** 3,
    1024 ** 2,
    2 ** 40,
    'What one signal of one backend may hold on disk while the backend is away. Full, it refuses, and the service spools.',
  ),
  collectorMemoryMib: integer(
    'VITRINE_COLLECTOR_MEMORY_MIB',
    512,
    192,
    1024 ** 2,
    'Memory from which on the Collector refuses, retryably, instead of growing. Keep a container’s limit a third above it.',
  ),
  collectorFlushMs: integer(
    'VITRINE_COLLECTOR_FLUSH_MS',
    10_000,
    100,
    600_000,
    'How often the Collector tells what it derived from spans: exemplars, and how much was masked.',
  ),

  // Telemetry out
  otlpEndpoint: text(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'http://127.0.0.1:4317',
    'The Collector, OTLP/gRPC. The only place that telemetry ever goes to.',
  ),
  telemetryOff: flag('OTEL_SDK_DISABLED', false, 'Switches all telemetry off.'),
  metricIntervalMs: integer(
    'OTEL_METRIC_EXPORT_INTERVAL',
    10_000,
    100,
    600_000,
    'How often metrics are exported, in milliseconds.',
  ),
  traceFirstPerSecond: integer(
    'VITRINE_TRACE_FIRST_PER_SECOND',
    10,
    0,
    100_000,
    'Of each model, the first so many requests a second are traced and have a log line, besides those that failed, were slow or were asked for.',
  ),
  traceSlowMs: integer('VITRINE_TRACE_SLOW_MS', 1_000, 1, 3_600_000, 'A request that took this long is traced.'),
  traceForcedPerSecond: integer(
    'VITRINE_TRACE_FORCED_PER_SECOND',
    100,
    0,
    100_000,
    'Traces a second that callers may ask for, by X-Vitrine-Trace: 1 or a sampled traceparent.',
  ),
  traceTroublePerSecond: integer(
    'VITRINE_TRACE_TROUBLE_PER_SECOND',
    500,
    1,
    100_000,
    'Failed and slow requests a second that are traced; a storm beyond it is in the metrics only.',
  ),
  flightRecordsMax: integer(
    'VITRINE_FLIGHT_RECORDS_MAX',
    10_000,
    16,
    1_000_000,
    'Requests that the flight recorder remembers: the last ones, and up to as many of the slowest and failed ones of the last hour. About 1 KB each.',
  ),
  flightBatchesMax: integer(
    'VITRINE_FLIGHT_BATCHES_MAX',
    10_000,
    16,
    1_000_000,
    'Batches that it remembers, to say what else ran at the time of a request. About 0.3 KB each.',
  ),
  profilesMax: integer(
    'VITRINE_PROFILES_MAX',
    1,
    0,
    16,
    'Requests whose operators are profiled at the same time, each in a process of its own beside the lanes; what comes beyond goes unprofiled. 0: none.',
  ),
  profileMsMax: integer(
    'VITRINE_PROFILE_MS_MAX',
    30_000,
    100,
    600_000,
    'How long a profile may take, the loading of the model included; then its process is killed.',
  ),
  profileBytesMax: integer(
    'VITRINE_PROFILE_BYTES_MAX',
    64 * 1024 ** 2,
    1,
    2 ** 40,
    'Input bytes and model file of a profiled request, each: they are in memory once more for it. Above it goes unprofiled.',
  ),
  tracesOn: flag('TRACING_ENABLED', true, 'Off: no spans are made.'),
  metricsOn: flag('METRICS_ENABLED', true, 'Off: no metrics are exported.'),
  logLevel: choice(
    'LOG_LEVEL',
    'info',
    ['error', 'warn', 'info', 'debug'],
    'The least severe line that is logged. Any case; `warning`, `critical`, `fatal`, `trace` and `verbose` mean their nearest neighbour.',
    { warning: 'warn', critical: 'error', fatal: 'error', trace: 'debug', verbose: 'debug' },
  ),
  console: choice(
    'VITRINE_CONSOLE',
    'text',
    ['text', 'json'],
    'What the service prints. `text`: for a person, on standard error. `json`: every log line, access lines too, as one JSON object on standard output, for `docker logs … | jq`.',
  ),
  systemMetricsLogMs: integer(
    'VITRINE_SYSTEM_METRICS_LOG_MS',
    60_000,
    0,
    86_400_000,
    'How often the logger `metrics` writes CPU, memory and disk of the machine as one line (`event_type=system_metrics`). 0: never.',
  ),
  telemetryBatchItemsMax: integer(
    'VITRINE_TELEMETRY_BATCH_ITEMS_MAX',
    1024,
    1,
    8192,
    'Spans or log records in one export. A batch must stay below gRPC’s 4 MiB.',
  ),
  telemetryMemoryItemsMax: integer(
    'VITRINE_TELEMETRY_MEMORY_ITEMS_MAX',
    16_384,
    16,
    1_000_000,
    'Spans or log records that may wait in memory, per signal. From half of it on they go to the spool; beyond it they are dropped and counted.',
  ),
  telemetryWaitMsMax: integer(
    'VITRINE_TELEMETRY_WAIT_MS_MAX',
    400,
    10,
    10_000,
    'How long a span or log record waits in memory for company.',
  ),
  telemetryTimeoutMs: integer(
    'VITRINE_TELEMETRY_TIMEOUT_MS',
    5_000,
    100,
    60_000,
    'How long one export may take before it counts as failed.',
  ),
  telemetrySpoolAfterMs: integer(
    'VITRINE_TELEMETRY_SPOOL_AFTER_MS',
    400,
    10,
    60_000,
    'An export not acknowledged after this is also written to disk, so that a crash cannot lose it.',
  ),
  spoolBytesMax: integer(
    'VITRINE_SPOOL_BYTES_MAX',
    512 * 1024 * 1024,
    4096,
    2 ** 40,
    'Telemetry that may wait on disk, all signals together. Beyond it the oldest is dropped and counted.',
  ),
  spoolMemoryBytesMax: integer(
    'VITRINE_SPOOL_MEMORY_BYTES_MAX',
    32 * 1024 * 1024,
    1024,
    2 ** 32,
    'Telemetry that may wait in memory while its spool cannot be written (disk full, no descriptors), all signals together; it is tried again every two seconds. Beyond it the newest is dropped and counted.',
  ),
  spoolAgeMsMax: integer(
    'VITRINE_SPOOL_AGE_MS_MAX',
    6 * 3600 * 1000,
    1000,
    30 * 24 * 3600 * 1000,
    'Telemetry that has waited in the spool of a running process for longer is dropped and counted, whatever the wall clock says. The backends’ windows for late arrivals are set for it.',
  ),

  // The receiver
  receiverAlertsTokenFile: text(
    'VITRINE_RECEIVER_ALERTS_TOKEN_FILE',
    '',
    'File with the bearer token of /alerts, one a line so that a new one can overlap the old. Needed when VITRINE_BIND is not loopback.',
  ),
  receiverDeployTokenFile: text(
    'VITRINE_RECEIVER_DEPLOY_TOKEN_FILE',
    '',
    'File with the bearer token of /deploy; as above. All three may be the same file.',
  ),
  receiverEventsTokenFile: text(
    'VITRINE_RECEIVER_EVENTS_TOKEN_FILE',
    '',
    'File with the bearer token of /events; as above.',
  ),
  receiverBodyBytesMax: integer(
    'VITRINE_RECEIVER_BODY_BYTES_MAX',
    4 * 1024 * 1024,
    1024,
    64 * 1024 * 1024,
    'The largest body that the receiver reads. Raise it when Alertmanager groups thousands of alerts, or set max_alerts there.',
  ),
  receiverBodyMsMax: integer(
    'VITRINE_RECEIVER_BODY_MS_MAX',
    10_000,
    100,
    600_000,
    'How long headers, and then a body, may take to arrive at the receiver.',
  ),
  receiverRequestsMax: integer(
    'VITRINE_RECEIVER_REQUESTS_MAX',
    32,
    1,
    1000,
    'Bodies that the receiver holds at once; times the largest body it is the memory they may take. Beyond it callers are told to come again.',
  ),
  receiverConnectionsMax: integer(
    'VITRINE_RECEIVER_CONNECTIONS_MAX',
    256,
    1,
    65_535,
    'Connections that the receiver holds at once; further ones are closed and counted.',
  ),
  receiverAlertsMax: integer('VITRINE_RECEIVER_ALERTS_MAX', 5_000, 1, 16_000, 'Alerts in one webhook.'),
  receiverLinesMax: integer('VITRINE_RECEIVER_LINES_MAX', 5_000, 1, 16_000, 'Lines in one body of /events.'),
  receiverLabelsMax: integer(
    'VITRINE_RECEIVER_LABELS_MAX',
    10,
    0,
    48,
    'Labels of one line of /events. Each combination of values is a series of its own.',
  ),
  receiverLabelCharsMax: integer(
    'VITRINE_RECEIVER_LABEL_CHARS_MAX',
    128,
    1,
    4096,
    'Characters in the value of a label of /events.',
  ),
  receiverSeriesMax: integer(
    'VITRINE_RECEIVER_SERIES_MAX',
    1_000,
    1,
    100_000,
    'Series that /events may create, all names together. A script that puts ids into labels meets this first.',
  ),
  receiverSeriesAgeMsMax: integer(
    'VITRINE_RECEIVER_SERIES_AGE_MS_MAX',
    48 * 3600 * 1000,
    1000,
    365 * 24 * 3600 * 1000,
    'A series of /events that nobody renewed for this long is no longer told. Longer than the rarest job.',
  ),
  receiverRememberedMax: integer(
    'VITRINE_RECEIVER_REMEMBERED_MAX',
    20_000,
    1,
    1_000_000,
    'Alerts and idempotency keys that are remembered, so that a repeated delivery does not count twice. The one not heard of for longest goes first.',
  ),
  receiverFiringAgeMsMax: integer(
    'VITRINE_RECEIVER_FIRING_AGE_MS_MAX',
    26 * 3600 * 1000,
    1000,
    365 * 24 * 3600 * 1000,
    'A firing alert that nobody repeated for this long is taken off the list. More than twice Alertmanager’s longest repeat_interval.',
  ),
  receiverWatchdogMsMax: integer(
    'VITRINE_RECEIVER_WATCHDOG_MS_MAX',
    300_000,
    0,
    24 * 3600 * 1000,
    'How long the alert Watchdog, which fires always and is repeated every minute, may be silent before the receiver says that no alert gets through. 0: never, for a receiver without Prometheus.',
  ),

  // The API: doors
  apiKeysFile: text(
    'VITRINE_API_KEYS_FILE',
    '',
    'JSON file of API keys (docs/api-keys.md); read again when it changes. Needed when VITRINE_BIND is not loopback.',
  ),
  adminTokenFile: text(
    'VITRINE_ADMIN_TOKEN_FILE',
    '',
    'File with the bearer token of the repository, settings and other administration, one a line so that a new one can overlap the old. Without it they are open on loopback as long as there are no API keys, else closed.',
  ),
  trustProxy: text(
    'VITRINE_TRUST_PROXY',
    '',
    'Proxies whose X-Forwarded-For is believed: addresses, subnets, or a number of hops. Empty: none. Needs VITRINE_API_KEYS_FILE: without keys, everyone the proxy lets through would be the administrator.',
  ),

  // The API: limits
  bodyBytesMax: integer(
    'VITRINE_BODY_BYTES_MAX',
    64 * 1024 * 1024,
    1024,
    2 ** 30,
    'The largest body of a request, and the largest that one may unpack to.',
  ),
  jsonBytesMax: integer(
    'VITRINE_JSON_BYTES_MAX',
    16 * 1024 * 1024,
    1024,
    2 ** 28,
    'The most JSON in an inference request. It takes many times its size in memory and time: large tensors belong into binary data.',
  ),
  jsonInlineBytesMax: integer(
    'VITRINE_JSON_INLINE_BYTES_MAX',
    256 * 1024,
    1024,
    2 ** 24,
    'JSON up to this is read and written on the event loop, which is soonest (at worst about 25 ms); more in a thread of its own, so that nobody else waits for it.',
  ),
  jsonWaitingMax: integer(
    'VITRINE_JSON_WAITING_MAX',
    64,
    1,
    10_000,
    'Requests that the thread for large JSON may hold at once. Beyond it callers are told to come again, or to use binary data.',
  ),
  jsonArraysMax: integer(
    'VITRINE_JSON_ARRAYS_MAX',
    262_144,
    64,
    2 ** 26,
    'Arrays in the JSON of an inference request. Each takes about 64 bytes of memory: nested data of many short rows is better sent flat.',
  ),
  textsMax: integer(
    'VITRINE_TEXTS_MAX',
    65_536,
    1,
    2 ** 24,
    'Elements of BYTES in an inference request, all inputs together. Texts are copied one by one on the event loop: about 10 ms for so many.',
  ),
  textBytesMax: integer(
    'VITRINE_TEXT_BYTES_MAX',
    8 * 1024 * 1024,
    1024,
    2 ** 30,
    'Bytes of BYTES in an inference request as binary data, all inputs together. Texts are copied on the event loop on their way to the model and back: about 25 ms for so many.',
  ),
  jsonAnswerBytesMax: integer(
    'VITRINE_JSON_ANSWER_BYTES_MAX',
    64 * 1024 * 1024,
    1024,
    2 ** 29,
    'The most JSON in an inference answer, reckoned before it is written by the longest that each number can be. What is larger can be had as binary data.',
  ),
  parametersBytesMax: integer(
    'VITRINE_PARAMETERS_BYTES_MAX',
    64 * 1024,
    1024,
    2 ** 24,
    'The most JSON in a request that is no inference: parameters, settings, configurations.',
  ),
  bodiesBytesMax: integer(
    'VITRINE_BODIES_BYTES_MAX',
    512 * 1024 * 1024,
    1024,
    2 ** 40,
    'What the bodies of all requests in flight may take together. Beyond it callers are told to come again.',
  ),
  bodyIdleMsMax: integer(
    'VITRINE_BODY_IDLE_MS_MAX',
    10_000,
    100,
    600_000,
    'How long a body may make no progress before its caller is given up.',
  ),
  bodyMsMax: integer('VITRINE_BODY_MS_MAX', 120_000, 100, 3_600_000, 'How long a body may take to arrive.'),
  answersBytesMax: integer(
    'VITRINE_ANSWERS_BYTES_MAX',
    512 * 1024 * 1024,
    1024 * 1024,
    2 ** 40,
    'What all answers over 64 KiB may take together until their callers have read them. Beyond it callers are told to come again.',
  ),
  bytesPerSecondMin: integer(
    'VITRINE_BYTES_PER_SECOND_MIN',
    1024,
    0,
    2 ** 30,
    'The least rate at which a body or an upload has to arrive, and an answer has to be read. A slower caller holds memory for longer than it is worth. 0: any.',
  ),
  slowAfterMs: integer(
    'VITRINE_SLOW_AFTER_MS',
    5_000,
    10,
    600_000,
    'How long that rate is measured. Raise it for callers whose network stops for seconds.',
  ),
  clientSharePercent: integer(
    'VITRINE_CLIENT_SHARE_PERCENT',
    25,
    0,
    50,
    'What one client (a key, or an address where there are no keys) can count on of each thing that all share: bodies, answers, uploads, requests in flight, followers, connections. It gets more only while as much stays free for another. 0: first come, first served, where there is one client.',
  ),
  headersMsMax: integer(
    'VITRINE_HEADERS_MS_MAX',
    10_000,
    100,
    600_000,
    'How long a request’s headers may take to arrive.',
  ),
  headerBytesMax: integer('VITRINE_HEADER_BYTES_MAX', 16_384, 1024, 2 ** 20, 'The most bytes of headers in a request.'),
  keepAliveMs: integer(
    'VITRINE_KEEP_ALIVE_MS',
    75_000,
    100,
    3_600_000,
    'How long an idle connection is kept. Longer than the proxy before it keeps its own, or requests get lost between the two.',
  ),
  connectionsMax: integer(
    'VITRINE_CONNECTIONS_MAX',
    10_000,
    1,
    1_000_000,
    'Connections held at once; further ones are refused. Lowered at the start where the limit of open files is lower.',
  ),
  descriptorsReserved: integer(
    'VITRINE_DESCRIPTORS_RESERVED',
    200,
    16,
    1_000_000,
    'Open files that are kept for the service itself when VITRINE_CONNECTIONS_MAX is held against the limit of the process: models, uploads, results, telemetry on disk. Raise it with the jobs and tasks that run at once.',
  ),
  compressBytesMin: integer(
    'VITRINE_COMPRESS_BYTES_MIN',
    1024,
    0,
    2 ** 30,
    'Answers of at least this size are packed for callers who accept gzip or deflate.',
  ),
  inFlightMax: integer(
    'VITRINE_IN_FLIGHT_MAX',
    1024,
    1,
    1_000_000,
    'Inference requests in flight at once, all models together.',
  ),
  modelInFlightMax: integer(
    'VITRINE_MODEL_IN_FLIGHT_MAX',
    512,
    1,
    1_000_000,
    'Inference requests in flight at once for one model, so that one cannot take the place of all.',
  ),
  inferMsMax: integer(
    'VITRINE_INFER_MS_MAX',
    60_000,
    1,
    86_400_000,
    'The longest an inference may take; a request may ask for less (parameter timeout, header X-Request-Timeout-Ms).',
  ),
  inferPerMinuteMax: integer(
    'VITRINE_INFER_PER_MINUTE_MAX',
    6_000_000,
    1,
    1_000_000_000,
    'Inference requests a minute of one client: an API key, or an address where there are no keys. A key’s own quota goes first.',
  ),
  tasksPerMinuteMax: integer(
    'VITRINE_TASKS_PER_MINUTE_MAX',
    10,
    1,
    1_000_000_000,
    'Tasks (separate, generate …) a minute of one client; a key’s own quota goes first.',
  ),
  readsPerMinuteMax: integer(
    'VITRINE_READS_PER_MINUTE_MAX',
    1_200,
    1,
    1_000_000_000,
    'Lists a minute of one client: requests of the flight recorder, jobs, the repository, dashboards. Each takes the event loop up to some milliseconds.',
  ),
  clientsMax: integer('VITRINE_CLIENTS_MAX', 10_000, 16, 1_000_000, 'Clients whose quotas are remembered at once.'),
  breakerFailuresMax: integer(
    'VITRINE_BREAKER_FAILURES_MAX',
    5,
    1,
    1_000_000,
    'Failures in a row after which a model is left alone for a while.',
  ),
  breakerOpenMs: integer('VITRINE_BREAKER_OPEN_MS', 60_000, 10, 86_400_000, 'How long that while is.'),

  // Tasks
  tasksRunningMax: integer(
    'VITRINE_TASKS_RUNNING_MAX',
    2,
    1,
    64,
    'Tasks worked on at once, each in a thread of its own (10 MB idle, at most VITRINE_TASK_MEMORY_BYTES_MAX). As many as there are cores.',
  ),
  tasksWaitingMax: integer(
    'VITRINE_TASKS_WAITING_MAX',
    16,
    0,
    10_000,
    'Tasks that may wait for a thread. Beyond it callers are told to come again.',
  ),
  taskMemoryBytesMax: integer(
    'VITRINE_TASK_MEMORY_BYTES_MAX',
    512 * 2 ** 20,
    64 * 2 ** 20,
    2 ** 40,
    'Memory that one task may hold: objects, arrays and decoders of its thread. A task over it is ended alone. Times VITRINE_TASKS_RUNNING_MAX, beside the service’s own memory, it must fit the container.',
  ),
  taskMsMax: integer(
    'VITRINE_TASK_MS_MAX',
    300_000,
    10,
    86_400_000,
    'The longest a task may take while its caller waits; a request may ask for less (header X-Request-Timeout-Ms). What takes longer belongs into a job.',
  ),
  uploadBytesMax: integer(
    'VITRINE_UPLOAD_BYTES_MAX',
    2 ** 30,
    1024,
    2 ** 40,
    'The largest file that a task takes. It goes to disk as it arrives, not into memory.',
  ),
  uploadFilesMax: integer('VITRINE_UPLOAD_FILES_MAX', 100, 1, 10_000, 'Files that come with one task.'),
  audioSecondsMax: integer('VITRINE_AUDIO_SECONDS_MAX', 7_200, 1, 86_400, 'The longest sound that is taken.'),
  audioChannelsMax: integer('VITRINE_AUDIO_CHANNELS_MAX', 8, 1, 64, 'The most channels of a sound that is taken.'),
  audioSamplesMax: integer(
    'VITRINE_AUDIO_SAMPLES_MAX',
    2 ** 30,
    1,
    2 ** 40,
    'The most samples of a sound that is taken, all channels together: what is decoded, read through and written again, whatever the size of the file. Two hours of stereo at 48 kHz are 0.7 × 10⁹.',
  ),
  scoreSecondsMax: integer(
    'VITRINE_SCORE_SECONDS_MAX',
    600,
    1,
    7_200,
    'The longest sound that is scored or searched for speech. Ten minutes take DNSMOS minutes of work; intelligibility keeps 80 KB a second.',
  ),
  generateSecondsMax: integer('VITRINE_GENERATE_SECONDS_MAX', 60, 1, 600, 'The longest sound that is generated.'),
  microstructurePixelsMax: integer(
    'VITRINE_MICROSTRUCTURE_PIXELS_MAX',
    2 ** 20,
    256,
    2 ** 26,
    'Pixels of all samples of one microstructure task together.',
  ),

  // Jobs and what they keep on disk
  workBytesMax: integer(
    'VITRINE_WORK_BYTES_MAX',
    10 * 1024 ** 3,
    1024,
    2 ** 50,
    'What uploads, temporary files and kept results may hold on disk together. Full, new work is refused.',
  ),
  jobUploadsPercent: integer(
    'VITRINE_JOB_UPLOADS_PERCENT',
    25,
    1,
    90,
    'How much of VITRINE_WORK_BYTES_MAX the uploads of jobs that have not ended may take. The rest is for what runs and for results, each of which is several times its upload; no result may be larger.',
  ),
  jobsMax: integer(
    'VITRINE_JOBS_MAX',
    10_000,
    1,
    10_000_000,
    'Jobs that are remembered at once, ended ones with kept results included. Full, new jobs are refused.',
  ),
  jobsOfTenantMax: integer(
    'VITRINE_JOBS_OF_TENANT_MAX',
    200,
    1,
    10_000_000,
    'Jobs of one tenant that have not ended. Whoever has no key shares one tenant with all others who have none.',
  ),
  jobsRunningMax: integer(
    'VITRINE_JOBS_RUNNING_MAX',
    2,
    1,
    256,
    'Jobs worked on at once. Raise it with the number of cores; requests that wait for their answer compete with them.',
  ),
  jobsOfKindRunningMax: integer(
    'VITRINE_JOBS_OF_KIND_RUNNING_MAX',
    2,
    1,
    256,
    'Jobs of one kind worked on at once. Below VITRINE_JOBS_RUNNING_MAX, one kind cannot take every place.',
  ),
  jobMsMax: integer(
    'VITRINE_JOB_MS_MAX',
    3_600_000,
    100,
    7 * 86_400_000,
    'How long one attempt at a job may take before it fails as deadline_exceeded.',
  ),
  jobInterruptionsMax: integer(
    'VITRINE_JOB_INTERRUPTIONS_MAX',
    3,
    1,
    10_000,
    'How often the process may end while nothing but one job is worked on before that job fails as job_interrupted: it is what ends it. A stop in order is not counted. Raise it where processes are often killed for other reasons.',
  ),
  jobResultAgeMsMax: integer(
    'VITRINE_JOB_RESULT_AGE_MS_MAX',
    86_400_000,
    1_000,
    365 * 86_400_000,
    'How long an ended job and its result are kept, and its Idempotency-Key is known.',
  ),
  eventListenersMax: integer(
    'VITRINE_EVENT_LISTENERS_MAX',
    256,
    1,
    100_000,
    'Callers that may follow jobs by /v1/jobs/{id}/events at once.',
  ),
  eventHeartbeatMs: integer(
    'VITRINE_EVENT_HEARTBEAT_MS',
    15_000,
    100,
    600_000,
    'How often a follower hears that the connection is alive. Shorter than the idle time of the proxies in between.',
  ),

  // The page
  pageOn: flag('VITRINE_PAGE', true, 'Off: no page at /, and nothing is read from the backends for it.'),
  dashboards: text('VITRINE_DASHBOARDS', 'grafana/dashboards', 'Folder of the dashboards that the page draws.'),
  runbooks: text('VITRINE_RUNBOOKS', 'docs/runbooks', 'Folder of the runbooks that the page shows beside alerts.'),
  prometheusHost: text('VITRINE_PROMETHEUS_HOST', '127.0.0.1', 'Where Prometheus is.'),
  tempoHost: text('VITRINE_TEMPO_HOST', '127.0.0.1', 'Where Tempo is.'),
  lokiHost: text('VITRINE_LOKI_HOST', '127.0.0.1', 'Where Loki is.'),
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

  // Health
  healthDiskFreePercentMin: integer(
    'VITRINE_HEALTH_DISK_FREE_PERCENT_MIN',
    10,
    0,
    100,
    'Less free on the disk of VITRINE_DATA is a warning.',
  ),
  healthDiskFreePercentCritical: integer(
    'VITRINE_HEALTH_DISK_FREE_PERCENT_CRITICAL',
    1,
    0,
    100,
    'With less free, /ready fails.',
  ),
  healthMemoryPercentMax: integer(
    'VITRINE_HEALTH_MEMORY_PERCENT_MAX',
    90,
    1,
    100,
    'More in use of the machine’s or container’s memory is a warning in /health.',
  ),
  healthDetailedMemoryPercentMax: integer(
    'VITRINE_HEALTH_DETAILED_MEMORY_PERCENT_MAX',
    85,
    1,
    100,
    'The same in /health/detailed.',
  ),
  healthCpuPercentMax: integer(
    'VITRINE_HEALTH_CPU_PERCENT_MAX',
    80,
    1,
    100,
    'More in use of the processors it may use is a warning in /health/detailed.',
  ),
  gpuRequired: flag('VITRINE_GPU_REQUIRED', false, 'On: without a GPU the service is not ready. Off: a warning.'),

  // GPUs
  gpuOn: flag('VITRINE_GPU', true, 'Off: no GPU is looked for or read.'),
  nvmlLibrary: text(
    'VITRINE_NVML_LIBRARY',
    'libnvidia-ml.so.1',
    'NVIDIA’s management library: a name that the system’s loader finds, or a path. Where it is not there, nothing is loaded or started.',
  ),
  gpuPeriodMs: integer(
    'VITRINE_GPU_PERIOD_MS',
    1_000,
    50,
    600_000,
    'How often every GPU is read. What is older than three periods is no longer told.',
  ),
  gpuEnergyPeriodMs: integer(
    'VITRINE_GPU_ENERGY_PERIOD_MS',
    100,
    10,
    60_000,
    'How often the energy counters are read, for the energy of single runs. Shorter shows shorter runs, down to the step of the counter itself.',
  ),
  gpuHangMsMax: integer(
    'VITRINE_GPU_HANG_MS_MAX',
    30_000,
    100,
    600_000,
    'The process that reads the GPUs is ended and started anew when it says nothing for this long. Many GPUs without persistence mode take seconds to open.',
  ),

  // Stopping
  stopNoticeMs: integer(
    'VITRINE_STOP_NOTICE_MS',
    0,
    0,
    600_000,
    'How long requests are still taken after /ready has begun to fail. Behind a load balancer: longer than it takes to notice.',
  ),
  stopMsMax: integer(
    'VITRINE_STOP_MS_MAX',
    15_000,
    100,
    600_000,
    'How long a stop may take: requests in flight first, then telemetry; what is left of telemetry is spooled.',
  ),
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;

type ValueOf<S> = S extends { kind: 'flag' }
  ? boolean
  : S extends { kind: 'choice'; of: readonly (infer One)[] }
    ? One
    : S extends { kind: 'text' }
      ? string
      : number;

export type Config = Readonly<{ [Name in SettingName]: ValueOf<(typeof settings)[Name]> }>;

/** Reads every setting from the environment; a value that cannot be used ends the start with a sentence that names it. */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const values = Object.entries(settings).map(([name, setting]) => [name, readSetting(setting, env[setting.env])]);
  return Object.freeze(Object.fromEntries(values)) as Config;
}

function readSetting(setting: Setting, given: string | undefined): string | number | boolean {
  if (given === undefined || given === '') return setting.default;
  switch (setting.kind) {
    case 'text':
      return given;
    case 'flag':
      if (/^(true|1|yes|on)$/i.test(given)) return true;
      if (/^(false|0|no|off)$/i.test(given)) return false;
      throw unusable(setting, given, 'true or false');
    case 'choice': {
      const word = given.trim().toLowerCase();
      const found = setting.of.find((one) => one === word) ?? new Map(Object.entries(setting.also)).get(word);
      if (found !== undefined) return found;
      throw unusable(setting, given, `one of ${setting.of.join(', ')}`);
    }
    case 'port':
      return readInteger(setting, given, 0, 65_535);
    case 'integer':
      return readInteger(setting, given, setting.min, setting.max);
  }
}

function readInteger(setting: Setting, given: string, min: number, max: number): number {
  const value = Number(given);
  if (/^\d+$/.test(given) && value >= min && value <= max) return value;
  throw unusable(setting, given, `a whole number from ${min} to ${max}`);
}

function unusable(setting: Setting, given: string, wanted: string): ServiceError {
  return new ServiceError(
    'invalid_setting',
    `Cannot use ${setting.env}: it is "${given.slice(0, 80)}"; give ${wanted}, or leave it out for ${JSON.stringify(setting.default)}.`,
  );
}
