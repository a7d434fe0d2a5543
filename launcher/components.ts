import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readTimeScale } from '../observability/time-scale.ts';
import { type Config, type SettingName, settings } from '../src/config.ts';
import { store, storeNames } from '../src/stores/stores.ts';
import { addAlertChannels } from './alert-channels.ts';
import {
  authorityOf,
  certificateOf,
  encryptsAll,
  servesMadeCertificate,
  webFileOf,
} from './certificates/certificate-files.ts';
import { librariesFolder } from './cuda/examine-cuda.ts';
import { examineQueues } from './queue-remainder.ts';
import { lookBack, scaleDuration } from './render-configuration.ts';
import type { ServerName } from './servers.ts';
import { StackFailure } from './stack-failure.ts';
import { handOverWebhookToken } from './webhook-token.ts';

/**
 * What a component is started with. Every port is a real one here: 0 has been replaced by a port
 * that was free.
 */
export type LaunchContext = {
  root: string;
  /** VITRINE_DATA, absolute. */
  data: string;
  config: Config;
};

export type Component = {
  title: string;
  /**
   * The server it runs, which may have to be built first; without one it is a Node program of this
   * repository.
   */
  server?: ServerName;
  /** The binary within the server's folder, or the Node program from the root of the checkout. */
  program: string;
  /** The settings of every port it listens on; the first is where people and tests talk to it. */
  doors: readonly [PortSetting, ...PortSetting[]];
  /** Ports that only some of the Collector's backend files open. */
  backendPorts?: Readonly<Record<string, PortSetting>>;
  health: { door: PortSetting; path: string; deadlineMs: number };
  /** Asked again and again while it runs; a program that stays silent is killed and restarted. */
  liveness?: string;
  /**
   * After TERM it gets this long before KILL; without it, what VITRINE_STOP_MS_MAX grants and a
   * little more.
   */
  stopMsMax?: number;
  /** What is seen to before each start; answers sentences for the person at the terminal. */
  prepare?: (context: LaunchContext) => Promise<string[]>;
  /** Started by default when VITRINE_BACKENDS has one of these; without the list, always. */
  forBackends?: readonly string[];
  parameters: (context: LaunchContext) => string[];
  /**
   * The folder whose YAML files are rendered into VITRINE_DATA/<component>/configuration before each
   * start.
   */
  renderedFrom?: string;
};

export type PortSetting = Extract<SettingName, `${string}Port`>;

