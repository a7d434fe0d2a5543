import assert from 'node:assert/strict';
import { countedInAll, lokiLines, prometheusPoints, prometheusQuery } from '../../testkit/backends.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('the receiver in the stack', function () {
  this.timeout(900_000);
  let stack: Stack;

  before(async () => {
    stack = await startStack({
      only: ['collector', 'receiver', 'loki', 'prometheus', 'alertmanager'],
      env: { VITRINE_BACKENDS: 'prometheus,loki', VITRINE_TIME_SCALE: '0.1' },
    });
  });
  after(() => stack?.close());

  it('hears of an alert from the real Alertmanager, lists it, and tells Loki and Prometheus', async () => {
    await sendAlert({});
    const [alert] = await waitFor('the alert in the list', async () => {
      const found = await listed();
      return found.length > 0 && found;
    });
    assert.equal(alert?.labels.instance, 'lane-1');
    const firing = 'vitrine_receiver_alerts_firing{job="vitrine-receiver",alertname="LaneStuck",severity="critical"}';
    await waitFor('the gauge', async () => (await prometheusQuery(stack.url('prometheus'), firing))[0]?.value === 1);

    await sendAlert({ endsAt: new Date().toISOString() });
    await waitFor('its end', async () => (await listed()).length === 0);
    await waitFor(
      'the gauge at 0',
      async () => (await prometheusQuery(stack.url('prometheus'), firing))[0]?.value === 0,
    );
    const events = await waitFor('both events in Loki', async () => {
      const lines = await lokiLines(
        stack.url('loki'),
        `{service_name="vitrine-receiver"} | event_type="alert" | alert_label_instance="lane-1"`,
      );
      return lines.length === 2 && lines;
    });
    assert.deepEqual(new Set(events.map(({ labels }) => labels.alert_state)), new Set(['firing', 'resolved']));
    assert.equal(new Set(events.map(({ labels }) => labels.alert_fingerprint)).size, 1);
  });

  it('counts for scripts exactly, through a Collector that is away and a receiver that is killed', async () => {
    const push = async (count: number) => {
      for (let sent = 0; sent < count; sent += 1) {
        const body =
          '{"kind":"counter","name":"backups","labels":{"target":"disk"}}\n{"kind":"event","name":"backup_done"}\n';
        const answer = await fetch(`${stack.url('receiver')}/events`, { method: 'POST', body });
        assert.equal(answer.status, 200, await answer.text());
      }
    };
    await push(10);
    await stack.kill('collector', 'SIGKILL');
    await push(10);
    await stack.kill('receiver', 'SIGKILL');
    await stack.start('receiver');
    await push(10);
    await stack.start('collector');

    const counter = 'backups_total{job="vitrine-receiver",target="disk"}';
    await waitFor(
      'the counter',
      async () => (await prometheusQuery(stack.url('prometheus'), counter))[0]?.value === 30,
      { deadlineMs: 60_000 },
    );
    assert.equal(await countedInAll(stack.url('prometheus'), counter), 30);
    const [series] = await prometheusPoints(stack.url('prometheus'), counter);
    assert.equal(series?.points[0]?.[1], 0, 'it began at 0');
    await waitFor('the events', async () => {
      const lines = await lokiLines(stack.url('loki'), '{service_name="vitrine-receiver"} | event_type="event"');
      return lines.length >= 30 && lines.every(({ labels }) => labels.event_name === 'backup_done');
    });
  });

  /** Those sent here; Prometheus sends others, of Watchdog always. */
  async function listed() {
    const answer = await fetch(`${stack.url('receiver')}/alerts`);
    const { alerts } = (await answer.json()) as { alerts: { name: string; labels: Record<string, string> }[] };
    return alerts.filter(({ name }) => name === 'LaneStuck');
  }

  async function sendAlert(more: { endsAt?: string }) {
    const labels = { alertname: 'LaneStuck', severity: 'critical', instance: 'lane-1' };
    const answer = await fetch(`${stack.url('alertmanager')}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([{ labels, annotations: { summary: 'A lane is stuck' }, ...more }]),
    });
    assert.equal(answer.status, 200, await answer.text());
  }
});
