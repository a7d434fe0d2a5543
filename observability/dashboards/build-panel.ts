import { PanelBuilder as BarGauge } from '@grafana/grafana-foundation-sdk/bargauge';
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as Gauge } from '@grafana/grafana-foundation-sdk/gauge';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import { PanelBuilder as Logs } from '@grafana/grafana-foundation-sdk/logs';
import { DataqueryBuilder as LokiQuery } from '@grafana/grafana-foundation-sdk/loki';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimeline } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table';
import * as tempo from '@grafana/grafana-foundation-sdk/tempo';
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';
import { alertRules, runbookOf } from '../alerts/alerts.ts';
import { dataSource } from './data-sources.ts';
import { fitPanel } from './fit-schema.ts';
import type { Limits, Panel, PanelLink, Word } from './panel.ts';
import type { Query } from './query.ts';

type AnyBuilder = TimeSeries | Stat | Gauge | BarGauge | Table | heatmap.PanelBuilder | StateTimeline | Logs;

/** Grafana's panel for ours, at its place. */
export function buildPanel(panel: Panel, id: number, place: dashboard.GridPos): dashboard.Panel {
  const drawn: AnyBuilder = drawing(panel);
  drawn.id(id).title(panel.title).description(descriptionOf(panel)).gridPos(place);
  const [first] = panel.queries;
  if (first) drawn.datasource(dataSource(first.source));
  for (const [at, query] of panel.queries.entries())
    drawn.withTarget(target(query, String.fromCharCode(65 + at), panel.largestFirst === undefined ? 20 : 100));
  if (panel.kind !== 'logs') {
    drawn
      .unit(panel.unit)
      .thresholds(thresholds(panel.limits))
      .noValue(panel.whenEmpty ?? '–');
    if (panel.decimals !== undefined) drawn.decimals(panel.decimals);
    if (panel.min !== undefined) drawn.min(panel.min);
    if (panel.max !== undefined) drawn.max(panel.max);
    if (panel.words) drawn.mappings(panel.words.map(mapping));
    if (panel.links) drawn.dataLinks(panel.links.map(link));
  }
  if (panel.columns) arrange(drawn, panel, panel.columns);
  if (panel.largestFirst !== undefined && drawn instanceof Table)
    drawn.sortBy([new common.TableSortByFieldStateBuilder().displayName(panel.largestFirst).desc(true)]);
  return fitPanel(drawn.build());
}

function drawing(panel: Panel): AnyBuilder {
  const { kind, unit } = panel;
  const lastValue = new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false);
  switch (kind) {
    case 'timeseries':
      return chart(panel);
    case 'stat':
      return new Stat()
        .reduceOptions(lastValue)
        .colorMode(common.BigValueColorMode.Value)
        .graphMode(common.BigValueGraphMode.None)
        .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Thresholds));
    case 'gauge':
      return new Gauge()
        .reduceOptions(lastValue)
        .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Thresholds));
    case 'bargauge':
      return new BarGauge()
        .reduceOptions(lastValue)
        .orientation(common.VizOrientation.Horizontal)
        .displayMode(common.BarGaugeDisplayMode.Basic)
        .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Thresholds));
    case 'table':
      return new Table();
    case 'heatmap':
      return new heatmap.PanelBuilder()
        .calculate(false)
        .yAxis(new heatmap.YAxisConfigBuilder().unit(unit))
        .color(
          new heatmap.HeatmapColorOptionsBuilder()
            .mode(heatmap.HeatmapColorMode.Scheme)
            .scheme('Blues')
            .exponent(0.5)
            .steps(32),
        );
    case 'statetimeline':
      return new StateTimeline()
        .mergeValues(true)
        .showValue(common.VisibilityMode.Auto)
        .rowHeight(0.9)
        .fillOpacity(70)
        .lineWidth(0)
        .legend(legend(false))
        .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Single))
        .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Thresholds));
    case 'logs':
      return new Logs().showTime(true).wrapLogMessage(true).enableLogDetails(true);
  }
}

/** Durations stand on a logarithmic axis: 1 ms and 20 s are both to be read. */
function chart({ stacked, unit, limits, queries, width }: Panel): TimeSeries {
  const isLatency = unit === 's' && queries.some(({ expr }) => expr.includes('histogram_quantile'));
  const made = new TimeSeries()
    .lineWidth(1)
    .fillOpacity(stacked ? 40 : 6)
    .showPoints(common.VisibilityMode.Auto)
    .stacking(new common.StackingConfigBuilder().mode(stacked ? common.StackingMode.Normal : common.StackingMode.None))
    .thresholdsStyle(
      new common.GraphThresholdsStyleConfigBuilder().mode(
        limits ? common.GraphThresholdsStyleMode.Dashed : common.GraphThresholdsStyleMode.Off,
      ),
    )
    .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.PaletteClassic))
    .legend(legend(isLatency || width >= wide))
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    );
  if (isLatency)
    made.scaleDistribution(new common.ScaleDistributionConfigBuilder().type(common.ScaleDistribution.Log).log(10));
  return made;
}

/** Charts of half the page have room for numbers beside the names. */
const wide = 12;

