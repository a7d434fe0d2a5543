import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { identify, isRunning, type ProcessIdentity, sendSignal } from '../../launcher/process-identity.ts';
import { readState } from '../../launcher/stack-state.ts';
import { testEnvironment } from '../../testkit/stack.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { ForegroundVitrine, statusOf, vitrine } from './vitrine-command.ts';

// Alertmanager and the Collector are the quickest servers; what the launcher does is the same for
// all.
const only = ['--only', 'collector,alertmanager'];
const healthy = /Everything is healthy/;

describe('vitrine', function () {
  this.timeout(300_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let env: NodeJS.ProcessEnv;

  beforeEach(async () => {
    folder = await temporaryFolder();
    env = testEnvironment(join(folder.path, 'data'));
  });

  afterEach(async () => {
    await vitrine(env, 'down');
    await folder[Symbol.asyncDispose]();
  });

  async function identities(): Promise<ProcessIdentity[]> {
    const state = readState(env.VITRINE_DATA ?? '');
    return (state?.components ?? []).flatMap(({ identity }) => (identity === undefined ? [] : [identity]));
  }

  async function allGone(processes: readonly ProcessIdentity[]): Promise<boolean> {
    return !(await Promise.all(processes.map(isRunning))).includes(true);
  }

  it('starts everything on free ports, and stops it in reverse on Ctrl-C', async () => {
    const up = new ForegroundVitrine(env, 'up', ...only);
    await up.untilSaid(healthy);
    const running = await identities();
    assert.equal(running.length, 2);
    assert.equal(await up.end('SIGINT'), 0);
    assert.ok(await allGone(running));
    assert.match(
      up.said,
      /Stopping \(SIGINT\).+Alertmanager has stopped.+Collector has stopped.+Everything has stopped/s,
    );
  });

  it('starts what died again, and tells its last lines', async () => {
    await using up = new ForegroundVitrine(env, 'up', ...only);
    await up.untilSaid(healthy);
    const before = (await statusOf(env)).components.find(({ name }) => name === 'alertmanager');
    sendSignal(before?.pid ?? 0, 'SIGKILL');
    await up.untilSaid(/Alertmanager was ended by SIGKILL; starting it again in 0\.5 s\. Its last lines:\n {2}\S/);
    const after = await waitFor('Alertmanager to be well again', async () =>
      (await statusOf(env)).components.find(
        ({ name, health, restarts }) => name === 'alertmanager' && health === 'healthy' && restarts === 1,
      ),
    );
    assert.notEqual(after.pid, before?.pid);
    assert.equal(after.port, before?.port);
  });

  it('ends, at the next start, what a launcher that was killed had left', async () => {
    const first = new ForegroundVitrine(env, 'up', ...only);
    await first.untilSaid(healthy);
    const left = await identities();
    sendSignal(first.launcherPid, 'SIGKILL');
    await once(first.child, 'exit');
    assert.deepEqual(await Promise.all(left.map(isRunning)), [true, true]);
    assert.deepEqual(new Set((await statusOf(env)).components.map(({ state }) => state)), new Set(['left over']));

    await using second = new ForegroundVitrine(env, 'up', ...only);
    await second.untilSaid(/Ended what a launcher that was killed had left: alertmanager, collector\./);
    await second.untilSaid(healthy);
    assert.ok(await allGone(left));
  });

  it('ends, at `down`, what a launcher that was killed had left', async () => {
    const up = new ForegroundVitrine(env, 'up', ...only);
    await up.untilSaid(healthy);
    const left = await identities();
    sendSignal(up.launcherPid, 'SIGKILL');
    await once(up.child, 'exit');
    assert.match((await vitrine(env, 'down')).stdout, /Ended what was left running: alertmanager, collector\./);
    assert.ok(await allGone(left));
  });

  it('stops everything when vitrine.mjs itself is killed', async () => {
    const up = new ForegroundVitrine(env, 'up', ...only);
    await up.untilSaid(healthy);
    const running = await identities();
    await up.end('SIGKILL');
    await waitFor('the stack to stop', () => allGone(running));
  });

  it('stops everything when only npm is told to stop', async () => {
    const npm = spawn('npm', ['start', '--', ...only], {
      cwd: join(import.meta.dirname, '../..'),
      env,
      stdio: 'ignore',
    });
    const running = await waitFor(
      'everything to be healthy',
      () => {
        const state = readState(env.VITRINE_DATA ?? '');
        return state?.settled === true && identities();
      },
      { deadlineMs: 120_000 },
    );
    assert.equal(running.length, 2);
    npm.kill('SIGTERM');
    await waitFor('the stack to stop', () => allGone(running));
  });

  it('names a taken port, who has it, and the setting to change', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const { port } = squatter.address() as { port: number };
    const { code, stderr } = await vitrine({ ...env, VITRINE_ALERTMANAGER_PORT: String(port) }, 'up', ...only);
    squatter.close();
    assert.equal(code, 1);
    assert.match(
      stderr,
      new RegExp(
        `^Cannot start Alertmanager: port ${port} is taken by pid ${process.pid}, .*mocha.*; stop it, or set VITRINE_ALERTMANAGER_PORT`,
      ),
    );
  });

  it('refuses two doors with the same port', async () => {
    const { code, stderr } = await vitrine(
      { ...env, VITRINE_ALERTMANAGER_PORT: '18123', VITRINE_OTLP_HTTP_PORT: '18123' },
      'up',
      ...only,
    );
    assert.equal(code, 1);
    assert.match(
      stderr,
      /VITRINE_OTLP_HTTP_PORT and VITRINE_ALERTMANAGER_PORT are both 18123|VITRINE_ALERTMANAGER_PORT and VITRINE_OTLP_HTTP_PORT are both 18123/,
    );
  });

  it('refuses a second start in the same data folder, and lets one with another run beside it', async () => {
    await using first = new ForegroundVitrine(env, 'up', ...only);
    await first.untilSaid(healthy);
    const again = await vitrine(env, 'up', ...only);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /a stack with the data folder .* runs already \(pid \d+\); stop it with `vitrine down`/);

    const besideEnv = testEnvironment(join(folder.path, 'beside'));
    await using beside = new ForegroundVitrine(besideEnv, 'up', ...only);
    await beside.untilSaid(healthy);
    const [one, two] = [await statusOf(env), await statusOf(besideEnv)];
    const ports = [...one.components, ...two.components].flatMap((component) => Object.values(component.ports));
    assert.equal(new Set(ports).size, ports.length);
    assert.deepEqual(new Set([...one.components, ...two.components].map(({ health }) => health)), new Set(['healthy']));
  });

  it('goes to the background with --detach, and is watched, asked and ended from there', async () => {
    const detached = await vitrine(env, 'up', '--detach', ...only);
    assert.equal(detached.code, 0, detached.stdout);
    assert.match(detached.stdout, healthy);
    const status = await statusOf(env);
    assert.equal(status.launcher?.running, true);
    assert.deepEqual(
      status.components.map(({ name, state, health, restarts }) => ({ name, state, health, restarts })),
      [
        { name: 'collector', state: 'healthy', health: 'healthy', restarts: 0 },
        { name: 'alertmanager', state: 'healthy', health: 'healthy', restarts: 0 },
      ],
    );
    assert.match(
      (await vitrine(env, 'status')).stdout,
      /^component +state +port +pid +uptime +health +restarts\ncollector +healthy/,
    );

    const pids = status.components.map(({ pid }) => pid);
    assert.match((await vitrine(env, 'restart', 'alertmanager')).stdout, /^Restarted alertmanager; it is healthy/);
    const after = (await statusOf(env)).components.map(({ pid }) => pid);
    assert.equal(after[0], pids[0]);
    assert.notEqual(after[1], pids[1]);
    const asked = (await statusOf(env)).components.map(({ restarts, restartsAsked }) => ({ restarts, restartsAsked }));
    assert.deepEqual(asked, [
      { restarts: 0, restartsAsked: 0 },
      { restarts: 1, restartsAsked: 1 },
    ]);

    // Another backend, named in the command's environment: what docs/backends.md says.
    const swapped = { ...env, VITRINE_BACKENDS: 'file' };
    assert.match((await vitrine(swapped, 'restart', 'collector')).stdout, /healthy\. It took .*VITRINE_BACKENDS/);
    const collector = (await statusOf(env)).components[0];
    const parameters = (await readFile(`/proc/${collector?.pid}/cmdline`, 'utf8')).split('\0');
    assert.ok(
      parameters.some((one) => one.endsWith('backends/file.yaml')),
      parameters.join(' '),
    );
    const wrong = await vitrine({ ...env, VITRINE_BACKENDS: 'nowhere' }, 'restart', 'collector');
    assert.match(wrong.stderr, /there is no otel-collector\/backends\/nowhere\.yaml/);
    assert.equal((await statusOf(env)).components[0]?.pid, collector?.pid, 'the old one still runs');
    assert.match((await vitrine(env, 'restart', 'loki')).stderr, /Cannot restart loki: it is not part of this stack/);
    assert.match((await vitrine(env, 'clean', '--yes')).stderr, /Cannot clean .*: a stack runs in it/);

    assert.equal((await vitrine(env, 'down')).stdout, 'Everything has stopped.\n');
    assert.equal((await vitrine(env, 'status')).code, 1);
  });

  it('ends quietly when nobody reads what it prints', async () => {
    const bootstrap = join(import.meta.dirname, '../../cli/vitrine.mjs');
    const child = spawn(process.execPath, [bootstrap, 'manifest-schema'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let complaint = '';
    child.stderr.on('data', (text) => (complaint += text));
    const [code] = await once(child, 'close');
    assert.deepEqual([code, complaint], [0, '']);
  });

  it('shows the lines of all programs or of one, and goes on with new ones', async () => {
    const logs = join(env.VITRINE_DATA ?? '', 'stack/logs');
    await mkdir(logs, { recursive: true });
    await writeFile(join(logs, 'collector.log'), 'one\ntwo\n');
    await writeFile(join(logs, 'loki.log'), 'three\n');
    assert.equal((await vitrine(env, 'logs')).stdout, 'collector    one\ncollector    two\nloki         three\n');
    assert.equal((await vitrine(env, 'logs', 'collector', '-n', '1')).stdout, 'two\n');
    assert.match((await vitrine(env, 'logs', 'nobody')).stderr, /Cannot show the lines of "nobody"/);

    const following = new ForegroundVitrine(env, 'logs', 'loki', '-f');
    await following.untilSaid(/three/);
    await appendFile(join(logs, 'loki.log'), 'four\n');
    await following.untilSaid(/four/);
    await writeFile(join(logs, 'loki.log'), '5\n'); // As after a rotation.
    await following.untilSaid(/5/);
    await following.end('SIGINT');
    assert.equal(following.said, 'three\nfour\n5\n');
  });

  it('removes its own folders and nothing else, and asks first', async () => {
    const data = env.VITRINE_DATA ?? '';
    await mkdir(join(data, 'loki'), { recursive: true });
    await mkdir(join(data, 'mine'), { recursive: true });
    const asked = await vitrine(env, 'clean');
    assert.match(asked.stdout, /\[y\/N\].*Nothing was removed/s);
    assert.ok(existsSync(join(data, 'loki')));
    assert.equal((await vitrine(env, 'clean', '--yes')).code, 0);
    assert.deepEqual(await readdir(data), ['mine']);
  });

  it('names the components it knows when asked for one it does not', async () => {
    const { code, stderr } = await vitrine(env, 'up', '--only', 'collector,grafana');
    assert.equal(code, 1);
    assert.match(stderr, /^Cannot find "grafana": there is no such component; choose from collector, service/);
  });

  it('starts the service alone where servers cannot be built, and says why once', async () => {
    const bin = join(folder.path, 'bin');
    await mkdir(bin);
    const without = { ...env, PATH: bin, VITRINE_CACHE: join(folder.path, 'cache'), VITRINE_STOP_MS_MAX: '1000' };
    await using up = new ForegroundVitrine(without, 'up', '--only', 'collector,service,alertmanager');
    await up.untilSaid(/1 of 3 are healthy/);
    assert.equal(up.said.match(/there is no go command on PATH; install Go/g)?.length, 1);
    assert.match(up.said, /Alertmanager: the same\./);
    const service = (await statusOf(without)).components.find(({ name }) => name === 'service');
    assert.equal((await fetch(`http://127.0.0.1:${service?.port}/live`)).status, 200);
  });

  it('answers while the servers are still being built, and what was told meanwhile arrives', async () => {
    const bin = join(folder.path, 'bin');
    const gate = join(folder.path, 'gate');
    await mkdir(bin);
    // The real go, held back until the test lets it go on.
    await writeFile(
      join(bin, 'go'),
      `#!/bin/sh\nwhile [ ! -e '${gate}' ]; do sleep 0.1; done\nPATH="$REAL_PATH" exec go "$@"\n`,
    );
    await chmod(join(bin, 'go'), 0o755);
    const building = {
      ...env,
      PATH: `${bin}:${env.PATH}`,
      REAL_PATH: env.PATH,
      VITRINE_CACHE: join(folder.path, 'cache'),
      VITRINE_BACKENDS: 'tempo',
    };
    await using up = new ForegroundVitrine(building, 'up', '--only', 'collector,service,tempo');
    await up.untilSaid(/Vitrine is healthy/);
    await up.untilSaid(/\[1 of 2\] OpenTelemetry Collector: looking for its modules/);
    const ports = () => readState(env.VITRINE_DATA ?? '')?.ports ?? {};
    const traceId = '5c0ffee5c0ffee5c0ffee5c0ffee5c0f';
    const answer = await fetch(`http://127.0.0.1:${ports().VITRINE_PORT}/health`, {
      headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    });
    assert.ok(answer.ok);

    await writeFile(gate, '');
    await up.untilSaid(healthy);
    await waitFor(
      'the early request’s trace in Tempo',
      async () => {
        const found = await fetch(`http://127.0.0.1:${ports().VITRINE_TEMPO_PORT}/api/traces/${traceId}`);
        return found.ok && (await found.text()).includes('vitrine');
      },
      { deadlineMs: 60_000 },
    );
  });

  it('keeps the identity of a running launcher apart from a stranger with its pid', async () => {
    const data = env.VITRINE_DATA ?? '';
    const stranger = await identify(process.pid);
    assert.ok(stranger);
    await mkdir(join(data, 'stack'), { recursive: true });
    const state = {
      launcher: { pid: process.pid, startedAt: 'long ago' },
      startedAtMs: 0,
      settled: true,
      ports: {},
      components: [],
    };
    await writeFile(join(data, 'stack/state.json'), JSON.stringify(state));
    assert.match((await vitrine(env, 'down')).stdout, /^Nothing runs/);
    assert.ok(await isRunning(stranger));
  });
});
