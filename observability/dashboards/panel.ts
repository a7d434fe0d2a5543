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

/**
 * Where a value becomes a warning and where it becomes bad; if `bad` is the smaller one, below
 * them.
 */
export type Limits = { warning: number; bad: number } | { badFrom: number } | { badBelow: number };

/** Of 95th percentiles: HighResponseTime and ModelInferenceLatency fire above 10 s. */
export const durationLimits = { warning: 5, bad: 10 } as const satisfies Limits;

/** A word in place of a number, or of every number from one on. */
export type Word = ({ is: number } | { from: number }) & {
  text: string;
  color: 'green' | 'orange' | 'red' | 'blue' | 'text';
};

/** A panel as Grafana and the page draw it; the page knows these kinds only. */
export type Panel = {
  kind: 'timeseries' | 'stat' | 'gauge' | 'bargauge' | 'table' | 'heatmap' | 'statetimeline' | 'logs';
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
  /** Words in place of numbers. */
  words?: readonly Word[];
  /** In place of an empty answer. */
  whenEmpty?: string;
  /**
   * For a table: titles of its columns in order, by label or `Value` (`Value #B` for the second
   * query).
   */
  columns?: Readonly<Record<string, string>>;
  /** For a table: units of its columns, by the titles given above. */
  columnUnits?: Readonly<Record<string, Unit>>;
  /** For a table: limits of its columns, by title; they colour the numbers. */
  columnLimits?: Readonly<Record<string, Limits>>;
  /** For a table: columns of whole numbers, since increase() makes fractions. */
  wholeColumns?: readonly string[];
  /** For a table: the title of the column whose largest come first. */
  largestFirst?: string;
  links?: readonly PanelLink[];
};

export type PanelLink = { title: string; url: string };

/** What stands in one line; a line without a title goes on below the one before. */
export type Line = { title?: string; height: number; panels: readonly Panel[] };

export type VariableName = 'instance' | 'model' | 'oneModel' | 'tenant' | 'gpu' | 'dataset';

export type DashboardPlan = {
  /** Names its file and, after `vitrine-`, its address in Grafana. Alerts link to it. */
  name: Dashboard;
  title: string;
  says: string;
  /** By which Grafana finds it, beside the tag of all. */
  tags: readonly ('overview' | 'model' | 'host' | 'slo' | 'telemetry' | 'logs' | 'audio' | 'cost')[];
  variables: readonly VariableName[];
  lines: readonly Line[];
};

type Given = Omit<Panel, 'kind'>;

export const timeseries = (panel: Given): Panel => ({ kind: 'timeseries', ...panel });
export const stat = (panel: Given): Panel => ({ kind: 'stat', ...panel });
export const gauge = (panel: Given): Panel => ({ kind: 'gauge', ...panel });
export const bargauge = (panel: Given): Panel => ({ kind: 'bargauge', ...panel });
export const table = (panel: Given & Required<Pick<Panel, 'columns'>>): Panel => ({ kind: 'table', ...panel });
/** What state something was in when: `words` say what its numbers mean. */
export const statetimeline = (panel: Given & Required<Pick<Panel, 'words'>>): Panel => ({
  kind: 'statetimeline',
  ...panel,
});
export const heatmap = (panel: Given): Panel => ({ kind: 'heatmap', ...panel });
export const logs = (panel: Omit<Given, 'unit'>): Panel => ({ kind: 'logs', unit: 'none', ...panel });

/** A search for traces, drawn as a table. */
export const traceTable = (panel: Omit<Given, 'unit'>): Panel => ({ kind: 'table', unit: 'none', ...panel });

/** What Grafana calls the column of a search for traces that says how long each took. */
export const duration = 'Duration';
