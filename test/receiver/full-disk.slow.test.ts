import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { smallFileSystem } from '../../testkit/small-file-system.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { startReceiver } from './receiver-process.ts';
import { ToldTelemetry } from './told-telemetry.ts';
import { alertmanagerWebhook } from './webhook.ts';

describe('a full disk under the receiver', () => {
  it('loses no alert: what cannot be kept is refused, so that Alertmanager tries again', async function () {
    this.timeout(240_000);
    await using folder = availableOrSkip(this, await smallFileSystem(2 * 1024 * 1024));
    const gone = await ToldTelemetry.start();
    gone.stop();
    await using receiver = await startReceiver({
      VITRINE_DATA: folder.path,
      OTEL_EXPORTER_OTLP_ENDPOINT: gone.endpoint,
      METRICS_ENABLED: 'false',
      TRACING_ENABLED: 'false',
    });
    const filler = join(folder.path, 'filler');
    await writeFile(filler, Buffer.alloc(2 * 1024 * 1024)).catch((error: NodeJS.ErrnoException) =>
      assert.equal(error.code, 'ENOSPC'),
    );

    const waiting = Array.from({ length: 40 }, (_, index) => `f${index}`);
    const refused: string[] = [];
    for (const fingerprint of waiting) {
      const answer = await receiver.post('/alerts', alertmanagerWebhook({ fingerprint }));
      if (answer.status === 200) continue;
      assert.deepEqual([answer.status, answer.json.code], [503, 'not_kept']);
      refused.push(fingerprint);
    }
    assert.ok(refused.length > 0, 'the disk is full');
    const health = (await (await fetch(`${receiver.url}/health`)).json()) as { status: string };
    assert.equal(health.status, 'warning');

    // With the Collector back an alert can be logged, but not stored: it is refused, so that it is
    // logged twice rather than not listed.
    using back = await ToldTelemetry.start(gone.port);
    await waitFor('an alert that was told and not remembered', async () => {
      const { status } = await receiver.post('/alerts', alertmanagerWebhook({ fingerprint: 'told' }));
      assert.equal(status, 503);
      return back.events('alert').some(({ attributes }) => attributes['alert.fingerprint'] === 'told');
    });
    await rm(filler);
    for (const fingerprint of refused) {
      await waitFor(`a place for ${fingerprint}`, async () => {
        return (await receiver.post('/alerts', alertmanagerWebhook({ fingerprint }))).status === 200;
      });
    }
    await waitFor('every alert', () => {
      const heard = new Set(back.events('alert').map(({ attributes }) => attributes['alert.fingerprint']));
      return waiting.every((fingerprint) => heard.has(fingerprint));
    });
  });
});
