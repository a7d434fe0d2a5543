import { Document } from 'yaml';
import { runbookOf } from './alerts.ts';
import { type AlertRule, isAlert, type RecordingRule, type RuleGroup } from './rule.ts';

/** Grafana's address in the committed files; the launcher puts VITRINE_GRAFANA_URL in its place. */
export const grafanaUrl = 'http://localhost:3000';

/** A group as the file that Prometheus, or Loki’s ruler, reads. */
export function writeRules(group: RuleGroup): string {
  const document = new Document({
    groups: [
      {
        name: group.name,
        ...(group.interval === undefined ? {} : { interval: group.interval }),
        rules: group.rules.map((rule) => (isAlert(rule) ? alertOf(rule) : recordOf(rule))),
      },
    ],
  });
  document.commentBefore = ` Generated from observability/alerts/ by npm run generate: change it there.\n ${group.says}`;
  return document.toString({ lineWidth: 0 });
}

function alertOf(rule: AlertRule) {
  return {
    alert: rule.alert,
    expr: rule.expr.trim(),
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
    },
  };
}

function recordOf({ record, expr }: RecordingRule) {
  return { record, expr: expr.trim() };
}

/** The dashboard, looking at what the alert is about. */
export function dashboardLink({ dashboard, by }: AlertRule): string {
  const chosen = variables.filter((name) => by.includes(name)).map((name) => `var-${name}={{ $labels.${name} }}`);
  return `${grafanaUrl}/d/vitrine-${dashboard}${chosen.length === 0 ? '' : `?${chosen.join('&')}`}`;
}

const variables = ['model', 'instance'] as const;