/** Every component, in the order of start; the stop runs from the bottom up. */
export const components = {
  collector: {
    title: 'OpenTelemetry Collector',
    server: 'collector',
    program: 'otelcol',
    doors: ['otlpHttpPort', 'otlpGrpcPort', 'collectorHealthPort', 'collectorMetricsPort'],
    backendPorts: { 'prometheus-scrape': 'collectorScrapePort', 'prometheus-remote-write': 'collectorRelayPort' },
    health: { door: 'collectorHealthPort', path: '/', deadlineMs: 60_000 },
    prepare: noteQueues,
    parameters: ({ root, config }) => [
      `--config=${join(root, 'otel-collector/config.yaml')}`,
      ...(encryptsAll(config) ? [`--config=${join(root, 'otel-collector/tls-all.yaml')}`] : []),
      ...(config.collectorAliases ? [`--config=${join(root, 'otel-collector/compat.yaml')}`] : []),
      ...backendNames(config).map((name) => `--config=${backendFile(root, name)}`),
    ],
  },
  service: {
    title: 'Vitrine',
    program: 'src/main.ts',
    doors: ['servicePort', 'grpcPort'],
    health: { door: 'servicePort', path: '/ready', deadlineMs: 120_000 },
    liveness: '/live',
    prepare: bundlePage,
    parameters: () => [],
  },
  receiver: {
    title: 'Receiver of webhooks and events',
    program: 'src/receiver.ts',
    doors: ['receiverPort'],
    health: { door: 'receiverPort', path: '/ready', deadlineMs: 60_000 },
    liveness: '/live',
    parameters: () => [],
  },
  loki: {
    title: 'Loki',
    server: 'loki',
    program: 'loki',
    doors: ['lokiPort', 'lokiGrpcPort'],
    health: { door: 'lokiPort', path: '/ready', deadlineMs: 120_000 },
    forBackends: ['loki'],
    // For its rules; of its own settings it finds in the environment what differs.
    renderedFrom: 'loki',
    parameters: (context) => [
      `-config.file=${join(context.root, 'loki/loki.yaml')}`,
      '-config.expand-env=true',
      ...(encryptsAll(context.config) ? encryptedLoki(context) : []),
    ],
  },
  tempo: {
    title: 'Tempo',
    server: 'tempo',
    program: 'tempo',
    doors: ['tempoPort', 'tempoOtlpPort', 'tempoGrpcPort'],
    health: { door: 'tempoPort', path: '/ready', deadlineMs: 120_000 },
    // Asked anything in the last half minute, this Tempo never ends by itself; what it holds is written
    // in the first second.
    stopMsMax: 5_000,
    forBackends: ['tempo'],
    renderedFrom: 'tempo',
    parameters: ({ data }) => [
      `-config.file=${join(data, 'tempo/configuration/tempo.yaml')}`,
      '-config.expand-env=true',
    ],
  },
  prometheus: {
    title: 'Prometheus',
    server: 'prometheus',
    program: 'prometheus',
    doors: ['prometheusPort'],
    health: { door: 'prometheusPort', path: '/-/ready', deadlineMs: 120_000 },
    forBackends: ['prometheus', 'prometheus-remote-write', 'prometheus-scrape'],
    renderedFrom: 'prometheus',
    parameters: ({ data, config }) => [
      `--config.file=${join(data, 'prometheus/configuration/prometheus.yaml')}`,
      `--storage.tsdb.path=${join(data, 'prometheus/store')}`,
      `--web.listen-address=${config.bind}:${config.prometheusPort}`,
      `--web.external-url=${config.prometheusUrl || `${storeScheme(config)}://localhost:${config.prometheusPort}`}`,
      ...(encryptsAll(config) ? [`--web.config.file=${webFileOf('prometheus', data)}`] : []),
      '--web.route-prefix=/', // The API stays where it is, whatever path the outside address has.
      '--web.enable-otlp-receiver',
      ...(backendNames(config).includes('prometheus-remote-write') ? ['--web.enable-remote-write-receiver'] : []),
      '--enable-feature=exemplar-storage',
      '--query.max-samples=5000000',
      '--query.timeout=30s',
      ...(config.timeScale === '1'
        ? []
        : [
            `--query.lookback-delta=${lookBack(readTimeScale(config.timeScale), config.scrapeInterval)}`,
            `--rules.alert.resend-delay=${scaleDuration('1m', readTimeScale(config.timeScale))}`,
          ]),
    ],
  },
  victorialogs: {
    title: 'VictoriaLogs',
    server: 'victorialogs',
    program: 'victoria-logs',
    doors: ['victorialogsPort'],
    health: { door: 'victorialogsPort', path: '/health', deadlineMs: 120_000 },
    forBackends: ['victorialogs'],
    parameters: ({ data, config }) => [
      `-httpListenAddr=${config.bind}:${config.victorialogsPort}`,
      `-storageDataPath=${join(data, 'victorialogs/store')}`,
      '-retentionPeriod=365d', // One for all streams: as long as the audit’s in Loki.
      ...victoriaFlags,
    ],
  },
  jaeger: {
    title: 'Jaeger',
    server: 'jaeger',
    program: 'jaeger',
    doors: ['jaegerPort', 'jaegerOtlpPort', 'jaegerGrpcPort', 'jaegerHealthPort', 'jaegerMetricsPort'],
    health: { door: 'jaegerHealthPort', path: '/status', deadlineMs: 120_000 },
    forBackends: ['jaeger'],
    parameters: ({ root }) => [`--config=${join(root, 'jaeger/jaeger.yaml')}`],
  },
  victoriametrics: {
    title: 'VictoriaMetrics',
    server: 'victoriametrics',
    program: 'victoria-metrics',
    doors: ['victoriametricsPort'],
    health: { door: 'victoriametricsPort', path: '/health', deadlineMs: 120_000 },
    forBackends: ['victoriametrics'],
    renderedFrom: 'victoriametrics',
    parameters: ({ data, config }) => [
      `-httpListenAddr=${config.bind}:${config.victoriametricsPort}`,
      `-storageDataPath=${join(data, 'victoriametrics/store')}`,
      '-retentionPeriod=30d',
      `-promscrape.config=${join(data, 'victoriametrics/configuration/scrape.yaml')}`,
      `-vmalert.proxyURL=http://127.0.0.1:${config.vmalertPort}`,
      // The labels that Prometheus would have: the Collector makes job and instance.
      '-opentelemetry.usePrometheusNaming',
      '-opentelemetry.promoteAllResourceAttributes=false',
      '-opentelemetry.promoteResourceAttributes=deployment.environment.name',
      '-opentelemetry.promoteScopeMetadata=false',
      // Delivery is at least once; the second copy of a point says the same.
      '-dedup.minScrapeInterval=1ms',
      '-search.latencyOffset=0s',
      '-search.disableCache', // Points may come 13 hours late, and a cached answer would be without them.
      `-search.maxLookback=${lookBack(readTimeScale(config.timeScale), config.scrapeInterval)}`,
      ...victoriaFlags,
    ],
  },
  vmalert: {
    title: 'vmalert for VictoriaMetrics',
    server: 'victoriametrics',
    program: 'vmalert',
    doors: ['vmalertPort'],
    health: { door: 'vmalertPort', path: '/health', deadlineMs: 60_000 },
    forBackends: ['victoriametrics'],
    renderedFrom: 'victoriametrics',
    parameters: (context) => [
      ...vmalertFlags('vmalert', context),
      `-datasource.url=http://${context.config.victoriametricsHost}:${context.config.victoriametricsPort}`,
    ],
  },
  'vmalert-logs': {
    title: 'vmalert for VictoriaLogs',
    server: 'victoriametrics',
    program: 'vmalert',
    doors: ['vmalertLogsPort'],
    health: { door: 'vmalertLogsPort', path: '/health', deadlineMs: 60_000 },
    forBackends: ['victorialogs'],
    renderedFrom: 'victorialogs',
    parameters: (context) => [
      ...vmalertFlags('vmalert-logs', context),
      '-rule.defaultRuleType=vlogs',
      `-datasource.url=http://${context.config.victorialogsHost}:${context.config.victorialogsPort}`,
    ],
  },
  alertmanager: {
    title: 'Alertmanager',
    server: 'alertmanager',
    program: 'alertmanager',
    doors: ['alertmanagerPort'],
    health: { door: 'alertmanagerPort', path: '/-/ready', deadlineMs: 60_000 },
    forBackends: [
      'prometheus',
      'prometheus-remote-write',
      'prometheus-scrape',
      'loki',
      'victoriametrics',
      'victorialogs',
    ],
    renderedFrom: 'alertmanager',
    prepare: async (context) => [...(await handOverWebhookToken(context)), ...(await addAlertChannels(context))],
    parameters: ({ data, config }) => [
      `--config.file=${join(data, 'alertmanager/configuration/alertmanager.yaml')}`,
      `--storage.path=${join(data, 'alertmanager/store')}`,
      `--web.listen-address=${config.bind}:${config.alertmanagerPort}`,
      `--web.external-url=${config.alertmanagerUrl || `${storeScheme(config)}://localhost:${config.alertmanagerPort}`}`,
      ...(encryptsAll(config) ? [`--web.config.file=${webFileOf('alertmanager', data)}`] : []),
      '--web.route-prefix=/',
      '--cluster.listen-address=', // One Alertmanager: no gossip, and no port for gossip.
    ],
  },
} as const satisfies Record<string, Component>;

