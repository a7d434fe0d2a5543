import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { sendRequests } from '../../testkit/load.ts';
import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';
import { startService } from '../../testkit/service-process.ts';
import { smallFileSystem } from '../../testkit/small-file-system.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('a full disk under the spool', () => {
  it('stops nothing: the service answers, says so in its health, keeps in memory what the disk refuses, and recovers', async function () {
    this.timeout(60_000);
    await using folder = availableOrSkip(this, await smallFileSystem(1024 * 1024));
    const receiver = await OtlpReceiver.start();
    await using service = await startService({
      VITRINE_DATA: folder.path,
      VITRINE_TRACE_FIRST_PER_SECOND: '100000',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
    });
    receiver.stop();
    const filler = join(folder.path, 'filler');
    await writeFile(filler, Buffer.alloc(1024 * 1024)).catch((error: NodeJS.ErrnoException) =>
      assert.equal(error.code, 'ENOSPC'),
    );

    const health = async () =>
      (await (await fetch(`${service.url}/health`)).json()) as {
        checks: { telemetry: { status: string; message?: string } };
      };
    await waitFor('the warning', async () => {
      await sendRequests(`${service.url}/v2`, 20);
      return (await health()).checks.telemetry.status === 'warning';
    });
    assert.equal((await sendRequests(`${service.url}/v2`, 50)).length, 50, 'it goes on answering');
    assert.match(service.said(), /Cannot spool telemetry: ENOSPC.*VITRINE_SPOOL_BYTES_MAX/);

    await rm(filler);
    const back = await OtlpReceiver.start(receiver.port);
    await waitFor('better health', async () => {
      await sendRequests(`${service.url}/v2`, 1);
      return back.requests > 0;
    });
    assert.equal(await service.kill('SIGTERM'), 0);
    back.stop();
    const [, ledger = ''] = /Telemetry of vitrine: (.*)/.exec(service.said()) ?? [];
    assert.doesNotMatch(ledger, /dropped|missing/);
  });
});
