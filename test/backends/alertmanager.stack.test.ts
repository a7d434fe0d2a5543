import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ensureServer } from '../../stack/build-server.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';
import { runProgram } from './run-program.ts';

type Labels = Record<string, string>;

const file = join(import.meta.dirname, '../../alertmanager/alertmanager.yaml');

describe('Alertmanager as configured', function () {
  this.timeout(900_000);
  let stack: Stack;

  before(async () => {
    stack = await startStack({ only: ['alertmanager'] });
  });
  after(() => stack?.close());

  for (const [labels, receiver] of [
    ['severity=critical', 'critical'],
    ['severity=warning', 'warning'],
    ['severity=info', 'info'],
    ['team=serving', 'webhook'],
  ] as const) {
    it(`sends ${labels} to ${receiver}`, async () => {
      const amtool = join(await ensureServer('amtool'), 'amtool');
      const answer = await runProgram(amtool, ['config', 'routes', 'test', `--config.file=${file}`, labels]);
      assert.equal(answer.said.trim(), receiver);
    });
  }

  for (const { name, loud, quiet, quietened } of [
    {
      name: 'keeps a warning back while the same alert is critical at the same instance',
      loud: { alertname: 'HighMemoryUsage', instance: 'a1', severity: 'critical' },
      quiet: { alertname: 'HighMemoryUsage', instance: 'a1', severity: 'warning' },
      quietened: true,
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
      loud: { alertname: 'ServiceDown', job: 'vitrine', instance: 'a7', severity: 'critical', system: 's1' },
      quiet: { alertname: 'ServiceDown', job: 'vitrine', instance: 'a7', severity: 'critical', system: 's4' },
      quietened: false,
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