/** Of durations, and where there is room, the numbers are read beside the names. */
function legend(withValues: boolean): common.VizLegendOptionsBuilder {
  const made = new common.VizLegendOptionsBuilder().placement(common.LegendPlacement.Bottom).showLegend(true);
  if (!withValues) return made.displayMode(common.LegendDisplayMode.List);
  return made.displayMode(common.LegendDisplayMode.Table).calcs(['lastNotNull', 'max', 'mean']);
}

/** Tempo does not sort: these are the slowest of the `tracesMax` traces that it finds. */
function target(query: Query, refId: string, tracesMax: number): Builder<Dataquery> {
  const datasource = dataSource(query.source);
  if (query.source === 'tempo') {
    return new tempo.DataqueryBuilder()
      .refId(refId)
      .datasource(datasource)
      .queryType('traceql')
      .tableType(tempo.SearchTableType.Traces)
      .limit(tracesMax)
      .query(query.expr);
  }
  if (query.source === 'loki') {
    const asked = new LokiQuery().refId(refId).datasource(datasource).expr(query.expr).legendFormat(query.legend);
    return query.shape === 'instant' ? asked.queryType('instant') : asked.queryType('range').maxLines(100);
  }
  const asked = new prometheus.DataqueryBuilder()
    .refId(refId)
    .datasource(datasource)
    .expr(query.expr)
    .legendFormat(query.legend === '' ? '__auto' : query.legend);
  switch (query.shape) {
    case 'range':
      return asked.range();
    case 'instant':
      return asked.instant();
    case 'table':
      return asked.instant().format(prometheus.PromQueryFormat.Table);
    case 'buckets':
      return asked.range().format(prometheus.PromQueryFormat.Heatmap);
    case 'exemplars':
      return asked.range().exemplar(true);
  }
}

function descriptionOf({ says, onlyAfter, runbook }: Panel): string {
  const parts = [says];
  if (onlyAfter !== undefined) parts.push(`Empty until ${onlyAfter}.`);
  if (runbook !== undefined) parts.push(`Runbook: ${runbookFor(runbook)}`);
  return parts.join('\n\n');
}

function runbookFor(alert: string): string {
  const rule = alertRules.find((one) => one.alert === alert);
  if (rule === undefined) throw new Error(`There is no alert ${alert} whose runbook a panel could name`);
  return runbookOf(rule);
}

function thresholds(limits: Limits | undefined): dashboard.ThresholdsConfigBuilder {
  const made = new dashboard.ThresholdsConfigBuilder().mode(dashboard.ThresholdsMode.Absolute);
  if (!limits) return made.steps([{ value: null, color: 'text' }]);
  if ('badFrom' in limits)
    return made.steps([
      { value: null, color: 'green' },
      { value: limits.badFrom, color: 'red' },
    ]);
  if ('badBelow' in limits)
    return made.steps([
      { value: null, color: 'red' },
      { value: limits.badBelow, color: 'green' },
    ]);
  const { warning, bad } = limits;
  if (warning === bad) throw new Error(`Limits of ${bad} do not say which side is bad: use badFrom or badBelow`);
  return made.steps(
    warning < bad
      ? [
          { value: null, color: 'green' },
          { value: warning, color: 'orange' },
          { value: bad, color: 'red' },
        ]
      : [
          { value: null, color: 'red' },
          { value: bad, color: 'orange' },
          { value: warning, color: 'green' },
        ],
  );
}

function mapping(word: Word, index: number): dashboard.ValueMapping {
  const result = { text: word.text, color: word.color, index };
  return 'is' in word
    ? { type: dashboard.MappingType.ValueToText, options: { [word.is]: result } }
    : { type: dashboard.MappingType.RangeToText, options: { from: word.from, to: null, result } };
}

function link({ title, url }: PanelLink): dashboard.DashboardLinkBuilder {
  return new dashboard.DashboardLinkBuilder(title).url(url).targetBlank(false);
}

/** The columns of a table, in order and by the names that a person reads. */
function arrange(drawn: AnyBuilder, panel: Panel, columns: NonNullable<Panel['columns']>): void {
  if (panel.queries.length > 1) drawn.withTransformation({ id: 'merge', options: {} });
  const names = Object.keys(columns).filter((name) => columns[name] !== '');
  const left = Object.keys(columns).filter((name) => columns[name] === '');
  drawn.withTransformation({
    id: 'organize',
    options: {
      excludeByName: Object.fromEntries(['Time', ...left].map((name) => [name, true])),
      indexByName: Object.fromEntries(names.map((name, at) => [name, at])),
      renameByName: Object.fromEntries(names.map((name) => [name, columns[name]])),
    },
  });
  for (const [title, unit] of Object.entries(panel.columnUnits ?? {})) {
    drawn.overrideByName(title, [{ id: 'unit', value: unit }]);
  }
  for (const [title, limits] of Object.entries(panel.columnLimits ?? {})) {
    drawn.overrideByName(title, [
      { id: 'thresholds', value: thresholds(limits).build() },
      { id: 'custom.cellOptions', value: { type: 'color-text' } },
    ]);
  }
  for (const title of panel.wholeColumns ?? []) drawn.overrideByName(title, [{ id: 'decimals', value: 0 }]);
}
