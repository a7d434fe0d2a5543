import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import { alertRules } from '../../observability/alerts/alerts.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { runProgram } from './run-program.ts';

type Labels = Record<string, string>;

const file = join(import.meta.dirname, '../../alertmanager/alertmanager.yaml');

const routes = [
  ['', 'webhook'],
  ['alertname=Watchdog severity=info team=platform', 'watchdog'],
  ['severity=critical', 'critical'],
  ['severity=critical team=serving', 'critical-serving'],
  ['severity=critical team=platform', 'critical-platform'],
  ['severity=critical team=data', 'critical-data'],
  ['severity=critical team=nobody', 'critical'],
  ['severity=warning', 'warning'],
  ['severity=warning team=serving', 'warning-serving'],
  ['severity=warning team=platform', 'warning-platform'],
  ['severity=warning team=data', 'warning-data'],
  ['severity=info', 'info'],
  ['severity=info team=serving', 'info'],
  ['severity=info team=platform', 'info'],
  ['severity=info team=data', 'info'],
  ['team=serving', 'webhook'],
] as const;

describe('Alertmanager as configured', function () {
  this.timeout(900_000);
  let stack: Stack;

  before(async () => {
    stack = await startStack({ only: ['alertmanager'] });
  });
  after(() => stack?.close());

  it('sends every alert to the receiver of its severity and team', async () => {
    const amtool = join(await ensureServer('amtool'), 'amtool');
    await Promise.all(
      routes.map(async ([labels, receiver]) => {
        const answer = await runProgram(amtool, [
          'config',
          'routes',
          'test',
          `--config.file=${file}`,
          ...labels.split(' ').filter((label) => label !== ''),
        ]);
        assert.equal(answer.said.trim(), receiver, labels);
      }),
    );
  });

  it('has a route of its own for every severity and team that a rule has', () => {
    const needed = new Set(alertRules.map(({ severity, team }) => `severity=${severity} team=${team}`));
    const tested: ReadonlySet<string> = new Set(routes.map(([labels]) => labels));
    assert.deepEqual(
      [...needed].filter((labels) => !tested.has(labels)),
      [],
    );
  });

  for (const { name, loud, quiet, quietened } of [
    {
      name: 'keeps a warning back while the same alert is critical at the same instance',
      loud: { alertname: 'HighMemoryUsage', instance: 'a1', severity: 'critical' },
      quiet: { alertname: 'HighMemoryUsage', instance: 'a1', severity: 'warning' },
      quietened: true,
    },
    {
      name: 'tells a warning about another model than the one that is critical',
      loud: { alertname: 'AvailabilityBudgetBurning', model: 'm1', severity: 'critical' },
      quiet: { alertname: 'AvailabilityBudgetBurning', model: 'm2', severity: 'warning' },
      quietened: false,
    },
    {
      name: 'keeps another system’s warning of the same name back while one is critical',
      loud: { alertname: 'HighErrorRate', severity: 'critical', system: 'generation-guide' },
      quiet: { alertname: 'HighErrorRate', severity: 'warning', system: 'microstructure' },
      quietened: true,
    },
    {
      name: 'tells of the files of a dataset that fail while the service fails requests',
      loud: { alertname: 'HighErrorRate', severity: 'critical', system: 'generation-guide' },
      quiet: { alertname: 'HighErrorRate', severity: 'warning', system: 'datasets', dataset: 'd' },
      quietened: false,
    },
    {
      name: 'keeps a second system’s rule back that says later that the same GPU is full',
      loud: { alertname: 'GPUMemoryHigh', severity: 'critical', system: 'microstructure', instance: 'g', hw_id: '0' },
      quiet: { alertname: 'GPUMemoryHigh', severity: 'critical', system: 'datasets', instance: 'g', hw_id: '0' },
      quietened: true,
    },
    {
      name: 'tells of another GPU that is full',
      loud: { alertname: 'GPUMemoryHigh', severity: 'critical', system: 'microstructure', instance: 'g', hw_id: '1' },
      quiet: { alertname: 'GPUMemoryHigh', severity: 'critical', system: 'datasets', instance: 'g', hw_id: '2' },
      quietened: false,
    },
    {
      name: 'keeps the errors of generations back while a model generates nothing',
      loud: { alertname: 'ModelGenerationFailures', severity: 'critical', system: 'generation-guide', model: 'm' },
      quiet: { alertname: 'HighErrorRate', severity: 'warning', system: 'generation' },
      quietened: true,
    },
    {
      name: 'keeps what follows from a full queue back, for the same model',
      loud: { alertname: 'QueueFull', model: 'm3', severity: 'critical' },
      quiet: { alertname: 'QueueWaitLong', model: 'm3', severity: 'warning' },
      quietened: true,
    },
    {
      name: 'tells the waiting of another model than the one whose queue is full',
      loud: { alertname: 'QueueFull', model: 'm4', severity: 'critical' },
      quiet: { alertname: 'QueueWaitLong', model: 'm5', severity: 'warning' },
      quietened: false,
    },
    {
      name: 'keeps an info back while the same alert is a warning',
      loud: { alertname: 'Slow', instance: 'a2', severity: 'warning' },
      quiet: { alertname: 'Slow', instance: 'a2', severity: 'info' },
      quietened: true,
    },
    {
      name: 'keeps the other troubles of an instance back while it is down',
      loud: { alertname: 'ServiceDown', job: 'vitrine', instance: 'a3', severity: 'critical' },
      quiet: { alertname: 'HighErrorRate', job: 'vitrine', instance: 'a3', severity: 'critical' },
      quietened: true,
    },
    {
      name: 'tells the trouble of another instance than the one that is down',
      loud: { alertname: 'ServiceDown', job: 'vitrine', instance: 'a4', severity: 'critical' },
      quiet: { alertname: 'HighErrorRate', job: 'vitrine', instance: 'a5', severity: 'warning' },
      quietened: false,
    },
    {
      name: 'tells a trouble counted over all instances while one is down',
      loud: { alertname: 'ServiceDown', job: 'vitrine', instance: 'a6', severity: 'critical' },
      quiet: { alertname: 'HighErrorRateOverall', job: 'vitrine', severity: 'warning' },
      quietened: false,
    },
    {
      name: 'tells each system’s copy of an alert',
      loud: { alertname: 'ServiceDown', job: 'vitrine', instance: 'a7', severity: 'critical', system: 'generation' },
      quiet: {
        alertname: 'ServiceDown',
        job: 'vitrine',
        instance: 'a7',
        severity: 'critical',
        system: 'generation-guide',
      },
      quietened: false,
    },
    // The last: while the Collector is down no ServiceDown is sent any more.
    {
      name: 'keeps the silence of an instance back while the Collector is away',
      loud: { alertname: 'CollectorDown', job: 'collector', instance: 'collector', severity: 'critical' },
      quiet: { alertname: 'ServiceDown', job: 'vitrine', instance: 'a9', severity: 'critical' },
      quietened: true,
    },
  ] satisfies { name: string; loud: Labels; quiet: Labels; quietened: boolean }[]) {
    it(name, async () => {
      await post(stack, [loud, quiet]);
      const states = await waitFor('both alerts, each with its state', async () => {
        const alerts = await alertsOf(stack);
        const found = [loud, quiet].map((labels) => alerts.find((alert) => sameLabels(alert.labels, labels)));
        return found.every((alert) => alert !== undefined && alert.status.state !== 'unprocessed') && found;
      });
      assert.equal(states[0]?.status.state, 'active');
      assert.equal(states[1]?.status.state, quietened ? 'suppressed' : 'active');
    });
  }
});

type Alert = { labels: Labels; status: { state: 'unprocessed' | 'active' | 'suppressed'; inhibitedBy: string[] } };

async function post(stack: Stack, alerts: Labels[]): Promise<void> {
  const answer = await fetch(`${stack.url('alertmanager')}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(alerts.map((labels) => ({ labels }))),
  });
  assert.equal(answer.status, 200, await answer.text());
}

async function alertsOf(stack: Stack): Promise<Alert[]> {
  const answer = await fetch(`${stack.url('alertmanager')}/api/v2/alerts`);
  return (await answer.json()) as Alert[];
}

function sameLabels(a: Labels, b: Labels): boolean {
  return Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([key, value]) => b[key] === value);
}
