import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { runProgram } from '../backends/run-program.ts';

const root = join(import.meta.dirname, '../..');

describe('the images', () => {
  it('start the Collector with the backends that VITRINE_BACKENDS names', async () => {
    const start = (backends: string) =>
      runProgram('sh', [join(root, 'compose/start-collector.sh'), 'echo', '--extra'], {
        VITRINE_CONFIGURATION: join(root, 'otel-collector'),
        VITRINE_BACKENDS: backends,
      });
    const folder = join(root, 'otel-collector');
    assert.deepEqual(await start('tempo, loki'), {
      code: 0,
      said: `--config=${folder}/config.yaml --extra --config=${folder}/compat.yaml --config=${folder}/backends/tempo.yaml --config=${folder}/backends/loki.yaml\n`,
    });
    const overlaid = await start('loki-by-stream,loki');
    assert.match(overlaid.said, /backends\/loki\.yaml --config=\S+\/backends\/loki-by-stream\.yaml\n$/);
    assert.match((await start('loki-by-stream')).said, /^Cannot separate the log streams/);
    const refused = await start('tempo,nowhere');
    assert.equal(refused.code, 1);
    assert.match(refused.said, /^Cannot start the Collector: there is no otel-collector\/backends\/nowhere\.yaml/);
  });

  it('are healthy when the address answers 2xx, and not when it refuses or nobody is there', async () => {
    const server = createServer((request, response) => {
      response.statusCode = request.url === '/health' ? 200 : 503;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const check = (...given: string[]) =>
      runProgram(process.execPath, [join(root, 'compose/check-health.mjs'), ...given], { VITRINE_PORT: String(port) });
    try {
      assert.equal((await check()).code, 0, 'the service at VITRINE_PORT');
      assert.equal((await check(String(port), '/health')).code, 0);
      assert.equal((await check(String(port), '/ill')).code, 1);
    } finally {
      server.close();
    }
    assert.equal((await check()).code, 1);
  });
});
