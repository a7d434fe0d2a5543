import type { System } from '../aliases.ts';
/** A rule that fires: in PromQL for Prometheus, in LogQL for Loki’s ruler. */
export type AlertRule = {
  /** Names the runbook too. An alert may exist in several severities and for several systems. */
  alert: string;
  severity: 'critical' | 'warning' | 'info';
  /** serving: models and requests. platform: machines and telemetry. data: quality of results. */
  team: 'serving' | 'platform' | 'data';
  /** The system of systems.md that asks for the rule in these words. */
  system?: System;
  expr: string;
  /** For VictoriaLogs, where LogsQL cannot be made of `expr`. */
  logsql?: string;
  /** How long the expression must hold; without it one evaluation is enough. */
  for?: string;
  keepFiringFor?: string;
  /** The labels that the alert carries besides its own: what its sentences may name. */
  by: readonly string[];
  summary: string;
  /** With the value, and with what it is compared to. */
  description: string;
  dashboard: Dashboard;
  /** Which request `vitrine why` explains for it. */
  why?: 'slowest' | 'failed';
  /** Where several alerts are one trouble, the page of another one. */
  runbook?: string;
};

/** A query that others use three times or more, worked out once an evaluation. */
export type RecordingRule = { record: `vitrine:${string}`; expr: string };

export type RuleGroup = {
  name: string;
  /** What a reader of the generated file should know first. */
  says: string;
  /** Evaluated this often instead of with everything else. */
  interval?: string;
  rules: readonly (AlertRule | RecordingRule)[];
};

/** The dashboards that alerts lead to, by the end of their uid. */
export type Dashboard =
  | 'overview'
  | 'service'
  | 'inference'
  | 'model'
  | 'gpu-host'
  | 'audio-overview'
  | 'audio-performance'
  | 'audio-quality'
  | 'generation'
  | 'materials'
  | 'business'
  | 'telemetry'
  | 'slo'
  | 'logs';

/** On every series that is pushed: production’s trouble is not staging’s. */
export const environment = 'deployment_environment_name';

export function isAlert(rule: AlertRule | RecordingRule): rule is AlertRule {
  return 'alert' in rule;
}
