import assert from 'node:assert/strict';
import { OtlpReceiver } from '../support/otlp-receiver.ts';
import { startService } from '../support/service-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('a stop', () => {
  it('tells its last metrics without a complaint, though what they were read from is closed by then', async () => {
    await using folder = await temporaryFolder();
    const receiver = await OtlpReceiver.start();
    try {
      await using service = await startService({
        VITRINE_DATA: folder.path,
        VITRINE_MODELS: folder.path,
        // The only export is the last one.
        OTEL_METRIC_EXPORT_INTERVAL: '600000',
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
      });
      assert.equal(await service.kill('SIGTERM'), 0);
      assert.doesNotMatch(service.said(), /error|warn|cannot/i);
      assert.match(service.said(), /Telemetry of vitrine: /);
      assert.ok(receiver.received.some((bytes) => bytes.includes('vitrine.telemetry.made')));
    } finally {
      receiver.stop();
    }
  });
});
