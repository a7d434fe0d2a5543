import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import { faultsFiring, faultsNow } from '../../observability/alerts/firing.ts';
import { dashboards, panelsOf } from '../../observability/dashboards/dashboards.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { runProgram } from '../backends/run-program.ts';
import { fillVariables } from '../dashboards/fill-variables.ts';

// The counts that people read, by the engine of Prometheus, over series as they are with none, one
// and several instances.

type Case = {
  name: string;
  series: Readonly<Record<string, string>>;
  /** Query → its samples at minute 10: labels and values. */
  is: Readonly<Record<string, readonly (readonly [labels: string, value: number])[]>>;
  interval?: string;
};

const firing = (labels: string) => `ALERTS{alertstate="firing", ${labels}}`;
const down = (instance: string) =>
  ['generation', 'generation-guide', 'microstructure'].map((system) =>
    firing(`alertname="ServiceDown", severity="critical", team="serving", instance="${instance}", system="${system}"`),
  );
const held = (alertname: string, severity: string) =>
  `vitrine_receiver_alerts_firing{job="vitrine-receiver", alertname="${alertname}", severity="${severity}"}`;
const beat = (instance: string) => `vitrine_heartbeat_timestamp_seconds{job="vitrine", instance="${instance}"}`;
const up = (job: string) => `up{job="${job}", instance="${job}"}`;
const all = (series: readonly string[], values: string) => Object.fromEntries(series.map((one) => [one, values]));
const panel = (dashboard: string, title: string, chosen: Readonly<Record<string, string>> = {}) => {
  const plan = dashboards.find(({ name }) => name === dashboard)!;
  const [query] = panelsOf(plan).find((one) => one.title === title)!.queries;
  return fillVariables(query!.expr, chosen);
};
const requests = (model: string, more: string) =>
  `inference_requests_total{job="vitrine", instance="a", model="${model}", ${more}}`;
const http = (instance: string, status: string, fault: string) =>
  `http_requests_total{job="vitrine", instance="${instance}", method="POST", endpoint="/v1/separate", status="${status}", fault="${fault}"}`;
const separations = (status: string, fault: string) =>
  `separations_total{job="vitrine", instance="a", model="m", status="${status}", fault="${fault}"}`;
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
      [firing('alertname="HighErrorRate", severity="warning", system="microstructure"')]: '1x60',
      [firing('alertname="HighErrorRate", severity="critical", system="generation-guide"')]: '1x60',
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
    name: 'a month in which one model of three fails a fifth of the time, with another instance that died',
    interval: '30m',
    series: {
      [requests('good', 'status="ok"')]: '0+100x2000',
      [requests('good', 'status="ok"').replace('instance="a"', 'instance="dead"')]: '0+100x100',
      [requests('bad', 'status="ok"')]: '0+80x2000',
      [requests('bad', 'status="inference_failed", fault="server"')]: '0+20x2000',
      [requests('misused', 'status="invalid_input", fault="caller"')]: '0+100x2000',
      [requests('misused', 'status="ok"')]: '0+100x2000',
    },
    is: {
      [panel('slo', 'Availability, worst model')]: [['{}', 0.8]],
      [panel('slo', 'Failure budget left')]: [['{}', -199]],
      [panel('slo', 'Failure budget left', { model: 'good|misused' })]: [['{}', 1]],
      [panel('slo', 'Failure budget by model')]: [
        ['{model="good"}', 1],
        ['{model="bad"}', -199],
        ['{model="misused"}', 1],
      ],
    },
  },
  ...['5m', '30d'].map((range) => ({
    name: `success rates over ${range}, with one, two and three instances, are those of what callers asked for rightly`,
    interval: range === '5m' ? '1m' : '6h',
    series: {
      [http('a', '200', '')]: '0+90x200',
      [http('b', '200', '')]: '0+90x200',
      [http('c', '500', 'server')]: '0+20x200',
      [http('a', '400', 'caller')]: '0+1000x200',
      [http('a', '499', 'left')]: '0+1000x200',
      [http('a', '504', 'caller')]: '0+1000x200',
      [separations('success', '')]: '0+30x200',
      [separations('invalid_audio', 'caller')]: '0+70x200',
    },
    is: {
      [panel('overview', 'Success rate', { __range: range })]: [['{}', 0.9]] as const,
      [panel('overview', 'Success rate', { __range: range, instance: 'a' })]: [['{}', 1]] as const,
      [panel('overview', 'Success rate', { __range: range, instance: 'a|b' })]: [['{}', 1]] as const,
      [panel('audio-overview', 'Separations, success rate', { __range: range })]: [['{}', 1]] as const,
    },
  })),
  {
    name: 'servers of another choice of backends, all of them up, and one of them down',
    series: { [up('collector')]: '1x60', [up('prometheus')]: '1x60', [up('loki')]: '0x60' },
    is: { [panel('telemetry', 'Servers down')]: [['{}', 1]] },
  },
];

describe('the counts that people read', function () {
  this.timeout(900_000);

  it('are right with none, one and several instances, and count a fault once', async () => {
    await using folder = await temporaryFolder();
    const files = await Promise.all(
      [...Map.groupBy(cases, ({ interval = '1m' }) => interval)].map(async ([interval, some]) => {
        const file = join(folder.path, `counts-${interval}.json`);
        await writeFile(file, JSON.stringify(testFile(interval, some)));
        return file;
      }),
    );
    const promtool = join(await ensureServer('promtool'), 'promtool');
    const answer = await runProgram(promtool, ['test', 'rules', ...files]);
    assert.equal(answer.code, 0, answer.said);
  });
});

function testFile(interval: string, some: readonly Case[]) {
  return {
    rule_files: [join(import.meta.dirname, '../../prometheus/rules/month.yaml')],
    // A rule that was worked out an hour ago is forgotten.
    evaluation_interval: interval === '1m' ? '1m' : '30m',
    fuzzy_compare: true,
    tests: some.map(({ name, series, is }) => ({
      name,
      interval,
      input_series: Object.entries(series).map(([one, values]) => ({ series: one, values })),
      promql_expr_test: Object.entries(is).map(([expr, samples]) => ({
        expr,
        eval_time: interval === '1m' ? '10m' : '31d',
        exp_samples: samples.map(([labels, value]) => ({ labels, value })),
      })),
    })),
  };
}
