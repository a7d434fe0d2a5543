import { Document } from 'yaml';
import { asLogsql } from '../../src/stores/dialects/logsql.ts';
import { asMetricsql } from '../../src/stores/dialects/metricsql.ts';
import { runbookOf } from './alerts.ts';
import { type AlertRule, isAlert, type RecordingRule, type RuleGroup } from './rule.ts';

/** Grafana's address in the committed files; the launcher puts VITRINE_GRAFANA_URL in its place. */
export const grafanaUrl = 'http://localhost:3000';

/** Which evaluator reads the file, and how it wants an expression. */
export type RuleDialect = { type?: 'vlogs'; exprOf: (rule: AlertRule | RecordingRule) => string };

/** For Prometheus and Loki’s ruler: expressions are as they are written. */
export const asWritten: RuleDialect = { exprOf: ({ expr }) => expr.trim() };

/** For vmalert on VictoriaMetrics. */
export const inMetricsql: RuleDialect = { exprOf: ({ expr }) => asMetricsql(expr.trim()) };

/** For vmalert on VictoriaLogs. */
export const inLogsql: RuleDialect = {
  type: 'vlogs',
  exprOf: (rule) => (isAlert(rule) ? rule.logsql : undefined) ?? asLogsql(rule.expr),
};

/** A group as the file that an evaluator of rules reads. */
export function writeRules(group: RuleGroup, dialect: RuleDialect = asWritten): string {
  const document = new Document({
    groups: [
      {
        name: group.name,
        ...(dialect.type === undefined ? {} : { type: dialect.type }),
        ...(group.interval === undefined ? {} : { interval: group.interval }),
        rules: group.rules.map((rule) => (isAlert(rule) ? alertOf(rule, dialect) : recordOf(rule, dialect))),
      },
    ],
  });
  document.commentBefore = ` Generated from observability/alerts/ by npm run generate: change it there.\n ${group.says}`;
  return document.toString({ lineWidth: 0 });
}

function alertOf(rule: AlertRule, { exprOf }: RuleDialect) {
  return {
    alert: rule.alert,
    expr: exprOf(rule),
    ...(rule.for === undefined ? {} : { for: rule.for }),
    ...(rule.keepFiringFor === undefined ? {} : { keep_firing_for: rule.keepFiringFor }),
    labels: {
      severity: rule.severity,
      team: rule.team,
      ...(rule.system === undefined ? {} : { system: rule.system }),
    },
    annotations: {
      summary: rule.summary,
      description: rule.description,
      dashboard: dashboardLink(rule),
      runbook: runbookOf(rule),
      ...(rule.why && { why: whyOf(rule) }),
    },
  };
}

/** The command that names the cause of one request of those that the alert is about. */
export function whyOf({ why, by }: AlertRule): string {
  const of = by.includes('model') ? ' --model {{ $labels.model }}' : '';
  return why === 'failed'
    ? `\`vitrine why --failed${of}\` says why the last request failed, and what failed requests have that good ones lack.`
    : `\`vitrine why${of}\` says what made the slowest request slow; on the page: Requests, Slowest.`;
}

function recordOf(rule: RecordingRule, { exprOf }: RuleDialect) {
  return { record: rule.record, expr: exprOf(rule) };
}

/** The dashboard, looking at what the alert is about. */
export function dashboardLink({ dashboard, by }: AlertRule): string {
  const chosen = variables.filter((name) => by.includes(name)).map((name) => `var-${name}={{ $labels.${name} }}`);
  return `${grafanaUrl}/d/vitrine-${dashboard}${chosen.length === 0 ? '' : `?${chosen.join('&')}`}`;
}

const variables = ['model', 'instance'] as const;
