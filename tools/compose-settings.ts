import { settings } from '../src/config.ts';

/**
 * compose/settings.yaml: what the containers are handed of the table of settings. Written by npm
 * run generate.
 */
export function composeSettings(): string {
  const toCollector = (env: string) => env.startsWith('VITRINE_COLLECTOR_');
  const lines = (names: string[]) => names.map((env) => `      ${env}:`);
  return [
    '# Generated from src/config.ts by npm run generate: change it there.',
    '# Named without a value: handed on when set outside, else the default of src/config.ts holds.',
    'services:',
    '  settings:',
    '    image: vitrine',
    '    environment:',
    ...lines(handedOn().filter((env) => !toCollector(env))),
    '  # Apart, because the Collector would take OTEL_* for settings of its own telemetry.',
    '  collector-settings:',
    '    image: vitrine-collector',
    '    environment:',
    ...lines(handedOn().filter(toCollector)),
    '',
  ].join('\n');
}

/** Every setting that containers get unchanged: no port, and no file of this machine. */
function handedOn(): string[] {
  return Object.values(settings)
    .filter(({ kind, env }) => kind !== 'port' && !elsewhere.has(env) && !env.endsWith('_FILE'))
    .map(({ env }) => env)
    .sort();
}

/** What compose.yaml says itself, or what has no meaning inside a container. */
const elsewhere = new Set([
  'VITRINE_BIND',
  'VITRINE_DATA',
  'VITRINE_CACHE',
  'VITRINE_MODELS',
  'VITRINE_ENVIRONMENT',
  'VITRINE_BACKENDS',
  'VITRINE_SCRAPE_INTERVAL',
  'VITRINE_TIME_SCALE',
  'VITRINE_TLS',
  'VITRINE_CPUS',
  'VITRINE_DOCKER_SOCKET',
  'VITRINE_DASHBOARDS',
  'VITRINE_GRAFANA',
  'VITRINE_RUNBOOKS',
  'VITRINE_PROMETHEUS_HOST',
  'VITRINE_TEMPO_HOST',
  'VITRINE_LOKI_HOST',
  'VITRINE_ALERTMANAGER_HOST',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
]);
