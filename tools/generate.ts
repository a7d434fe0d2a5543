import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { logRuleGroups, logRuleGroupsOf, ruleGroups } from '../observability/alerts/alerts.ts';
import type { RuleGroup } from '../observability/alerts/rule.ts';
import { asWritten, inLogsql, inMetricsql, type RuleDialect, writeRules } from '../observability/alerts/write-rules.ts';
import { aliases, labelsOf, systems } from '../observability/aliases.ts';
import { compatConfiguration } from '../observability/compat-configuration.ts';
import { dashboards, writeDashboard } from '../observability/dashboards/dashboards.ts';
import { metricQuestions } from '../src/api/mcp/metric-questions.ts';
import { tools } from '../src/api/mcp/tools.ts';
import { pageRoutes, serviceRoutes } from '../src/api/routes.ts';
import { settings } from '../src/config.ts';
import { type FailureCode, failures, faultOf, grpcStatusOf } from '../src/errors.ts';
import type { AnyWord, RouteTable } from '../src/http/route-table.ts';
import { ifThere } from '../src/if-there.ts';
import { receiverRoutes } from '../src/receiver/routes.ts';
import { otelVariables } from '../src/telemetry/export/otel-variables.ts';
import { causes } from '../src/telemetry/names/causes.ts';
import { eventNames } from '../src/telemetry/names/events.ts';
import { labelNames } from '../src/telemetry/names/labels.ts';
import type { Metric } from '../src/telemetry/names/metric.ts';
import { nameInPrometheus } from '../src/telemetry/names/name-in-prometheus.ts';
import { attributeNames, metricNames, spanNames } from '../src/telemetry/names/names.ts';
import { composeSettings } from './compose-settings.ts';
import { licencesPage } from './licences/licences-page.ts';
import { lockedPackages } from './licences/packages.ts';
import { composeDigests, kubernetesDigests } from './pinned-images.ts';
import { registryFiles } from './registry/write-registry.ts';

// Writes the pages that are tables of the code. `npm run generate` writes them, `npm run generate
// -- --check` says which are stale.

const configFileText = `## A configuration file

\`OTEL_CONFIG_FILE\` names a file of OpenTelemetry’s [declarative configuration](https://opentelemetry.io/docs/specs/otel/configuration/), schema 1.x. It takes the place of all other OTEL_ variables, as the specification wants it: those that are set too are named on the console. These parts are honoured:

- \`file_format\`, \`disabled\`
- \`resource.attributes\` and \`resource.attributes_list\`
- \`propagator\` with \`tracecontext\`
- \`tracer_provider\` and \`logger_provider\`: one \`batch\` processor with an \`otlp_grpc\` exporter; its \`schedule_delay\`, \`max_queue_size\` and \`max_export_batch_size\` are VITRINE_TELEMETRY_WAIT_MS_MAX, VITRINE_TELEMETRY_MEMORY_ITEMS_MAX and VITRINE_TELEMETRY_BATCH_ITEMS_MAX
- \`tracer_provider.sampler\` with \`always_on\`
- \`meter_provider\`: one \`periodic\` reader with its \`interval\` and an \`otlp_grpc\` exporter
- of \`otlp_grpc\`: \`endpoint\`, \`tls\` (\`ca_file\`, \`cert_file\`, \`key_file\`, \`insecure\`), \`headers\`, \`headers_list\`, \`compression\`, \`timeout\`

Anything else ends the start with its path. A tracer or meter provider that is missing switches its signal off. \`\${NAME}\` and \`\${NAME:-default}\` are replaced by the environment.

\`\`\`yaml
file_format: "1.0"
resource:
  attributes:
    - { name: service.namespace, value: shop }
tracer_provider: &provider
  processors:
    - batch:
        exporter:
          otlp_grpc: &collector
            endpoint: https://collector:4317
            tls: { ca_file: /etc/vitrine/ca.crt }
            compression: gzip
logger_provider: *provider
meter_provider:
  readers:
    - periodic: { interval: 10000, exporter: { otlp_grpc: *collector } }
\`\`\`
`;

