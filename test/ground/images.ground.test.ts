import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { choosePort } from '../../launcher/free-port.ts';
import { ensureImages, type Images } from '../../launcher/ground/build-images.ts';
import { DockerEngine } from '../../launcher/ground/docker-engine.ts';
import { runCommand } from '../../launcher/run-command.ts';
import { makeFolder } from '../../src/make-folder.ts';
import { imageDifferences } from '../../testkit/ground/image-differences.ts';
import { scanImage } from '../../testkit/ground/scan-image.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

// outside: a build fetches packages from the registry.

const root = join(import.meta.dirname, '../..');

describe('the images', function () {
  this.timeout(20 * 60_000);
  let images: Images['images'];
  let engine: DockerEngine;
  let version: string;
  const named = (name: string) => images.find((image) => image.name.startsWith(name))!;

  before(async () => {
    ({ images } = await ensureImages());
    engine = await DockerEngine.start({ network: 'shared' });
    version = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')).version;
    for (const { file } of [named('vitrine:'), named('vitrine-collector:')])
      await engine.docker(['load', '--input', file]);
  });

  after(async () => engine?.[Symbol.asyncDispose]());

  it('of the service is at most 250 MB', () =>
    assert.ok(named('vitrine:').bytes <= 250e6, String(named('vitrine:').bytes)));

  it('of the same commit are the same bytes', async () => {
    await using folder = await temporaryFolder();
    const ours = ['vitrine:', 'vitrine-collector:'].map(named);
    const { images: second } = await ensureImages({ again: folder.path });
    for (const { name, id, file } of ours) {
      const again = second.find((image) => image.name === name)!;
      if (again.id !== id) assert.fail(`${name}:\n${(await imageDifferences(file, again.file)).join('\n')}`);
    }
  });

  it('run as a user that is not root, and end and reap processes through an init', async () => {
    const config = await inspect(`vitrine:${version}`);
    assert.equal(config.User, '1000:1000');
    assert.deepEqual(config.Entrypoint, ['/usr/bin/tini', '--']);
    assert.equal((await inspect('vitrine-collector:0.155.0')).User, '10001');
    const orphan = `
      const { spawn } = require('node:child_process');
      const { readFileSync } = require('node:fs');
      const middle = spawn(process.execPath, ['-e', "const c = require('node:child_process').spawn('/usr/local/bin/node', ['-e', 'setTimeout(() => {}, 300)'], { detached: true, stdio: 'ignore' }); console.log(c.pid); c.unref();"]);
      let pid = '';
      middle.stdout.on('data', (text) => (pid += text));
      const zombie = () => { try { return readFileSync('/proc/' + pid.trim() + '/stat', 'utf8'); } catch { return ''; } };
      middle.on('close', () => { const look = setInterval(() => { if (zombie() === '') { clearInterval(look); console.log('reaped'); } }, 50); });`;
    assert.match(await runOnce('node', '-e', orphan), /reaped/);
  });

  it('say what they are: version, commit, time and licence', async () => {
    const { Labels } = await inspect(`vitrine:${version}`);
    const label = (name: string) => Labels?.[`org.opencontainers.image.${name}`] ?? '';
    assert.equal(label('title'), 'Vitrine');
    assert.equal(label('version'), version);
    assert.match(label('revision'), /^[0-9a-f]{40}(-changed)?$/);
    assert.ok(Date.parse(label('created')) > Date.parse('2024-01-01'));
    assert.equal(label('licenses'), 'Apache-2.0');
  });

  it('list their packages in SPDX: each package of npm that is there, Node and those of Debian', async () => {
    const sbom = JSON.parse(
      await runOnce('node', '-p', "require('node:fs').readFileSync('/sbom.spdx.json', 'utf8')"),
    ) as { spdxVersion: string; packages: { name: string; versionInfo: string; packageFileName?: string }[] };
    assert.equal(sbom.spdxVersion, 'SPDX-2.3');
    const names = sbom.packages.map(({ name }) => name);
    for (const name of ['express', 'onnxruntime-node', 'node', 'libc6', 'tini']) assert.ok(names.includes(name), name);
    const there = (
      await runOnce(
        'node',
        '-e',
        `const { globSync } = require('node:fs');
         for (const file of globSync('/app/node_modules/{*,@*/*}/package.json')) console.log(require(file).name + '@' + require(file).version);`,
      )
    )
      .trim()
      .split('\n');
    const listed = new Set(sbom.packages.map(({ name, versionInfo }) => `${name}@${versionInfo}`));
    assert.ok(there.length > 100);
    assert.deepEqual(
      there.filter((one) => !listed.has(one)),
      [],
    );
  });

  it('hold no secret, nothing that changes its user, no compiler, no shell and no library of another system', async () => {
    await using folder = await temporaryFolder();
    const container = (await engine.docker(['create', `vitrine:${version}`])).trim();
    const archive = join(folder.path, 'image.tar');
    const files = join(folder.path, 'files');
    await engine.docker(['export', '--output', archive, container]);
    await engine.docker(['rm', '--volumes', container]);
    await makeFolder(files);
    await runCommand('tar', ['-x', '-p', '-f', archive, '-C', files]);
    assert.ok(existsSync(join(files, 'app/src/main.ts')));
    assert.deepEqual(await scanImage(files), []);
  });

  it('serve on a root that cannot be written, with health at the port that is set', async () => {
    const container = (
      await engine.docker([
        ...['run', '--detach', '--network=host', '--read-only', '--tmpfs=/tmp', '--cap-drop=ALL'],
        ...[
          '--security-opt=no-new-privileges',
          '--env=VITRINE_BIND=127.0.0.1',
          `--env=VITRINE_PORT=${await choosePort('127.0.0.1')}`,
        ],
        ...['--env=OTEL_SDK_DISABLED=true', '--health-interval=1s', `vitrine:${version}`],
      ])
    ).trim();
    try {
      await waitFor(
        'the image’s own health check to pass',
        async () =>
          (await engine.docker(['inspect', '--format', '{{.State.Health.Status}}', container])).trim() === 'healthy',
        { deadlineMs: 120_000, everyMs: 500 },
      );
    } catch (error) {
      throw new Error(await engine.docker(['logs', container]), { cause: error });
    } finally {
      await engine.docker(['rm', '--force', '--volumes', container]);
    }
  });

  async function inspect(name: string) {
    const text = await engine.docker(['image', 'inspect', '--format', '{{json .Config}}', name]);
    return JSON.parse(text) as { User: string; Entrypoint: string[]; Labels: Record<string, string> | null };
  }

  function runOnce(...command: string[]): Promise<string> {
    return engine.docker(['run', '--rm', '--network=none', '--read-only', `vitrine:${version}`, ...command]);
  }
});
