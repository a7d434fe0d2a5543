import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { prometheusQuery } from '../../testkit/backends.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { sendPoints } from './send-otlp.ts';

type Notification = {
  receiver: string;
  status: 'firing' | 'resolved';
  groupLabels: Record<string, string>;
  alerts: { status: string; labels: Record<string, string>; annotations: Record<string, string> }[];
};

describe('ServiceDown, from a heartbeat to the webhook', function () {
  this.timeout(900_000);
  let stack: Stack;
  let webhook: Server;
  const received: Notification[] = [];
  const authorizations = new Set<string | undefined>();

  before(async () => {
    webhook = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      authorizations.add(request.headers.authorization);
      if (request.url === '/alerts') received.push(JSON.parse(Buffer.concat(parts).toString()));
      response.end();
    });
    webhook.listen(0, '127.0.0.1');
    await once(webhook, 'listening');
    stack = await startStack({
      only: ['prometheus', 'alertmanager'],
      env: {
        VITRINE_TIME_SCALE: '0.05',
        VITRINE_SCRAPE_INTERVAL: '1s',
        VITRINE_RECEIVER_PORT: String((webhook.address() as AddressInfo).port),
      },
    });
  });
  after(async () => {
    await stack?.close();
    webhook?.close();
  });

  const beat = (ageMs: number) => {
    const nowMs = Date.now();
    return sendPoints(
      `${stack.url('prometheus')}/api/v1/otlp/v1/metrics`,
      { name: 'vitrine.heartbeat.timestamp', kind: 'gauge', unit: 's' },
      [{ value: (nowMs - ageMs) / 1000, atMs: nowMs }],
      { 'service.name': 'vitrine', 'service.instance.id': 'one' },
    );
  };
  /** Of others it gets more: Watchdog always, and what of the stack was not started here. */
  const told = (status: Notification['status']) =>
    received.filter(
      ({ groupLabels, alerts }) =>
        groupLabels.alertname === 'ServiceDown' && alerts.some((alert) => alert.status === status),
    );

  it('says nothing while the heartbeat is young, fires when it is old, and resolves when it is young again', async () => {
    assert.equal((await beat(0)).status, 200);
    await waitFor('the age of the heartbeat', async () => {
      const [age] = await prometheusQuery(stack.url('prometheus'), 'vitrine:heartbeat_age_seconds');
      return age !== undefined && age.value < 30;
    });
    assert.deepEqual(told('firing'), []);

    await beat(31_000);
    const firing = await waitFor('the alert at the webhook', () => told('firing')[0], { deadlineMs: 60_000 });
    assert.equal(firing.receiver, 'critical-serving');
    const systems = (of: Notification) => of.alerts.map((alert) => alert.labels.system).sort();
    assert.deepEqual(
      systems(firing),
      ['generation', 'generation-guide', 'microstructure'],
      'one notification has the alerts of all systems',
    );
    assert.equal(told('firing').length, 1);
    const { labels, annotations } = firing.alerts[0]!;
    assert.equal(labels.job, 'vitrine');
    assert.equal(labels.instance, 'one');
    assert.equal(labels.severity, 'critical');
    assert.equal(annotations.summary, 'vitrine instance one is silent');
    // From the file beside alertmanager.yaml, over which compose mounts the receiver's token.
    assert.deepEqual([...authorizations], ['Bearer none-is-asked-for-on-loopback']);

    await waitFor(
      'the resolution at the webhook',
      async () => {
        await beat(0);
        return told('resolved')[0];
      },
      { deadlineMs: 60_000 },
    );
  });
});
