import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import { ruleGroups, runbookOf } from '../../observability/alerts/alerts.ts';
import { type AlertRule, isAlert } from '../../observability/alerts/rule.ts';
import { dashboardLink, whyOf } from '../../observability/alerts/write-rules.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { runProgram } from '../backends/run-program.ts';
import { gpuCases, hostCases } from './cases/host-cases.ts';
import { inferenceCases } from './cases/inference-cases.ts';
import { objectiveCases } from './cases/objective-cases.ts';
import { serviceCases } from './cases/service-cases.ts';
import { jobCases, taskCases } from './cases/task-cases.ts';
import { telemetryCases } from './cases/telemetry-cases.ts';
import type { Firing, RuleCase } from './rule-case.ts';

// Every rule by promtool, on the files that Prometheus reads: silent, firing with the words people
// read, silent again.

const rulesFolder = join(import.meta.dirname, '../../prometheus/rules');

const casesOf: Readonly<Record<string, readonly RuleCase[]>> = {
  service: serviceCases,
  objectives: objectiveCases,
  inference: inferenceCases,
  tasks: taskCases,
  jobs: jobCases,
  host: hostCases,
  gpu: gpuCases,
  telemetry: telemetryCases,
};
/** prometheus/rules/tests/ has its cases, written out. */
const testedElsewhere = ['ServiceDown'];

describe('the alert rules', function () {
  this.timeout(900_000);

  for (const [group, cases] of Object.entries(casesOf)) {
    it(`of ${group} fire, and stop, when they should`, async () => {
      await using folder = await temporaryFolder();
      const promtool = join(await ensureServer('promtool'), 'promtool');
      const files = await Promise.all(
        [...Map.groupBy(cases, ({ interval = '1m' }) => interval)].map(async ([interval, some]) => {
          const file = join(folder.path, `${group}-${interval}.json`);
          await writeFile(file, JSON.stringify(testFile(group, interval, some)));
          return file;
        }),
      );
      const answer = await runProgram(promtool, ['test', 'rules', ...files]);
      assert.equal(answer.code, 0, answer.said);
    });
  }

  it('have a case each, for every severity and system', () => {
    const fired = new Set(
      Object.values(casesOf)
        .flat()
        .flatMap(({ alert, at }) =>
          Object.values(at).flatMap((firing) => firing.map((one) => keyOf({ ...one, alert }))),
        ),
    );
    const rules = ruleGroups.flatMap((group) => group.rules.filter(isAlert));
    const missing = rules.filter((rule) => !testedElsewhere.includes(rule.alert) && !fired.has(keyOf(rule)));
    assert.deepEqual(missing.map(keyOf), []);
  });
});

function testFile(group: string, interval: string, cases: readonly RuleCase[]) {
  return {
    rule_files: [...new Set(['recording', group])].map((name) => join(rulesFolder, `${name}.yaml`)),
    evaluation_interval: interval,
    // What is recorded is there when it is asked for; without the order promtool takes any.
    group_eval_order: ['recording', group],
    tests: cases.map(({ name, alert, series, at }) => ({
      name: `${alert}: ${name}`,
      interval,
      input_series: Object.entries(series).map(([one, values]) => ({ series: one, values })),
      alert_rule_test: Object.entries(at).map(([moment, firing]) => ({
        eval_time: moment,
        alertname: alert,
        exp_alerts: firing.map((one) => expected(group, alert, one)),
      })),
    })),
  };
}

function expected(group: string, alert: string, firing: Firing) {
  const rules = ruleGroups.find(({ name }) => name === group)?.rules.filter(isAlert) ?? [];
  const rule = rules.find((one) => keyOf(one) === keyOf({ ...firing, alert }));
  assert.ok(rule, `there is no rule ${keyOf({ ...firing, alert })} in the group ${group}`);
  const { labels = {}, says } = firing;
  return {
    exp_labels: {
      ...labels,
      severity: rule.severity,
      team: rule.team,
      ...(rule.system === undefined ? {} : { system: rule.system }),
    },
    exp_annotations: {
      summary: filled(rule.summary, labels, says),
      description: filled(rule.description, labels, says),
      dashboard: filled(dashboardLink(rule), labels, says),
      runbook: runbookOf(rule),
      ...(rule.why && { why: filled(whyOf(rule), labels, says) }),
    },
  };
}

/** The template with the case’s labels and value, as a person would read it. */
function filled(template: string, labels: Readonly<Record<string, string>>, says: string | undefined): string {
  return template
    .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? '')
    .replaceAll(/\{\{ \$value[^}]*\}\}/g, says ?? '(the case does not say the value)');
}

function keyOf({ alert, severity, system }: Pick<AlertRule, 'alert' | 'severity'> & { system?: string }): string {
  return `${alert} ${severity}${system === undefined ? '' : ` ${system}`}`;
}
