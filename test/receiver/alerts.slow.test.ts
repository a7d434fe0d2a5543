import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { startReceiver } from './receiver-process.ts';
import { startToldReceiver } from './told-receiver.ts';
import { ToldTelemetry } from './told-telemetry.ts';
import { alertmanagerWebhook, grafanaWebhook } from './webhook.ts';

describe('alerts', function () {
  this.timeout(240_000);

  it('become a log event with labels and links, a metric, and a line of the list', async () => {
    await using at = await startToldReceiver();
    const { told } = at;
    assert.deepEqual(await at.receiver.post('/alerts', alertmanagerWebhook({ labels: { instance: 'a:1' } })), {
      status: 200,
      json: { accepted: 1, repeated: 0 },
    });
    const [listed, ...others] = await at.receiver.firing();
    assert.equal(others.length, 0);
    assert.equal(listed?.name, 'LaneStuck');
    assert.equal(listed?.labels.instance, 'a:1');

    const [event] = await waitFor('the event', () => told.events('alert').length === 1 && told.events('alert'));
    assert.equal(event?.body, 'Alert LaneStuck is firing');
    assert.equal(event?.severity, 'error');
    assert.equal(event?.attributes['alert.fingerprint'], 'c6eadffa33fcdf37');
    assert.equal(event?.attributes['alert.state'], 'firing');
    assert.equal(event?.attributes['alert.starts_at'], '2026-11-21T10:00:00.123Z');
    assert.equal(event?.attributes['alert.label.instance'], 'a:1');
    assert.equal(event?.attributes['alert.annotation.summary'], 'A lane is stuck');
    assert.equal(event?.attributes['alert.link.generator'], 'http://prometheus:9090/graph?g0.expr=up');
    assert.equal(event?.attributes['alert.link.runbook'], 'https://example.org/runbooks/LaneStuck');
    assert.equal(event?.attributes['alert.ends_at'], undefined);

    const firing = { alertname: 'LaneStuck', severity: 'critical' };
    await waitFor('the gauge', () => told.course('vitrine.receiver.alerts.firing', firing).at(-1) === 1);
    await at.receiver.post('/alerts', alertmanagerWebhook({ status: 'resolved', labels: { instance: 'a:1' } }));
    assert.deepEqual(await at.receiver.firing(), []);
    await waitFor('the gauge at 0', () => told.course('vitrine.receiver.alerts.firing', firing).at(-1) === 0);
    const accepted = (what: string) => told.course('vitrine.receiver.accepted', { door: 'alerts', what }).at(-1);
    await waitFor('the counters', () => accepted('firing') === 1 && accepted('resolved') === 1);
    assert.equal(told.events('alert')[1]?.attributes['alert.ends_at'], '2026-11-21T10:05:00.000Z');
  });

  it('are taken from Grafana too, with its links', async () => {
    await using at = await startToldReceiver();
    const { told } = at;
    assert.equal((await at.receiver.post('/alerts', grafanaWebhook())).status, 200);
    const [event] = await waitFor('the event', () => told.events('alert').length === 1 && told.events('alert'));
    assert.equal(event?.attributes['alert.source'], 'grafana');
    assert.equal(event?.attributes['alert.name'], 'Disk nearly full');
    assert.equal(event?.attributes['alert.severity'], 'other');
    assert.equal(event?.attributes['alert.starts_at'], '2026-11-21T10:00:00.157Z');
    assert.equal(event?.attributes['alert.link.panel'], 'https://grafana.example.org/d/1?viewPanel=2');
    assert.equal(
      event?.body,
      'An alert is firing',
      'a name that is not a plain word stands in a field, not in the sentence',
    );
  });

  it('are told once, however often they are delivered, also across a restart', async () => {
    using told = await ToldTelemetry.start();
    await using folder = await temporaryFolder();
    const env = { VITRINE_DATA: folder.path, OTEL_EXPORTER_OTLP_ENDPOINT: told.endpoint };
    const webhook = alertmanagerWebhook(
      { fingerprint: 'f1', labels: { lane: '1' } },
      { fingerprint: 'f2', labels: { lane: '2' } },
    );
    {
      await using receiver = await startReceiver(env);
      await receiver.post('/alerts', webhook);
      assert.deepEqual((await receiver.post('/alerts', webhook)).json, { accepted: 0, repeated: 2 });
      await receiver.kill('SIGTERM');
    }
    await using receiver = await startReceiver(env);
    assert.equal((await receiver.firing()).length, 2);
    assert.deepEqual((await receiver.post('/alerts', webhook)).json, { accepted: 0, repeated: 2 });
    await receiver.post('/alerts', alertmanagerWebhook({ fingerprint: 'f3' }));
    await waitFor('the last', () =>
      told.events('alert').some(({ attributes }) => attributes['alert.fingerprint'] === 'f3'),
    );
    assert.deepEqual(
      told.events('alert').map(({ attributes }) => attributes['alert.fingerprint']),
      ['f1', 'f2', 'f3'],
    );
  });

  it('that were resolved and fire again are told again', async () => {
    await using at = await startToldReceiver();
    const { told } = at;
    for (const status of ['firing', 'resolved', 'resolved', 'firing', 'firing'] as const) {
      await at.receiver.post('/alerts', alertmanagerWebhook({ status }));
    }
    await at.receiver.post('/alerts', alertmanagerWebhook({ startsAt: '2026-11-21T11:00:00Z' }));
    await waitFor('four events', () => told.events('alert').length === 4);
    assert.deepEqual(
      told.events('alert').map(({ attributes }) => attributes['alert.state']),
      ['firing', 'resolved', 'firing', 'firing'],
    );
    assert.equal((await at.receiver.firing()).length, 1);
  });

  it('that were answered are not lost when the Collector is away and the receiver is killed', async () => {
    const gone = await ToldTelemetry.start();
    gone.stop();
    await using folder = await temporaryFolder();
    const env = { VITRINE_DATA: folder.path, OTEL_EXPORTER_OTLP_ENDPOINT: gone.endpoint };
    const fingerprints = Array.from({ length: 20 }, (_, index) => `f${index}`);
    {
      await using receiver = await startReceiver(env);
      for (const fingerprint of fingerprints) {
        assert.equal((await receiver.post('/alerts', alertmanagerWebhook({ fingerprint }))).status, 200);
      }
      await receiver.kill('SIGKILL');
    }
    await using receiver = await startReceiver(env);
    assert.deepEqual((await receiver.post('/alerts', alertmanagerWebhook({ fingerprint: 'f19' }))).json, {
      accepted: 0,
      repeated: 1,
    });
    assert.equal((await receiver.firing()).length, 20);
    using back = await ToldTelemetry.start(gone.port);
    await waitFor('all of them', () => back.events('alert').length >= 20);
    assert.deepEqual(
      back.events('alert').map(({ attributes }) => attributes['alert.fingerprint']),
      fingerprints,
    );
  });

  it('that can neither be passed on nor kept are refused, so that the sender tries again', async () => {
    const gone = await ToldTelemetry.start();
    gone.stop();
    await using at = await startToldReceiver({ OTEL_EXPORTER_OTLP_ENDPOINT: gone.endpoint });
    const spool = join(at.folder, 'receiver/spool/logs');
    await rm(spool, { recursive: true });
    await writeFile(spool, 'a file where the folder was');
    const refused = await at.receiver.post('/alerts', alertmanagerWebhook({}));
    assert.deepEqual([refused.status, refused.json.code], [503, 'not_kept']);
    assert.deepEqual(await at.receiver.firing(), []);
    await rm(spool);
    await mkdir(spool);
    assert.deepEqual((await at.receiver.post('/alerts', alertmanagerWebhook({}))).json, { accepted: 1, repeated: 0 });
  });

  it('are taken off the list, and that is told, when nobody repeats them', async () => {
    await using at = await startToldReceiver({ VITRINE_RECEIVER_FIRING_AGE_MS_MAX: '1000' });
    const { told } = at;
    await at.receiver.post('/alerts', alertmanagerWebhook({}));
    await waitFor('the end', () => told.events('alert').at(-1)?.attributes['alert.state'] === 'expired');
    assert.deepEqual(await at.receiver.firing(), []);
  });

  it('are told even when LOG_LEVEL is about nothing but errors', async () => {
    await using at = await startToldReceiver({ LOG_LEVEL: 'error' });
    const { told } = at;
    await at.receiver.post('/alerts', alertmanagerWebhook({ labels: { severity: 'info' } }));
    await waitFor('the event', () => told.events('alert').length === 1);
  });

  it('with more and longer labels than a log line takes are told without the rest, and say so', async () => {
    await using at = await startToldReceiver();
    const { told } = at;
    const labels = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`label_${index}`, 'x'.repeat(5_000)]));
    assert.equal((await at.receiver.post('/alerts', alertmanagerWebhook({ labels }))).status, 200);
    const [event] = await waitFor('the event', () => told.events('alert').length === 1 && told.events('alert'));
    assert.equal(event?.attributes['alert.cut'], true);
    assert.equal(event?.attributes['alert.label.severity'], 'critical');
    assert.ok(Object.keys(event?.attributes ?? {}).length < 100);
    assert.ok(JSON.stringify(event).length < 60_000);
  });

  it('go on being taken when the memory of an earlier receiver cannot be read', async () => {
    using told = await ToldTelemetry.start();
    await using folder = await temporaryFolder();
    const env = { VITRINE_DATA: folder.path, OTEL_EXPORTER_OTLP_ENDPOINT: told.endpoint };
    await (await startReceiver(env)).kill('SIGTERM');
    await writeFile(join(folder.path, 'receiver/receiver.sqlite'), 'this is no database, '.repeat(1_000));
    await using receiver = await startReceiver(env);
    assert.deepEqual((await receiver.post('/alerts', alertmanagerWebhook({}))).json, { accepted: 1, repeated: 0 });
    await waitFor('the complaint', () => told.events('store_unreadable').length === 1);
  });
});