/** Its file has no place for what only a part of the stacks has. */
function encryptedLoki({ data, config }: LaunchContext): string[] {
  const { certificate, key } = certificateOf('loki', data);
  return [
    `-server.http-tls-cert-path=${certificate}`,
    `-server.http-tls-key-path=${key}`,
    `-ruler.alertmanager-url=https://${config.alertmanagerHost}:${config.alertmanagerPort}`,
    `-ruler.alertmanager-client.tls-ca-path=${authorityOf(data)}`,
  ];
}

/** What the stores' own ports speak, for links to them. */
function storeScheme(config: Config): string {
  return encryptsAll(config) ? 'https' : 'http';
}

/** Of VictoriaMetrics and VictoriaLogs: what a question may cost, how soon data is on disk. */
const victoriaFlags = ['-inmemoryDataFlushInterval=1s', '-search.maxQueryDuration=30s', '-memory.allowedBytes=512MiB'];

/**
 * What is the same for both vmalerts. Their state is in VictoriaMetrics, when there is one: alerts
 * go on firing over a restart.
 */
function vmalertFlags(name: 'vmalert' | 'vmalert-logs', { data, config }: LaunchContext): string[] {
  const timeScale = readTimeScale(config.timeScale);
  const metrics = `http://${config.victoriametricsHost}:${config.victoriametricsPort}`;
  const hasMetrics = backendNames(config).includes('victoriametrics');
  const store = name === 'vmalert' ? 'victoriametrics' : 'victorialogs';
  return [
    `-httpListenAddr=${config.bind}:${name === 'vmalert' ? config.vmalertPort : config.vmalertLogsPort}`,
    `-rule=${join(data, name, 'configuration/rules/*.yaml')}`,
    `-notifier.url=http://${config.alertmanagerHost}:${config.alertmanagerPort}`,
    `-evaluationInterval=${scaleDuration(config.scrapeInterval, timeScale)}`,
    `-rule.resendDelay=${scaleDuration('1m', timeScale)}`,
    '-rule.evalDelay=0s', // Nothing comes later by rule, and the store shows what it has at once.
    `-external.url=${config[`${store}Url`] || `http://localhost:${config[`${store}Port`]}`}`,
    ...(hasMetrics ? [`-remoteWrite.url=${metrics}`, `-remoteRead.url=${metrics}`] : []),
  ];
}

