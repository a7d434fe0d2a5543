// The part of Grafana's dashboard format that this page draws. What else a file has must be in
// test/page/known-parts.ts, or a test fails.

export type Dashboard = {
  uid: string;
  title: string;
  description?: string;
  tags?: string[];
  time?: { from: string; to: string };
  refresh?: string | false;
  templating?: { list?: Variable[] };
  annotations?: { list?: Annotation[] };
  links?: DashboardLink[];
  panels?: Panel[];
};

export type DataSource = { type?: string; uid?: string } | string | null;

export type Variable = {
  type: string;
  name: string;
  label?: string;
  query?: string | { query?: string; qryType?: number; refId?: string };
  current?: { value?: string | string[]; text?: string | string[] };
  options?: { value: string; text: string; selected?: boolean }[];
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string | null;
  hide?: number | string;
  regex?: string;
};

export type Annotation = {
  name: string;
  enable?: boolean;
  hide?: boolean;
  iconColor?: string;
  builtIn?: number;
  datasource?: DataSource;
  titleFormat?: string;
  textFormat?: string;
  target?: { expr?: string };
};

export type DashboardLink = {
  title: string;
  type: string;
  url?: string;
  tags?: string[];
  keepTime?: boolean;
  includeVars?: boolean;
};

export type Panel = {
  id: number;
  type: string;
  title?: string;
  description?: string;
  gridPos?: { x: number; y: number; w: number; h: number };
  datasource?: DataSource;
  targets?: Target[];
  fieldConfig?: { defaults?: FieldConfig; overrides?: Override[] };
  options?: PanelOptions;
  links?: { title: string; url: string; targetBlank?: boolean }[];
  interval?: string;
  maxDataPoints?: number;
  transformations?: { id: string; options?: Record<string, unknown>; disabled?: boolean }[];
  /** Of a row that is folded. */
  panels?: Panel[];
  collapsed?: boolean;
};

export type Target = {
  refId?: string;
  expr?: string;
  query?: string;
  queryType?: string;
  legendFormat?: string;
  instant?: boolean;
  range?: boolean;
  format?: string;
  exemplar?: boolean;
  hide?: boolean;
  interval?: string;
  limit?: number;
  maxLines?: number;
  datasource?: DataSource;
};

export type Threshold = { color: string; value: number | null };

export type Mapping = {
  type: string;
  options: Record<string, unknown>;
};

export type FieldConfig = {
  unit?: string;
  decimals?: number;
  min?: number;
  max?: number;
  displayName?: string;
  noValue?: string;
  color?: { mode: string; fixedColor?: string };
  thresholds?: { mode?: string; steps: Threshold[] };
  mappings?: Mapping[];
  links?: { title: string; url: string; targetBlank?: boolean }[];
  custom?: CustomConfig;
};

export type CustomConfig = {
  drawStyle?: string;
  lineInterpolation?: string;
  lineWidth?: number;
  fillOpacity?: number;
  stacking?: { mode?: string; group?: string };
  axisPlacement?: string;
  axisLabel?: string;
  axisSoftMin?: number;
  axisSoftMax?: number;
  scaleDistribution?: { type: string; log?: number };
  spanNulls?: boolean | number;
  thresholdsStyle?: { mode: string };
  lineStyle?: { fill?: string; dash?: number[] };
  showPoints?: string;
  pointSize?: number;
  hideFrom?: { legend?: boolean; tooltip?: boolean; viz?: boolean };
  align?: string;
  width?: number;
  hidden?: boolean;
  cellOptions?: { type: string; mode?: string };
};

export type Override = {
  matcher: { id: string; options?: unknown };
  properties: { id: string; value?: unknown }[];
};

export type PanelOptions = {
  legend?: { displayMode?: string; placement?: string; calcs?: string[]; showLegend?: boolean };
  tooltip?: { mode?: string; sort?: string };
  reduceOptions?: { calcs?: string[]; values?: boolean; fields?: string };
  textMode?: string;
  colorMode?: string;
  graphMode?: string;
  orientation?: string;
  displayMode?: string;
  sortBy?: { displayName: string; desc?: boolean }[];
  sortOrder?: string;
  wrapLogMessage?: boolean;
  showTime?: boolean;
  dedupStrategy?: string;
  content?: string;
  mode?: string;
  yAxis?: { unit?: string; decimals?: number };
  color?: { scheme?: string; mode?: string };
  [other: string]: unknown;
};