const pages: Record<string, () => string> = {
  'docs/settings.md': settingsPage,
  'docs/errors.md': errorsPage,
  'docs/telemetry.md': telemetryPage,
  'docs/opentelemetry-variables.md': otelVariablesPage,
  'docs/api-keys.md': apiKeysPage,
  'docs/licences-of-packages.md': () => licencesPage(lockedPackages(fileURLToPath(new URL('..', import.meta.url)))),
  'docs/why.md': whyPage,
  'docs/assistants.md': assistantsPage,
  'compose/settings.yaml': composeSettings,
  'compose/digests.yaml': composeDigests,
  'deploy/kubernetes/components/digests/kustomization.yaml': kubernetesDigests,
  'otel-collector/compat.yaml': compatConfiguration,
  ...registryFiles,
  ...rulePages('prometheus/rules', ruleGroups),
  ...rulePages('loki/rules/fake', logRuleGroups),
  ...rulePages('loki/rules-by-stream/app', logRuleGroupsOf('app')),
  ...rulePages('loki/rules-by-stream/audit', logRuleGroupsOf('audit')),
  ...rulePages('loki/rules-by-stream/security', logRuleGroupsOf('security')),
  ...rulePages('victoriametrics/rules', ruleGroups, inMetricsql),
  ...rulePages('victorialogs/rules', logRuleGroups, inLogsql),
  ...dashboardPages(),
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const stale = await stalePages();
  if (process.argv.includes('--check')) {
    if (stale.length > 0) {
      console.error(`Stale: ${stale.join(', ')}; run npm run generate and commit.`);
      process.exitCode = 1;
    }
  } else {
    for (const name of stale) await writeFile(fileOf(name), textOf(name));
    console.log(stale.length === 0 ? 'All generated pages are up to date.' : `Wrote ${stale.join(', ')}.`);
  }
}

/** The generated pages whose file is not what the code says now. */
export async function stalePages(): Promise<string[]> {
  const stale: string[] = [];
  for (const name of Object.keys(pages)) {
    const written = (await ifThere(readFile(fileOf(name), 'utf8'))) ?? '';
    if (written !== textOf(name)) stale.push(name);
  }
  return stale;
}

function fileOf(name: string): URL {
  return new URL(`../${name}`, import.meta.url);
}

function textOf(name: string): string {
  return pages[name]?.() ?? '';
}

function dashboardPages(): Record<string, () => string> {
  return Object.fromEntries(
    dashboards.map((plan) => [`grafana/dashboards/${plan.name}.json`, () => writeDashboard(plan)]),
  );
}

function rulePages(
  folder: string,
  groups: readonly RuleGroup[],
  dialect: RuleDialect = asWritten,
): Record<string, () => string> {
  return Object.fromEntries(groups.map((group) => [`${folder}/${group.name}.yaml`, () => writeRules(group, dialect)]));
}

function settingsPage(): string {
  const rows = Object.values(settings).map((setting) => [
    `\`${setting.env}\``,
    setting.default === '' ? '' : `\`${String(setting.default)}\``,
    'min' in setting ? `${setting.min} – ${setting.max}` : 'of' in setting ? setting.of.join(', ') : setting.kind,
    setting.says,
  ]);
  return page(
    'Settings',
    'src/config.ts',
    'Every setting is an environment variable, read once at the start. A value that cannot be used ends the start with a sentence that names it.',
    [table(['name', 'default', 'values', 'what it is, and when to change it'], rows)],
  );
}

function errorsPage(): string {
  const rows = Object.entries(failures).map(([code, { status, retryable, means }]) => [
    `\`${code}\``,
    String(status),
    grpcStatusOf(code as FailureCode),
    retryable ? 'yes' : 'no',
    faultOf(code as FailureCode),
    means,
  ]);
  return page(
    'Failures',
    'src/errors.ts',
    'Every failure is answered as `{"error": …, "code": …, "trace_id": …}`. The code is the same word in the answer, in the span’s `error.type`, in the metric’s label and in the log line. Beside it stands `fault`: `caller` for a caller’s mistake and for a deadline that the caller set, `left` for a caller who left before the answer, `server` for what is the service’s failure. Only the last calls somebody.',
    [table(['code', 'status', 'over gRPC', 'worth a retry', 'whose fault', 'what it means'], rows)],
  );
}

function otelVariablesPage(): string {
  const fates = { honoured: 'honoured', ignored: 'no effect', only: 'only' } as const;
  const rows = Object.entries(otelVariables).map(([name, { fate, values, says }]) => [
    `\`${name}\``,
    values === undefined ? fates[fate] : `only ${values.map((value) => `\`${value}\``).join(', ')}`,
    says,
  ]);
  return page(
    'Variables of OpenTelemetry',
    'src/telemetry/export/otel-variables.ts',
    'What each variable of OpenTelemetry’s specification does here. A variable without effect that is set is named in one warning at the start (`variables_ignored`). A value that is not possible ends the start with a sentence.',
    [table(['variable', 'here', 'what it does'], rows), `\n${configFileText}`],
  );
}

/** The page is written by hand but for its tables of routes. */
function apiKeysPage(): string {
  const service: RouteTable = { ...serviceRoutes, ...pageRoutes };
  const written = readFileSync(fileOf('docs/api-keys.md'), 'utf8');
  return withSection(withSection(written, 'routes', routesTable(service)), 'receiver', routesTable(receiverRoutes));
}

/** The page is written by hand but for its tables of tools and questions. */
function assistantsPage(): string {
  const written = readFileSync(fileOf('docs/assistants.md'), 'utf8');
  const rows = tools.map(({ name, description }) => [`\`${name}\``, description.split('\n')[0]!]);
  const questions = Object.entries(metricQuestions).map(([name, { asks }]) => [`\`${name}\``, asks]);
  return withSection(
    withSection(written, 'tools', table(['tool', 'what it answers'], rows)),
    'questions',
    table(['question', 'what it asks'], questions),
  );
}