/** Every setting that is a port. */
export const portSettings = Object.keys(settings).filter((name): name is PortSetting => name.endsWith('Port'));

export type ComponentName = keyof typeof components;

export const componentNames = Object.keys(components) as ComponentName[];

export function component(name: ComponentName): Component {
  return components[name];
}

/** `collector,loki` as the names they are. */
export function parseComponentNames(text: string): ComponentName[] {
  return text.split(',').map((one) => parseComponentName(one.trim()));
}

export function parseComponentName(text: string): ComponentName {
  const found = componentNames.find((name) => name === text);
  if (found !== undefined) return found;
  throw new StackFailure(
    `Cannot find "${text}": there is no such component; choose from ${componentNames.join(', ')}.`,
  );
}

/**
 * What runs when nobody says `--only`: everything that feeds on VITRINE_BACKENDS, and the service.
 */
export function defaultComponents(config: Config): ComponentName[] {
  const backends = backendNames(config);
  return componentNames.filter((name) => {
    const { forBackends } = component(name);
    if (isElsewhere(name, config)) return false;
    return forBackends === undefined || forBackends.some((backend) => backends.includes(backend));
  });
}

/** A store that a setting places on another machine is asked there and not started here. */
function isElsewhere(name: ComponentName, config: Config): boolean {
  const found = storeNames.find((one) => one === name);
  return found !== undefined && !/^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/.test(config[store(found).host]);
}

/** Every port it listens on with these backends. */
export function portsOf(name: ComponentName, config: Config): PortSetting[] {
  const { doors, backendPorts = {} } = component(name);
  return [...doors, ...backendNames(config).flatMap((backend) => backendPorts[backend] ?? [])];
}

/**
 * What every component finds in its environment: the table's settings as they are, ports chosen,
 * and where the others are.
 */
export function componentEnvironment(
  name: ComponentName,
  { data, config }: LaunchContext,
  env: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const own: NodeJS.ProcessEnv = { ...env, VITRINE_DATA: data, VITRINE_BIND: config.bind, ...portEnvironment(config) };
  if (name === 'loki') {
    const byStream = backendNames(config).includes('loki-by-stream');
    own.VITRINE_LOKI_URL = config.lokiUrl || `${storeScheme(config)}://localhost:${config.lokiPort}`;
    own.VITRINE_LOKI_TENANTS = String(byStream);
    own.VITRINE_LOKI_RULES = join(data, 'loki/configuration', byStream ? 'rules-by-stream' : 'rules');
  }
  if (name === 'jaeger') own.VITRINE_JAEGER_STORE = join(data, 'jaeger/store');
  if (name === 'receiver' && encryptsAll(config) && servesMadeCertificate(config, data)) {
    const { certificate, key } = certificateOf('receiver', data);
    Object.assign(own, { VITRINE_TLS_CERT_FILE: certificate, VITRINE_TLS_KEY_FILE: key });
  }
  if (component(name).server === undefined) {
    if (name === 'service') addCudaLibraries(own);
    own.OTEL_EXPORTER_OTLP_ENDPOINT = env.OTEL_EXPORTER_OTLP_ENDPOINT || collectorEndpoint(config);
    return own;
  }
  // Some servers would read OTEL_* as settings of their own telemetry.
  for (const key of Object.keys(own)) if (key.startsWith('OTEL_')) delete own[key];
  return own;
}

