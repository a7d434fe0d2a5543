import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { defaultComponents } from '../../launcher/components.ts';
import { probeChecks, sendProbe } from '../../launcher/probe.ts';
import { startStack as startStackItself } from '../../launcher/stack.ts';
import { readState } from '../../launcher/stack-state.ts';
import { readConfig } from '../../src/config.ts';
import { startStack, testEnvironment } from '../../testkit/stack.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { waitingQueues } from '../../testkit/waiting-queues.ts';
import { statusOf, vitrine } from './vitrine-command.ts';

describe('a stack', function () {
  this.timeout(1_200_000); // The first one may have to build the servers.

  it('is started whole, examined by the doctor, and found healthy', async () => {
    await using folder = await temporaryFolder();
    const env = testEnvironment(join(folder.path, 'data'));
    try {
      const up = await vitrine(env, 'up', '--detach');
      assert.equal(up.code, 0, up.stdout + up.stderr);
      const { components } = await statusOf(env);
      assert.deepEqual(
        components.map(({ name, health }) => `${name} ${health}`),
        defaultComponents(readConfig(env)).map((name) => `${name} healthy`),
      );

      const doctor = await vitrine(env, 'doctor');
      assert.equal(doctor.code, 0, doctor.stdout);
      assert.match(doctor.stdout, /^good {2}The trace of the probe is in Tempo, after/m);
      assert.match(doctor.stdout, /^good {2}The log of the probe is in Loki, after/m);
      assert.match(doctor.stdout, /^good {2}The metric of the probe is in Prometheus, after/m);
      for (const signal of ['traces', 'logs', 'metrics'])
        assert.match(
          doctor.stdout,
          new RegExp(`^good {2}${signal} of vitrine, \\d+ s ago: \\d+ made .*the books balance`, 'm'),
        );

      // The doctor's questions are such that only the probe itself answers them.
      const stranger = { traceId: randomBytes(16).toString('hex'), value: 1 };
      for (const [store, check] of Object.entries(probeChecks)) {
        const port = components.find(({ name }) => name === store)?.port;
        if (port === undefined) continue;
        assert.equal(await check({ url: `http://127.0.0.1:${port}` }, stranger), false, store);
      }
    } finally {
      await vitrine(env, 'down');
    }
  });

  it('starts what is named, stops in reverse, and frees its data folder', async () => {
    await using folder = await temporaryFolder();
    const data = join(folder.path, 'data');
    const first = await startStack({ only: ['alertmanager', 'collector'], dataFolder: data });
    assert.deepEqual(first.names, ['collector', 'alertmanager']);
    assert.ok((await fetch(`${first.url('alertmanager')}/-/ready`)).ok);
    const port = first.port('alertmanagerPort');
    await first.close();
    assert.deepEqual(readState(data)?.components, []);

    await using second = await startStack({ only: ['alertmanager'], dataFolder: data });
    assert.equal(second.port('alertmanagerPort'), port, 'a port that was chosen is chosen again');
  });

  it('starts a component with other settings on the same port', async () => {
    await using stack = await startStack({ only: ['collector'], env: { VITRINE_BACKENDS: 'debug' } });
    const [port, pid] = [stack.port('otlpHttpPort'), stack.pid('collector')];
    await stack.restart('collector', { env: { VITRINE_BACKENDS: 'loki' } });
    assert.equal(stack.port('otlpHttpPort'), port);
    assert.notEqual(stack.pid('collector'), pid);
    await assert.rejects(
      stack.restart('collector', { env: { VITRINE_BACKENDS: 'nowhere' } }),
      /^StackFailure: .*there is no otel-collector\/backends\/nowhere\.yaml; name files of that folder in VITRINE_BACKENDS/,
    );
  });

  it('tells what waits for a backend that is no longer named', async () => {
    await using folder = await temporaryFolder();
    const notes: string[] = [];
    const env = testEnvironment(join(folder.path, 'data'), { VITRINE_BACKENDS: 'tempo' }); // No Tempo runs: its spans wait.
    await using stack = await startStackItself({
      only: ['collector'],
      env,
      onEvent: (event) => event.kind === 'note' && notes.push(event.text),
    });
    await sendProbe(stack.way('collector'));
    await waitFor('the span to be in the queue', async () => {
      const queues = await waitingQueues(stack.data, ['tempo']);
      return queues.some(({ requests }) => requests > 0);
    });
    assert.deepEqual(notes, []);
    await stack.restart('collector', { env: { VITRINE_BACKENDS: 'debug' } });
    assert.match(
      notes.join(),
      /^1 items in 1 requests wait for tempo \(exporter_otlp_grpc_tempo_traces\), which VITRINE_BACKENDS does not name/,
    );
  });

  it('leaves dead what died, unless it was asked to restart', async () => {
    await using stack = await startStack({ only: ['alertmanager'] });
    await stack.kill('alertmanager');
    assert.equal(stack.state('alertmanager').kind, 'ended');
    await stack.start('alertmanager');
    assert.equal(stack.state('alertmanager').kind, 'healthy');
  });

  it('refuses an address that is not of this machine', async () => {
    const start = startStack({ only: ['collector'], env: { VITRINE_BIND: '192.0.2.1' } });
    await assert.rejects(start, /^StackFailure: Cannot listen on "192\.0\.2\.1": .*; set VITRINE_BIND/);
  });
});
