import assert from 'node:assert/strict';
import { join } from 'node:path';
import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';
import { startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('a promise that is rejected and that nothing waits for', function () {
  this.timeout(180_000);

  it('is counted and logged with its cause, and the service goes on', async () => {
    await using folder = await temporaryFolder();
    const receiver = await OtlpReceiver.start();
    await using cleanUp = new AsyncDisposableStack();
    cleanUp.defer(() => receiver.stop());
    await using service = await startService({
      VITRINE_DATA: folder.path,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
      NODE_OPTIONS: `--import=${join(import.meta.dirname, 'reject-on-signal.ts')}`,
    });
    process.kill(service.pid, 'SIGUSR2');
    await waitFor('the defect to be told', () => service.said().includes('nothing waited for this'));
    assert.match(service.said(), /A defect in a promise that nothing waited for: Error: nothing waited for this/);
    assert.equal((await fetch(`${service.url}/ready`)).status, 200);
    await waitFor('the defect to be counted', () =>
      receiver.received.some((bytes) => bytes.includes('vitrine.defects')),
    );
  });
});
