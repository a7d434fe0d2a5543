import type { Dashboard } from '../alerts/rule.ts';
import type { Query } from './query.ts';

export type Unit =
  | 'none'
  | 'short'
  | 's'
  | 'reqps'
  | 'ops'
  | 'percentunit'
  | 'bytes'
  | 'Bps'
  | 'watt'
  | 'joule'
  | 'celsius'
  | 'hertz'
  | 'dateTimeFromNow';

/** From where on a value is a warning, and from where on bad: above both, or below both when `bad` is the smaller one. Where there is no warning, the side is said. */
export type Limits = { warning: number; bad: number } | { badFrom: number } | { badBelow: number };

/** Of 95th percentiles: HighResponseTime and ModelInferenceLatency fire above 10 s. */
export const durationLimits = { warning: 5, bad: 10 } as const satisfies Limits;

/** A word in place of a number, or of every number from one on. */
export type Word = ({ is: number } | { from: number }) & {
  text: string;
  color: 'green' | 'orange' | 'red' | 'blue' | 'text';
};

/** What a panel is, whoever draws it: Grafana, or the page, which knows these kinds and no others. */
export type Panel = {
  kind: 'timeseries' | 'stat' | 'gauge' | 'bargauge' | 'table' | 'heatmap' | 'logs';
  title: string;
  /** What it shows and when to worry. */
  says: string;
  queries: readonly Query[];
  unit: Unit;
  /** Of 24 columns. */
  width: number;
  limits?: Limits;
  /** The alert whose runbook says what to do. */
  runbook?: string;
  /** Why the panel may be empty on a healthy system: it has data only after this. */
  onlyAfter?: string;
  stacked?: boolean;
  min?: number;
  max?: number;
  decimals?: number;
  /** For a stat: words in place of numbers. */
  words?: readonly Word[];
  /** In place of an empty answer. */
  whenEmpty?: string;
  /** For a table: its columns by the name of the label, or `Value` for the number (`Value #B` from the second query on), in order; by none it is left out. */
  columns?: Readonly<Record<string, string>>;
  /** For a table: units of its columns, by the titles given above. */
  columnUnits?: Readonly<Record<string, Unit>>;
  /** For a table: limits of its columns, by the titles given above; beyond them the number has their colour. */
  columnLimits?: Readonly<Record<string, Limits>>;
  /** For a table: columns that count things, of which there are no fractions; increase() makes some. */
  wholeColumns?: readonly string[];
  /** For a table: the title of the column whose largest come first. */
  largestFirst?: string;
  links?: readonly PanelLink[];
};

export type PanelLink = { title: string; url: string };

/** What stands in one line; a line without a title goes on below the one before. */
export type Line = { title?: string; height: number; panels: readonly Panel[] };

export type VariableName = 'instance' | 'model' | 'tenant' | 'gpu' | 'dataset';

export type DashboardPlan = {
  /** The name of its file, and of its address in Grafana after `vitrine-`. Alerts lead to it by this name. */
  name: Dashboard;
  title: string;
  says: string;
  variables: readonly VariableName[];
  lines: readonly Line[];
};

type Given = Omit<Panel, 'kind'>;

export const timeseries = (panel: Given): Panel => ({ kind: 'timeseries', ...panel });
export const stat = (panel: Given): Panel => ({ kind: 'stat', ...panel });
export const gauge = (panel: Given): Panel => ({ kind: 'gauge', ...panel });
export const bargauge = (panel: Given): Panel => ({ kind: 'bargauge', ...panel });
export const table = (panel: Given & Required<Pick<Panel, 'columns'>>): Panel => ({ kind: 'table', ...panel });
export const heatmap = (panel: Given): Panel => ({ kind: 'heatmap', ...panel });
export const logs = (panel: Omit<Given, 'unit'>): Panel => ({ kind: 'logs', unit: 'none', ...panel });

/** A search for traces, as the table that Grafana makes of it. */
export const traceTable = (panel: Omit<Given, 'unit'>): Panel => ({ kind: 'table', unit: 'none', ...panel });

/** What Grafana calls the column of a search for traces that says how long each took. */
export const duration = 'Duration';
