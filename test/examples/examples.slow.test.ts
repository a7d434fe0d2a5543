import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readWav } from '../../src/audio/read-wav.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { ourModels } from '../../testkit/task-runner.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

const run = promisify(execFile);
const example = (name: string) => join(import.meta.dirname, '../../examples', name);
/** README asks for Node 20: npm runs on what is installed, and so do readers. */
const nodeOfReaders = process.env.npm_node_execpath ?? process.execPath;
const python = process.env.VITRINE_TEST_PYTHON ?? 'python3';

describe('the examples', function () {
  this.timeout(120_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let service: ServiceProcess;
  let env: NodeJS.ProcessEnv;

  before(async () => {
    folder = await temporaryFolder();
    service = await startService({
      VITRINE_DATA: join(folder.path, 'data'),
      VITRINE_MODELS: ourModels,
      VITRINE_TASKS_PER_MINUTE_MAX: '1000',
      OTEL_SDK_DISABLED: 'true',
    });
    env = { ...process.env, VITRINE_URL: service.url };
    await run(nodeOfReaders, [example('make-sounds.mjs'), folder.path]);
  });
  after(async () => {
    await service?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  const file = (name: string) => readFile(join(folder.path, name));
  const json = async (name: string) => JSON.parse(await readFile(join(folder.path, name), 'utf8'));

  it('with curl do every task, and a job', async () => {
    await run('bash', [example('curl.sh'), folder.path], { env });
    assert.equal((await file('stems.zip')).toString('latin1', 0, 2), 'PK');
    for (const name of ['percussive.wav', 'harmonic.wav'])
      assert.equal(readWav(await file(name)).channels[0]?.length, 3 * 44_100);
    assert.equal(readWav(await file('bells.wav')).channels[0]?.length, 3 * 44_100);
    assert.match(String(await file('bells.headers')), /x-vitrine-facts: .*bells/i);
    assert.ok((await json('score.json')).files[0].against_reference.snr_db > 5);
    assert.equal((await json('ranking.json')).ranking.length, 2);
    assert.equal((await file('titanium.png')).toString('latin1', 1, 4), 'PNG');
    assert.ok((await json('titanium.json')).model_accuracy > 0.5);
    assert.deepEqual((await json('speech.json')).segments, []);
  });

  it('in JavaScript fetch the stems by their links', async () => {
    const { stdout } = await run(
      nodeOfReaders,
      [example('separate.mjs'), join(folder.path, 'music.wav'), folder.path],
      { env },
    );
    assert.match(stdout, /harmonic\.wav\n.*percussive\.wav\n00-[0-9a-f]{32}-/);
  });

  it('in Python with requests print measures', async function () {
    availableOrSkip(this, await packageOf('requests'));
    const { stdout } = await run(
      python,
      [example('score.py'), join(folder.path, 'noisy.wav'), join(folder.path, 'music.wav')],
      { env },
    );
    assert.match(stdout, /snr_db [\d.]+\n/);
  });

  it('in Python with Triton’s client run a model on tensors', async function () {
    availableOrSkip(this, await packageOf('tritonclient.http'));
    const { stdout } = await run(python, [example('triton_infer.py')], { env });
    assert.ok(Number(stdout.split(':')[1]) < 1e-4, stdout);
  });
});

async function packageOf(name: string): Promise<{ name: string } | { unavailable: string }> {
  return run(python, ['-c', `import ${name}`]).then(
    () => ({ name }),
    () => ({ unavailable: `${python} has no package ${name}; install it and name that Python in VITRINE_TEST_PYTHON` }),
  );
}