/** The page is written by hand but for its table of causes. */
function whyPage(): string {
  const written = readFileSync(fileOf('docs/why.md'), 'utf8');
  const rows = Object.entries(causes).map(([cause, { label, says }]) => [`\`${cause}\``, label, says]);
  return withSection(written, 'causes', table(['cause', 'in words', 'what it means'], rows));
}

function withSection(text: string, name: string, content: string): string {
  const [before, rest] = text.split(new RegExp(`(?<=<!-- ${name}: [^\\n]*-->\\n)`));
  const after = rest?.slice(rest.indexOf(`<!-- /${name} -->`));
  if (before === undefined || after === undefined) throw new Error(`The page has no section ${name}`);
  return `${before}\n${content}\n${after}`;
}

function routesTable(routes: RouteTable): string {
  const rows = Object.entries(routes).flatMap(([path, verbs]) =>
    (Object.entries(verbs) as [string, AnyWord][]).map(([verb, word]) => [
      `${verb.toUpperCase()} \`${path}\``,
      word.may,
      'quota' in word ? `\`${word.quota}\`` : '',
    ]),
  );
  return table(['route', 'who may', 'quota'], rows);
}

function telemetryPage(): string {
  const metrics = Object.values<Metric>(metricNames).map((metric) => [
    `\`${metric.name}\``,
    `\`${nameInPrometheus(metric)}\``,
    metric.kind,
    metric.attributes.join(', '),
    metric.from === undefined ? metric.says : `${metric.says} (${metric.from})`,
  ]);
  const attributes = Object.values<{ name: string; says: string; type?: string }>(attributeNames).map(
    ({ name, says, type = 'string' }) => [`\`${name}\``, type, says],
  );
  const rowsOf = (names: Readonly<Record<string, string>>) =>
    Object.entries(names).map(([name, says]) => [`\`${name}\``, says]);
  const spans = Object.values(spanNames).map(({ name, says }) => [`\`${name}\``, says]);
  return page('Telemetry', 'src/telemetry/names/names.ts', 'What the service says of itself, over OTLP.', [
    '## Metrics\n',
    table(['name', 'in Prometheus', 'kind', 'labels', 'what it says'], metrics),
    '\n## Spans\n',
    table(['name', 'what it says'], spans),
    '\n## Names of other systems\n',
    'Vitrine replaces five monitoring set-ups. People keep their dashboards and rules: the Collector (`otel-collector/compat.yaml`) makes the old names too. `VITRINE_COLLECTOR_ALIASES=false` turns them off. Alert rules that come from a set-up carry its name as the label `system`.\n',
    table(
      ['system', 'what it is'],
      Object.entries(systems).map(([name, what]) => [`\`${name}\``, what]),
    ),
    '\n',
    table(
      ['name in Prometheus', 'labels', 'same as', 'system'],
      aliases.map((alias) => [
        `\`${alias.name}\``,
        labelsOf(alias).join(', '),
        `\`${nameInPrometheus(metricNames[alias.of])}\`${alias.only ? `, ${alias.only[1]}` : ''}${alias.value ? `, in ${alias.value}` : ''}`,
        alias.system,
      ]),
    ),
    '\n## Attributes of our own\n',
    table(['name', 'type', 'what it says'], attributes),
    '\n## Labels of metrics\n',
    table(['label', 'what it says'], rowsOf(labelNames)),
    '\n## Events\n',
    'A log record says which event it is: `event_type`, and the event name of OTLP. `telemetry/registry/` has all of this page in the form that OpenTelemetry’s weaver reads; `node tools/registry/check-telemetry.ts <folder>` holds what the file backend wrote against it.\n',
    table(['event', 'what it says'], rowsOf(eventNames)),
  ]);
}

function page(title: string, source: string, says: string, parts: string[]): string {
  return `# ${title}\n\n<!-- Generated from ${source} by npm run generate: change it there. -->\n\n${says}\n\n${parts.join('\n')}`;
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}
