import { gpuRules } from './gpu-rules.ts';
import { hostRules } from './host-rules.ts';
import { inferenceRules } from './inference-rules.ts';
import { logRules } from './log-rules.ts';
import { objectiveRules } from './objective-rules.ts';
import { monthRules, recordingRules } from './recording-rules.ts';
import { type AlertRule, isAlert, type RuleGroup } from './rule.ts';
import { serviceRules } from './service-rules.ts';
import { jobRules, taskRules } from './task-rules.ts';
import { telemetryRules } from './telemetry-rules.ts';

/** Prometheus’ groups; each is a file of prometheus/rules/. */
export const ruleGroups: readonly RuleGroup[] = [
  recordingRules,
  monthRules,
  serviceRules,
  objectiveRules,
  inferenceRules,
  taskRules,
  jobRules,
  hostRules,
  gpuRules,
  telemetryRules,
];

/** The rules of Loki’s ruler; each group is a file of loki/rules/fake/. */
export const logRuleGroups: readonly RuleGroup[] = [logRules];

/**
 * The same rules for one log stream, which is a tenant of its own: loki/rules-by-stream/<stream>/.
 */
export function logRuleGroupsOf(stream: 'app' | 'audit' | 'security'): RuleGroup[] {
  return logRuleGroups.map((group) => ({
    ...group,
    rules: group.rules.filter(({ expr }) => !expr.includes('log_stream=') || expr.includes(`log_stream="${stream}"`)),
  }));
}

export const alertRules: readonly AlertRule[] = [...ruleGroups, ...logRuleGroups].flatMap(({ rules }) =>
  rules.filter(isAlert),
);

export function runbookOf({ alert, runbook }: AlertRule): string {
  return `docs/runbooks/${runbook ?? alert}.md`;
}
