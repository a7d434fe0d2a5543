import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServerCredentials } from '@grpc/grpc-js';
import { readConfig } from '../../src/config.ts';
import { OtlpSender } from '../../src/telemetry/export/otlp-sender.ts';
import { OtlpTargets } from '../../src/telemetry/export/otlp-target.ts';
import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';
import { type TemporaryFolder, temporaryFolder } from '../../testkit/temporary-folder.ts';
import { read, TestAuthority } from '../../testkit/test-certificates.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('the way to the Collector over TLS', () => {
  let folder: TemporaryFolder;
  let ours: TestAuthority;
  let others: TestAuthority;
  let receiver: OtlpReceiver;

  before(async () => {
    folder = await temporaryFolder();
    ours = await TestAuthority.in(join(folder.path, 'ours'));
    others = await TestAuthority.in(join(folder.path, 'others'));
    const { cert, key } = await read(await ours.issue('collector'));
    const pairs = [{ cert_chain: cert, private_key: key }];
    receiver = await OtlpReceiver.start(0, ServerCredentials.createSsl(await ours.pem, pairs, true));
  });
  after(async () => {
    receiver?.stop();
    await folder[Symbol.asyncDispose]();
  });

  it('is refused by a wrong authority and by expired certificates, and goes on once the files are right', async () => {
    const files = {
      OTEL_EXPORTER_OTLP_CERTIFICATE: join(folder.path, 'ca.crt'),
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: join(folder.path, 'client.crt'),
      OTEL_EXPORTER_OTLP_CLIENT_KEY: join(folder.path, 'client.key'),
    };
    const put = async (authority: TestAuthority, pair: { certificate: string; key: string }) => {
      await copyFile(authority.file, files.OTEL_EXPORTER_OTLP_CERTIFICATE);
      await copyFile(pair.certificate, files.OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE);
      await copyFile(pair.key, files.OTEL_EXPORTER_OTLP_CLIENT_KEY);
    };
    const good = await ours.issue('client');
    await put(others, good);
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `https://127.0.0.1:${receiver.port}`, ...files };
    using targets = await OtlpTargets.open(readConfig(env), env, 50);
    const sender = new OtlpSender({ signal: 'logs', ...targets.of('logs'), deserialize: () => ({}) });
    const send = async () => (await sender.send(Buffer.from('item-1;'))).state;
    assert.equal(await send(), 'failed');
    await put(ours, await ours.issue('old', { fromDays: -9, untilDays: -1 }));
    await waitFor('the expired certificate to be seen', () => targets.trouble?.includes('ended'));
    assert.equal(await send(), 'failed');
    assert.equal(receiver.requests, 0);
    await put(ours, good);
    await waitFor('it to be sent', async () => (await send()) === 'exported');
    // A key that does not belong: the pair before stays in use.
    await copyFile((await ours.issue('next')).key, files.OTEL_EXPORTER_OTLP_CLIENT_KEY);
    await waitFor('the trouble', () => targets.trouble?.includes('security log says why'));
    assert.equal(await send(), 'exported');
    sender.close();
  });
});
