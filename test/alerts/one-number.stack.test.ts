import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { faultsFiring, faultsNow } from '../../stack/alerts/firing.ts';
import { ensureServer } from '../../stack/build-server.ts';
import { dashboards, panelsOf } from '../../stack/dashboards/dashboards.ts';
import { runProgram } from '../backends/run-program.ts';
import { fillVariables } from '../dashboards/fill-variables.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

// The counts that people read, by the engine of Prometheus, over series as they are with none, one and several instances.

type Case = {
  name: string;
  series: Readonly<Record<string, string>>;
  /** Query → its samples at minute 10: labels and values. */
  is: Readonly<Record<string, readonly (readonly [labels: string, value: number])[]>>;
};

const firing = (labels: string) => `ALERTS{alertstate="firing", ${labels}}`;
const down = (instance: string) =>
  ['s1', 's4', 's5'].map((system) =>
    firing(`alertname="ServiceDown", severity="critical", team="serving", instance="${instance}", system="${system}"`),
  );
const held = (alertname: string, severity: string) =>
  `vitrine_receiver_alerts_firing{job="vitrine-receiver", alertname="${alertname}", severity="${severity}"}`;
const beat = (instance: string) => `vitrine_heartbeat_timestamp_seconds{job="vitrine", instance="${instance}"}`;
const up = (job: string) => `up{job="${job}", instance="${job}"}`;
const all = (series: readonly string[], values: string) => Object.fromEntries(series.map((one) => [one, values]));
const panel = (dashboard: string, title: string) => {
  const [query] = panelsOf(dashboards.find(({ name }) => name === dashboard)!).find(
    (one) => one.title === title,
  )!.queries;
  return fillVariables(query!.expr);
};
const [live, beating, stopped, dead] = ['0+60x60', '0+60x60', '0+60x7 0', '0+60x3'];
const status = panel('overview', 'API status');
const instances = panel('overview', 'Instances');
const counted = (count: number) => ({ [status]: [['{}', count]], [instances]: [['{}', count]] }) as const;

const cases: readonly Case[] = [
  {
    name: 'two dead instances with rules of three systems are two faults, critical ones',
    series: {
      ...all([...down('a'), ...down('b')], '1x60'),
      [firing('alertname="Watchdog", severity="info", team="platform"')]: '1x60',
      [firing('alertname="HighErrorRate", severity="warning", system="s5"')]: '1x60',
      [firing('alertname="HighErrorRate", severity="critical", system="s4"')]: '1x60',
      [firing('alertname="QueueWaitLong", severity="warning", model="m"')]: '1x60',
    },
    is: {
      [faultsFiring()]: [['{}', 4]],
      [faultsFiring('critical')]: [['{}', 3]],
      [faultsFiring('warning')]: [['{}', 1]],
      [`count(${faultsNow()})`]: [['{}', 4]],
      [`count by (severity) (${faultsNow()})`]: [
        ['{severity="critical"}', 3],
        ['{severity="warning"}', 1],
      ],
    },
  },
  {
    name: 'what only log lines say counts too, and what Prometheus has said is not counted again by the receiver',
    series: {
      ...all(down('a'), '1x60'),
      [held('ServiceDown', 'critical')]: '1x60',
      [held('ErrorBurst', 'warning')]: '2x60',
      [held('NewErrorKind', 'info')]: '1x60',
    },
    is: { [faultsFiring()]: [['{}', 3]], [`sum(${faultsNow()})`]: [['{}', 3]] },
  },
  {
    name: 'nothing fires',
    series: { [firing('alertname="Watchdog", severity="info"')]: '1x60' },
    is: { [faultsFiring()]: [['{}', 0]], [`count(${faultsNow()})`]: [] },
  },
  { name: 'no instance', series: { other: '1x60' }, is: counted(0) },
  { name: 'one instance', series: { [beat('a')]: live }, is: counted(1) },
  { name: 'two instances', series: { [beat('a')]: live, [beat('b')]: beating }, is: counted(2) },
  { name: 'three instances', series: { [beat('a')]: live, [beat('b')]: beating, [beat('c')]: live }, is: counted(3) },
  {
    name: 'one that lives, one that died and one that stopped',
    series: { [beat('a')]: live, [beat('b')]: dead, [beat('c')]: stopped },
    is: counted(1),
  },
  {
    name: 'servers of another choice of backends, all of them up, and one of them down',
    series: { [up('collector')]: '1x60', [up('prometheus')]: '1x60', [up('loki')]: '0x60' },
    is: { [panel('telemetry', 'Servers down')]: [['{}', 1]] },
  },
];

describe('the counts that people read', function () {
  this.timeout(900_000);

  it('are right with none, one and several instances, and count a fault once', async () => {
    const tests = {
      evaluation_interval: '1m',
      tests: cases.map(({ name, series, is }) => ({
        name,
        interval: '1m',
        input_series: Object.entries(series).map(([one, values]) => ({ series: one, values })),
        promql_expr_test: Object.entries(is).map(([expr, samples]) => ({
          expr,
          eval_time: '10m',
          exp_samples: samples.map(([labels, value]) => ({ labels, value })),
        })),
      })),
    };
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'counts.json');
    await writeFile(file, JSON.stringify(tests));
    const promtool = join(await ensureServer('promtool'), 'promtool');
    const answer = await runProgram(promtool, ['test', 'rules', file]);
    assert.equal(answer.code, 0, answer.said);
  });
});