/** By name where it is encrypted: gRPC does not take an address for the name in a certificate. */
export function collectorEndpoint(config: Config): string {
  return backendNames(config).includes('tls')
    ? `https://localhost:${config.otlpGrpcPort}`
    : `http://127.0.0.1:${config.otlpGrpcPort}`;
}

/** What `vitrine cuda --libraries` brought; the loader reads it when the process begins. */
function addCudaLibraries(own: NodeJS.ProcessEnv): void {
  const folder = librariesFolder(own);
  if (!existsSync(folder)) return;
  own.LD_LIBRARY_PATH = [own.LD_LIBRARY_PATH, folder].filter(Boolean).join(':');
}

/**
 * The addresses that Prometheus' and Alertmanager's files name, as in compose, and their native
 * counterparts.
 */
export function nativeAddresses(config: Config): Record<string, string> {
  const at = (port: number) => `127.0.0.1:${port}`;
  return {
    'service:8000': at(config.servicePort),
    'receiver:8010': at(config.receiverPort),
    'collector:8888': at(config.collectorMetricsPort),
    'collector:9464': at(config.collectorScrapePort),
    'prometheus:9090': at(config.prometheusPort),
    'tempo:3200': at(config.tempoPort),
    'loki:3100': at(config.lokiPort),
    'victoriametrics:8428': at(config.victoriametricsPort),
    'vmalert:8880': at(config.vmalertPort),
    'jaeger:8887': at(config.jaegerMetricsPort),
    'victorialogs:9428': at(config.victorialogsPort),
    'vmalert-logs:8881': at(config.vmalertLogsPort),
    'alertmanager:9093': at(config.alertmanagerPort),
  };
}

/** What VITRINE_BACKENDS names; the overlays last, since a later file has the last word. */
export function backendNames(config: Config): string[] {
  const names = config.backends
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.includes('loki-by-stream') && !names.includes('loki'))
    throw new StackFailure(
      'Cannot separate the log streams: loki-by-stream lies over loki; name both in VITRINE_BACKENDS.',
    );
  return [...names.filter((name) => !overlays.includes(name)), ...names.filter((name) => overlays.includes(name))];
}

const overlays: readonly string[] = ['tail-sampling', 'loki-by-stream'];

/** A checkout bundles the page from its sources; a package has it already, and no esbuild. */
async function bundlePage({ root, config }: LaunchContext): Promise<string[]> {
  if (!config.pageOn) return [];
  try {
    const { buildPage } = await import('../tools/build-page.ts');
    await buildPage();
    return [];
  } catch (error) {
    if (existsSync(join(root, 'web/dist/page.html'))) return [];
    return [`Cannot build the page: ${(error as Error).message.split('\n')[0]}; install the packages with npm ci.`];
  }
}

/** Sets damaged queues aside; names what waits for a backend that is no longer named. */
async function noteQueues({ data, root, config }: LaunchContext): Promise<string[]> {
  const env = { ...process.env, VITRINE_CACHE: config.cache };
  const backends = backendNames(config);
  const examined = await examineQueues({ data, root, backends, env }).catch((error: unknown) => {
    if (error instanceof StackFailure) return error; // Without Go at hand, the Collector still starts.
    throw error;
  });
  if (examined instanceof StackFailure) return [`The queues were not examined. ${examined.message}`];
  const { aside, remainders } = examined;
  return [
    ...aside.map(({ message }) => message),
    ...remainders
      .filter(({ inUse, requests }) => !inUse && requests > 0)
      .map(
        ({ file, backend, items, requests }) =>
          `${items} items in ${requests} requests wait for ${backend ?? 'a backend that no file describes'} (${file}), which VITRINE_BACKENDS does not name; they are sent when it does again.`,
      ),
  ];
}

function backendFile(root: string, name: string): string {
  const file = join(root, 'otel-collector/backends', `${name}.yaml`);
  if (/^[\w-]+$/.test(name) && existsSync(file)) return file;
  throw new StackFailure(
    `Cannot start the Collector: there is no otel-collector/backends/${name}.yaml; name files of that folder in VITRINE_BACKENDS.`,
  );
}

function portEnvironment(config: Config): NodeJS.ProcessEnv {
  return Object.fromEntries(portSettings.map((name) => [settings[name].env, String(config[name])]));
}
