// Dashboards as the pinned Grafana types them: a test has the compiler check the files by these.

import type {
  AnnotationQuery,
  Dashboard,
  DataQuery,
  FieldConfig,
  FieldConfigSource,
  Panel,
  RowPanel,
} from '@grafana/schema';
import type { Options as BarGauge } from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type { Options as Gauge } from '@grafana/schema/dist/esm/raw/composable/gauge/panelcfg/x/GaugePanelCfg_types.gen';
import type {
  Options as Heatmap,
  FieldConfig as HeatmapField,
} from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type { Options as Logs } from '@grafana/schema/dist/esm/raw/composable/logs/panelcfg/x/LogsPanelCfg_types.gen';
import type { LokiDataQuery } from '@grafana/schema/dist/esm/raw/composable/loki/dataquery/x/LokiDataQuery_types.gen';
import type { Options as Stat } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type {
  FieldConfig as StateField,
  Options as StateTimeline,
} from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type {
  Options as Table,
  FieldConfig as TableField,
} from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type { TempoQuery } from '@grafana/schema/dist/esm/raw/composable/tempo/dataquery/x/TempoDataQuery_types.gen';
import type {
  FieldConfig as TimeField,
  Options as TimeSeries,
} from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

/** JSON has the words of an enum, not its members. */
type Plain<Type> = Type extends readonly (infer Each)[]
  ? Plain<Each>[]
  : Type extends string
    ? `${Type}`
    : Type extends object
      ? { [Key in keyof Type]: Plain<Type[Key]> }
      : Type;

/** No more than the field has that every panel has. */
type Nothing = Record<never, never>;

type Kinds = {
  timeseries: { options: TimeSeries; custom: TimeField };
  stat: { options: Stat; custom: Nothing };
  gauge: { options: Gauge; custom: Nothing };
  bargauge: { options: BarGauge; custom: Nothing };
  table: { options: Table; custom: TableField };
  heatmap: { options: Heatmap; custom: HeatmapField };
  logs: { options: Logs; custom: Nothing };
  'state-timeline': { options: StateTimeline; custom: StateField };
};

/** Grafana leaves the queries to their data sources; the schema has no type for Prometheus’. */
type PrometheusQuery = DataQuery & {
  expr: string;
  range?: boolean;
  instant?: boolean;
  exemplar?: boolean;
  format?: 'time_series' | 'table' | 'heatmap';
  legendFormat?: string;
  interval?: string;
};
type Queries = { prometheus: PrometheusQuery; loki: LokiDataQuery; tempo: TempoQuery };

export type PanelOf<Kind extends keyof Kinds> = Plain<
  Omit<Panel, 'options' | 'fieldConfig' | 'type' | 'targets'> & {
    type: Kind;
    options: Kinds[Kind]['options'];
    fieldConfig: Omit<FieldConfigSource, 'defaults'> & {
      defaults: Omit<FieldConfig, 'custom'> & { custom?: Partial<Kinds[Kind]['custom']> };
    };
  }
>;
export type RowOf = Plain<Omit<RowPanel, 'panels'>> & { panels: [] };
export type QueryOf<Source extends keyof Queries> = Plain<Queries[Source]>;
/** Data sources read the format of a title, which the schema leaves to them. */
export type MarkOf = Plain<Omit<AnnotationQuery, 'target'>> & { titleFormat?: string };
export type DashboardOf = Plain<Omit<Dashboard, 'panels' | 'annotations'>>;
