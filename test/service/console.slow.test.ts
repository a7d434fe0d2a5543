import assert from 'node:assert/strict';
import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';
import { startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('the console of the service', () => {
  it('is one JSON object a line with VITRINE_CONSOLE=json, access lines and system metrics too', async () => {
    await using folder = await temporaryFolder();
    const receiver = await OtlpReceiver.start();
    try {
      await using service = await startService({
        VITRINE_DATA: folder.path,
        VITRINE_MODELS: folder.path,
        VITRINE_MODEL_CONTROL: 'explicit',
        VITRINE_CONSOLE: 'json',
        VITRINE_SYSTEM_METRICS_LOG_MS: '200',
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
      });
      const answer = await fetch(`${service.url}/v2/models/nobody`, { headers: { 'x-vitrine-trace': '1' } });
      const traceId = answer.headers.get('traceresponse')?.split('-')[1];
      const lines = () =>
        service
          .said()
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line) as Record<string, unknown>);
      await waitFor('the access line', () =>
        lines().some((one) => one.logger === 'access' && one.trace_id === traceId),
      );
      const metrics = await waitFor('the system metrics', () => lines().find(({ logger }) => logger === 'metrics'));
      assert.equal(metrics.event_type, 'system_metrics');
      assert.equal(typeof metrics.memory_percent, 'number');
      assert.equal(typeof metrics.disk_free_bytes, 'number');
      await waitFor('the same in the log', () => receiver.received.some((bytes) => bytes.includes('system_metrics')));
      assert.equal(await service.kill('SIGTERM'), 0);
      assert.ok(lines().every(({ timestamp, level }) => typeof timestamp === 'string' && typeof level === 'string'));
    } finally {
      receiver.stop();
    }
  });
});
