import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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

  it('measure containers on an Engine that is too old to agree on a version, and end when they are asked to', async () => {
    const start = (program: string) => ['sh', join(root, 'compose/start-containers.sh'), 'sh', '-c', program];
    const run = (program: string) => runProgram('sh', start(program).slice(1), {});
    assert.deepEqual(await run('echo "[$VITRINE_DOCKER_API_VERSION]"'), { code: 0, said: '[]\n' });
    const old = await run('echo "[$VITRINE_DOCKER_API_VERSION]"; [ "$VITRINE_DOCKER_API_VERSION" = 1.41 ]');
    assert.deepEqual(old, { code: 0, said: '[]\n[1.41]\n' });
    assert.equal((await run('exit 3')).code, 1);
    const running = spawn('sh', start('trap "exit 0" TERM; echo runs; while :; do sleep 0.01; done').slice(1), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(running, 'exit');
    await once(running.stdout, 'data');
    running.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
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
