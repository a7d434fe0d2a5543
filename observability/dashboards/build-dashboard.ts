import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder as LokiQuery } from '@grafana/grafana-foundation-sdk/loki';
import { attributeNames } from '../../src/telemetry/names/names.ts';
import { partOf, series } from '../promql.ts';
import { buildPanel } from './build-panel.ts';
import type { DashboardPlan, VariableName } from './panel.ts';

/** What all dashboards have in common: the way from one to the others goes by it. */
export const tag = 'vitrine';

/** Grafana's dashboard for a plan. */
export function buildDashboard(plan: DashboardPlan): dashboard.Dashboard {
  const built = new dashboard.DashboardBuilder(plan.title)
    .uid(`vitrine-${plan.name}`)
    .description(plan.says)
    .tags([tag])
    .readonly()
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .time({ from: 'now-30m', to: 'now' })
    .refresh('10s')
    .timezone('browser')
    .link(
      new dashboard.DashboardLinkBuilder('Dashboards')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags([tag])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
    .variables(plan.variables.map(variable))
    .annotations(marks());
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
  return built.build();
}

const variables: Record<VariableName, { label: string; query: string }> = {
  instance: { label: 'Instance', query: `label_values(${series('heartbeat', { job: 'vitrine' })}, instance)` },
  model: { label: 'Model', query: `label_values(${partOf('inferenceSeconds', 'count')}, model)` },
  tenant: { label: 'Tenant', query: `label_values(${series('costRequests')}, tenant)` },
  gpu: { label: 'GPU', query: `label_values(${series('gpuMemoryLimit')}, hw_id)` },
  dataset: { label: 'Dataset', query: `label_values(${series('samplesProcessed')}, dataset)` },
};

function variable(name: VariableName): dashboard.QueryVariableBuilder {
  const { label, query } = variables[name];
  return (
    new dashboard.QueryVariableBuilder(name)
      .label(label)
      .datasource({ type: 'prometheus', uid: 'prometheus' })
      .query({ query, refId: name })
      .definition(query)
      .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
      .sort(dashboard.VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      // Also what has no such label yet.
      .allValue('.*')
      .current({ text: 'All', value: '$__all' })
  );
}

/** What happened, drawn into every panel over time: releases, model loads, alerts. */
function marks(): dashboard.AnnotationQueryBuilder[] {
  const event = attributeNames.eventType.name;
  return [
    mark(
      'Releases',
      'purple',
      `{service_name="vitrine-receiver"} | ${event}="deploy"`,
      'Release of {{deploy_service}} {{deploy_version}}',
    ),
    mark(
      'Model loads',
      'blue',
      `{service_name="vitrine"} | ${event}="model_load"`,
      'Model {{model}} {{version}}: {{status}}',
    ),
    mark(
      'Alerts',
      'red',
      `{service_name="vitrine-receiver"} | ${event}="alert"`,
      'Alert {{alert_name}}: {{alert_state}}',
    ),
  ];
}

function mark(name: string, color: string, expr: string, title: string): dashboard.AnnotationQueryBuilder {
  const datasource = { type: 'loki', uid: 'loki' };
  return new dashboard.AnnotationQueryBuilder()
    .name(name)
    .datasource(datasource)
    .enable(true)
    .iconColor(color)
    .expr(expr)
    .titleFormat(title)
    .target(new LokiQuery().refId('Mark').datasource(datasource).expr(expr).queryType('range').maxLines(100));
}
