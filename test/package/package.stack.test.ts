import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { choosePort } from '../../launcher/free-port.ts';
import { runCommand } from '../../launcher/run-command.ts';
import { readState } from '../../launcher/stack-state.ts';
import { testEnvironment } from '../../testkit/stack.ts';
import { root } from '../../testkit/suite/plan-suite.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

/** What may be in the package, and nothing else. */
const allowed = [
  /^(package\.json|README\.md|LICENSE|cli\/vitrine\.mjs|dist\/package\.json)$/,
  /^dist\/(src|cli|launcher|observability)\/[\w./-]+\.js$/,
  /^dist\/models\/[\w./-]+(\.(onnx|json|md)|LICENCE)$/,
  /^dist\/(alertmanager|jaeger|loki|otel-collector|prometheus|tempo|victorialogs|victoriametrics)\/[\w./-]+\.(yaml|tmpl|go|mod|sum)$/,
  /^dist\/(docs\/runbooks\/\w+\.md|grafana\/dashboards\/[\w-]+\.json|web\/dist\/[\w./-]+)$/,
];

describe('the package', function () {
  this.timeout(10 * 60_000);

  it('has only what runs, can be installed in an empty folder, and starts there with its own models and data', async () => {
    await using scratch = await temporaryFolder();
    const [made] = JSON.parse(
      await runCommand('npm', ['run', '--silent', 'package', '--', '--json', '--pack-destination', scratch.path], {
        folder: root,
      }),
    ) as { filename: string; files: { path: string }[] }[];
    const paths = made!.files.map(({ path }) => path);
    assert.deepEqual(
      paths.filter((path) => !allowed.some((pattern) => pattern.test(path))),
      [],
    );
    for (const path of [
      'dist/src/main.js',
      'dist/cli/command-line.js',
      'dist/web/dist/page.html',
      'dist/loki/server/go.sum',
    ])
      assert.ok(paths.includes(path), `${path} is missing`);
    assert.ok(!paths.some((path) => /checkout-commands|testkit|\.test\./.test(path)));

    const folder = join(scratch.path, 'empty');
    cpSync(join(root, 'models/gaussian-field'), join(folder, 'own-models/gaussian-field'), { recursive: true });
    await writeFile(join(folder, 'package.json'), '{"private":true}');
    const install = ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--silent'];
    await runCommand('npm', [...install, join(scratch.path, made!.filename)], { folder });
    const home = join(folder, 'node_modules/vitrine');
    const before = readdirSync(home, { recursive: true }).length;

    const port = await choosePort('127.0.0.1');
    const env = {
      ...testEnvironment('own-data'),
      VITRINE_MODELS: 'own-models',
      VITRINE_PORT: String(port),
    };
    const up = spawn('npx', ['--no-install', 'vitrine', 'up', '--only', 'service,collector'], { cwd: folder, env });
    let said = '';
    for (const stream of [up.stdout, up.stderr]) stream.on('data', (text) => (said += text));
    const ended = once(up, 'exit');
    try {
      await waitFor(
        'the service of the package',
        async () => {
          if (up.exitCode !== null) throw new Error('it has ended');
          return (await fetch(`http://127.0.0.1:${port}/ready`)).ok;
        },
        { deadlineMs: 180_000, everyMs: 250 },
      ).catch((error: Error) => {
        throw new Error(`${error.message}; it said:\n${said}`, { cause: error });
      });
      const index = await fetch(`http://127.0.0.1:${port}/v2/repository/index`, { method: 'POST', body: '{}' });
      const models = ((await index.json()) as { name: string }[]).map(({ name }) => name);
      assert.deepEqual([...new Set(models)], ['gaussian-field']);
      assert.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /Vitrine/);
      const state = readState(join(folder, 'own-data'));
      assert.ok(state !== undefined, 'the data are not where they were said to be');
      process.kill(state.launcher.pid, 'SIGTERM');
      await ended;
    } finally {
      if (up.exitCode === null && up.signalCode === null) up.kill('SIGKILL');
    }
    assert.ok(!existsSync(join(home, 'dist/.vitrine')));
    assert.equal(readdirSync(home, { recursive: true }).length, before, 'something was written into the package');
  });
});
