import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { choosePort } from '../../launcher/free-port.ts';
import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';
import { startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('a stop', () => {
  it('tells its last metrics without a complaint, though what they were read from is closed by then', async () => {
    await using folder = await temporaryFolder();
    const receiver = await OtlpReceiver.start();
    try {
      await using service = await startService({
        VITRINE_DATA: folder.path,
        VITRINE_MODELS: folder.path,
        VITRINE_MODEL_CONTROL: 'explicit',
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

  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    it(`is orderly when ${signal} reaches it twice, from the terminal and by way of npm`, async function () {
      this.timeout(120_000);
      await using folder = await temporaryFolder();
      const port = await choosePort('127.0.0.1');
      const npm = spawn('npm', ['run', '--silent', 'service'], {
        cwd: join(import.meta.dirname, '../..'),
        env: {
          ...process.env,
          CI: 'true',
          VITRINE_PORT: String(port),
          VITRINE_DATA: folder.path,
          VITRINE_MODELS: folder.path,
          VITRINE_MODEL_CONTROL: 'explicit',
          OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
        },
        // A process group of its own, as a terminal makes one: a signal to the group reaches npm, the
        // launcher and the service.
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let said = '';
      for (const stream of [npm.stdout, npm.stderr]) stream.on('data', (text) => (said += text));
      const closed = once(npm, 'close');
      try {
        const ready = async () => (await fetch(`http://127.0.0.1:${port}/ready`)).ok;
        await waitFor('the service', ready, { deadlineMs: 60_000 });
        process.kill(-npm.pid!, signal);
        await closed;
        assert.match(said, /Telemetry of vitrine: /);
      } finally {
        if (npm.exitCode === null && npm.signalCode === null) process.kill(-npm.pid!, 'SIGKILL');
      }
    });
});
