import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { composeProgram } from '../../launcher/ground/ground-servers.ts';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { runProgram } from '../backends/run-program.ts';

// Compose itself, built from its Go module, reads compose.yaml; that needs no Docker.

const file = join(import.meta.dirname, '../../compose.yaml');

describe('Compose, asked about compose.yaml', function () {
  this.timeout(900_000);

  async function config(env: Record<string, string>, ...parameters: string[]) {
    const program = join(await ensureServer(composeProgram), 'docker-compose');
    return runProgram(program, ['--file', file, ...parameters, 'config', '--format', 'json'], env);
  }

  it('accepts it, hands settings on and keeps what is not set out', async () => {
    await using scratch = await temporaryFolder();
    const answer = await config({ ...(await secretsIn(scratch.path)), LOG_LEVEL: 'debug', VITRINE_PORT: '8123' });
    assert.equal(answer.code, 0, answer.said);
    const { services } = JSON.parse(answer.said) as { services: Record<string, Resolved> };
    assert.ok(!('service-gpu' in services));
    const { service, collector } = services;
    assert.equal(service?.environment.LOG_LEVEL, 'debug');
    assert.equal(service?.environment.VITRINE_STOP_MS_MAX, null);
    assert.equal(service?.environment.VITRINE_BIND, '0.0.0.0');
    assert.deepEqual(
      service?.ports.map(({ host_ip, published, target }) => [host_ip, published, target]),
      [
        ['127.0.0.1', '8123', 8000],
        ['127.0.0.1', '8001', 8001],
      ],
    );
    assert.ok(!Object.keys(collector?.environment ?? {}).some((key) => key.startsWith('OTEL_')));
  });

  it('accepts it with the GPU', async () => {
    await using scratch = await temporaryFolder();
    const answer = await config(await secretsIn(scratch.path), '--profile', 'gpu');
    assert.equal(answer.code, 0, answer.said);
    assert.ok('service-gpu' in JSON.parse(answer.said).services);
  });

  it('accepts it with a tenant for each log stream, mounting only what exists', async () => {
    await using scratch = await temporaryFolder();
    const program = join(await ensureServer(composeProgram), 'docker-compose');
    const over = join(import.meta.dirname, '../../compose/log-streams.yaml');
    const parameters = ['--file', file, '--file', over, 'config', '--format', 'json'];
    const answer = await runProgram(program, parameters, await secretsIn(scratch.path));
    assert.equal(answer.code, 0, answer.said);
    const { services } = JSON.parse(answer.said) as { services: Record<string, Resolved> };
    assert.equal(services.collector?.environment.VITRINE_BACKENDS, 'prometheus,tempo,loki,loki-by-stream');
    assert.equal(services.loki?.environment.VITRINE_LOKI_TENANTS, 'true');
    const sources = ['loki', 'grafana'].flatMap((name) => services[name]?.volumes ?? []);
    for (const { type, source } of sources)
      if (type === 'bind') assert.ok(existsSync(source), `${source} does not exist`);
  });

  it('accepts it with the second set of stores, in the place of the first', async () => {
    await using scratch = await temporaryFolder();
    const program = join(await ensureServer(composeProgram), 'docker-compose');
    const over = join(import.meta.dirname, '../../compose/victoria.yaml');
    const parameters = ['--file', file, '--file', over, 'config', '--format', 'json'];
    const answer = await runProgram(program, parameters, await secretsIn(scratch.path));
    assert.equal(answer.code, 0, answer.said);
    const { services } = JSON.parse(answer.said) as { services: Record<string, Resolved> };
    for (const name of ['prometheus', 'tempo', 'loki']) assert.ok(!(name in services), name);
    for (const name of ['victoriametrics', 'vmalert', 'vmalert-logs', 'jaeger', 'victorialogs', 'grafana']) {
      assert.ok(name in services, name);
      for (const { type, source } of services[name]?.volumes ?? [])
        if (type === 'bind') assert.ok(existsSync(source), `${source} does not exist`);
    }
    assert.equal(services.collector?.environment.VITRINE_BACKENDS, 'victoriametrics,jaeger,victorialogs');
  });

  for (const missing of [
    'GRAFANA_PASSWORD',
    'VITRINE_API_KEYS_FILE',
    'VITRINE_ADMIN_TOKEN_FILE',
    'VITRINE_RECEIVER_ALERTS_TOKEN_FILE',
  ]) {
    it(`refuses to start without ${missing}, in a sentence that names it`, async () => {
      await using scratch = await temporaryFolder();
      const env = await secretsIn(scratch.path);
      delete env[missing];
      const answer = await config(env);
      assert.notEqual(answer.code, 0);
      assert.match(answer.said, new RegExp(`Cannot .+${missing}`));
    });
  }
});

type Resolved = {
  environment: Record<string, string | null>;
  ports: { host_ip: string; published: string; target: number }[];
  volumes?: { type: string; source: string }[];
};

async function secretsIn(folder: string): Promise<Record<string, string>> {
  const secret = join(folder, 'secret');
  await writeFile(secret, 'not-a-secret-0123456789');
  return {
    HOME: folder,
    GRAFANA_PASSWORD: 'not-a-secret',
    VITRINE_API_KEYS_FILE: secret,
    VITRINE_ADMIN_TOKEN_FILE: secret,
    VITRINE_RECEIVER_ALERTS_TOKEN_FILE: secret,
  };
}
