import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder as LokiQuery } from '@grafana/grafana-foundation-sdk/loki';
import { DataqueryBuilder as PrometheusQuery } from '@grafana/grafana-foundation-sdk/prometheus';
import { attributeNames } from '../../src/telemetry/names/names.ts';
import { series } from '../promql.ts';
import { buildPanel } from './build-panel.ts';
import { dataSource, dataSourceVariables } from './data-sources.ts';
import { fitVariable } from './fit-schema.ts';
import type { DashboardPlan, VariableName } from './panel.ts';

/** What all dashboards have in common: the way from one to the others goes by it. */
export const tag = 'vitrine';

/** Grafana's dashboard for a plan. */
export function buildDashboard(plan: DashboardPlan): dashboard.Dashboard {
  const built = new dashboard.DashboardBuilder(plan.title)
    .uid(`vitrine-${plan.name}`)
    .description(plan.says)
    .tags([tag, ...plan.tags])
    .editable()
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .time({ from: 'now-30m', to: 'now' })
    .refresh(plan.name === 'overview' ? '10s' : '30s')
    .timezone('browser')
    .link(
      new dashboard.DashboardLinkBuilder('Dashboards')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags([tag])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
    .variables([...(Object.keys(dataSourceVariables) as Source[]).map(sourceVariable), ...plan.variables.map(variable)])
    .annotations([grafanasOwn(), ...marks(plan)]);
  let y = 0;
  let id = 1;
  for (const line of plan.lines) {
    if (line.title !== undefined) {
      const place = { x: 0, y, w: 24, h: 1 };
      built.withRow(new dashboard.RowBuilder(line.title).id(id++).gridPos(place));
      y += 1;
    }
    let x = 0;
    for (const panel of line.panels) {
      const made = buildPanel(panel, id++, { x, y, w: panel.width, h: line.height });
      built.withPanel({ build: () => made });
      x += panel.width;
    }
    if (x > 24)
      throw new Error(`The line "${line.panels[0]?.title}" of ${plan.name} is ${x} columns wide; 24 is all there is`);
    y += line.height;
  }
  const { templating, ...rest } = built.build();
  return { ...rest, templating: { list: (templating?.list ?? []).map(fitVariable) } };
}

type Source = keyof typeof dataSourceVariables;

function sourceVariable(source: Source): dashboard.DatasourceVariableBuilder {
  const { name, label } = dataSourceVariables[source];
  return new dashboard.DatasourceVariableBuilder(name)
    .label(label)
    .type(source)
    .current({ text: label, value: source })
    .hide(dashboard.VariableHide.DontHide);
}

const variables: Record<Exclude<VariableName, 'oneModel'>, { label: string; query: string }> = {
  instance: { label: 'Instance', query: `label_values(${series('heartbeat', { job: 'vitrine' })}, instance)` },
  // Also those that only tasks use.
  model: { label: 'Model', query: `label_values(${series('modelState')}, model)` },
  tenant: { label: 'Tenant', query: `label_values(${series('costRequests')}, tenant)` },
  gpu: { label: 'GPU', query: `label_values(${series('gpuMemoryLimit')}, hw_id)` },
  dataset: { label: 'Dataset', query: `label_values(${series('samplesProcessed')}, dataset)` },
};

function variable(variableName: VariableName): dashboard.QueryVariableBuilder {
  const isOne = variableName === 'oneModel';
  const name = isOne ? 'model' : variableName;
  const { label, query } = variables[name];
  const made = new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(dataSource('prometheus'))
    .query({ query, refId: name })
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc);
  // The first there is, until somebody chooses another.
  if (isOne) return made;
  return (
    made
      .multi(true)
      .includeAll(true)
      // Also what has no such label yet.
      .allValue('.*')
      .current({ text: 'All', value: '$__all' })
  );
}

/** What Grafana's users mark themselves. */
function grafanasOwn(): dashboard.AnnotationQueryBuilder {
  return new dashboard.AnnotationQueryBuilder()
    .name('Annotations & Alerts')
    .datasource({ type: 'grafana', uid: '-- Grafana --' })
    .enable(true)
    .hide(true)
    .builtIn(1)
    .type('dashboard')
    .iconColor('rgba(0, 211, 255, 1)');
}

/** Where alerts are drawn into the charts: elsewhere they would hide what the charts show. */
const withAlerts: readonly DashboardPlan['name'][] = ['overview', 'service', 'inference'];

/** An alert that fires and did not a minute before: its beginning, once for all its series. */
const firing = 'count by (alertname) (ALERTS{alertstate="firing", severity=~"critical|warning"}';
const begins = `${firing}) unless ${firing} offset 1m)`;

/** A server that began after the point before. */
const restarts = 'changes(process_start_time_seconds[1m]) > 0 or resets(otelcol_process_uptime_seconds_total[1m]) > 0';

/** What happened, drawn into every panel over time. */
function marks({ name }: DashboardPlan): dashboard.AnnotationQueryBuilder[] {
  const event = attributeNames.eventType.name;
  return [
    logMark('Releases', 'purple', {
      expr: `{service_name="vitrine-receiver"} | ${event}="deploy"`,
      title: 'Release of {{deploy_service}} {{deploy_version}}',
    }),
    logMark('Model loads', 'blue', {
      expr: `{service_name="vitrine"} | ${event}="model_load"`,
      title: 'Model {{model}} {{version}}: {{status}}',
    }),
    logMark('Service starts', 'orange', {
      expr: `{service_name="vitrine"} | ${event}="service_start"`,
      title: 'The service started',
    }),
    metricMark('Restarts', 'orange', { expr: restarts, title: '{{job}} restarted' }).enable(true),
    metricMark('Alerts', 'red', { expr: begins, title: 'Alert {{alertname}} fires' }).enable(withAlerts.includes(name)),
  ];
}

type Mark = { expr: string; title: string };

function logMark(name: string, color: string, { expr, title }: Mark): dashboard.AnnotationQueryBuilder {
  const datasource = dataSource('loki');
  return mark(name, color, datasource, title)
    .enable(true)
    .target(new LokiQuery().refId('Mark').datasource(datasource).expr(expr).queryType('range').maxLines(100));
}

function metricMark(name: string, color: string, { expr, title }: Mark): dashboard.AnnotationQueryBuilder {
  const datasource = dataSource('prometheus');
  return mark(name, color, datasource, title).target(
    new PrometheusQuery().refId('Mark').datasource(datasource).expr(expr).range(),
  );
}

function mark(name: string, color: string, datasource: { type: string; uid: string }, title: string) {
  return new dashboard.AnnotationQueryBuilder().name(name).datasource(datasource).iconColor(color).titleFormat(title);
}
