import assert from 'node:assert/strict';
import { createHash, randomInt } from 'node:crypto';
import { symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { gather, identity, writeModel } from '../../testkit/models/models.ts';
import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { Graph, writeOnnx } from '../../tools/models/onnx/write-onnx.ts';

const key = 'canary-key-0123456789abcdef0123456789abcdef';
const prompt = 'canary bell in the canary rain';
/** Looked for as text: a number that nothing else would write. */
const wrongIndex = randomInt(7_000_000, 8_000_000);
const words = 'canary-bytes-in-a-tensor';

describe('the log lines of the service', function () {
  this.timeout(120_000);
  let receiver: OtlpReceiver;
  let service: ServiceProcess;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  const told = () => receiver.received.map((bytes) => bytes.toString('latin1')).join('\n');
  const post = (path: string, body: unknown) =>
    fetch(`${service.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const pick = (model: string, index: number) =>
    post(`/v2/models/${model}/infer`, { inputs: [{ name: 'index', datatype: 'INT64', shape: [1, 1], data: [index] }] });

  before(async () => {
    folder = await temporaryFolder();
    const models = join(folder.path, 'models');
    await writeModel(models, 'gather', gather());
    await writeModel(models, 'gather_apart', gather(), { manifest: { lanes: { kind: 'process' } } });
    await writeModel(models, 'wasteful', wasteful(), { manifest: { lanes: { kind: 'process' } } });
    await writeModel(models, 'words', identity('BYTES'));
    await symlink(
      resolve(import.meta.dirname, '../../models/procedural-synthesizer'),
      join(models, 'procedural-synthesizer'),
    );
    const keys = join(folder.path, 'keys.json');
    const sha256 = createHash('sha256').update(key).digest('hex');
    await writeFile(keys, JSON.stringify({ keys: [{ name: 'tenant-of-the-test', sha256 }] }), { mode: 0o600 });
    receiver = await OtlpReceiver.start();
    service = await startService({
      VITRINE_DATA: folder.path,
      VITRINE_MODELS: models,
      VITRINE_API_KEYS_FILE: keys,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
    });
  });

  after(async () => {
    await service?.[Symbol.asyncDispose]();
    receiver?.stop();
    await folder?.[Symbol.asyncDispose]();
  });

  it('hold what ONNX Runtime says: warnings of a lane that is a process, and each run that failed', async () => {
    assert.equal((await pick('gather_apart', wrongIndex)).status, 500);
    assert.equal((await pick('gather', wrongIndex)).status, 500);
    await waitFor('the lines', () => told().includes('run_failed') && told().includes('onnx_message'));
    await waitFor('the warning at load', () => told().includes("Removing initializer 'never_used'"));
    assert.match(told(), /Gather node\. Name:'pick'/, 'the operator and its node are named');
    assert.match(told(), /idx=#/, 'the index is not');
  });

  it('say where they were written, and for whom', async () => {
    await waitFor('the place', () => told().includes('engine/registry/onnx-messages.ts'));
    assert.match(told(), /code\.function\.name/);
    assert.match(told(), /tenant-of-the-test/);
  });

  it('hold no inputs, prompts or keys, whether it went well or not, nor does the terminal or anything else that is told', async () => {
    assert.equal((await post('/v1/generate', { prompt, duration_seconds: 1 })).status, 200);
    assert.equal((await post('/v1/generate', { prompt, duration_seconds: 1e9 })).status, 400);
    const tensor = { name: 'x', datatype: 'BYTES', shape: [1, 1], data: [words] };
    assert.equal((await post('/v2/models/words/infer', { inputs: [tensor] })).status, 200);
    assert.equal((await post('/v2/models/words/infer', { inputs: [{ ...tensor, name: words }] })).status, 400);
    assert.equal((await post(`/v2/models/${words}/infer`, { inputs: [tensor] })).status, 404);
    const stranger = await fetch(`${service.url}/v1/generate`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}0` },
    });
    assert.equal(stranger.status, 401);
    assert.equal(await service.kill('SIGTERM'), 0);
    const everything = `${told()}\n${service.said()}`;
    assert.match(everything, /POST \/v1\/generate 401/, 'the requests themselves are told');
    assert.match(everything, /Task generate done/);
    for (const secret of ['canary', key, prompt, words, String(wrongIndex)])
      assert.ok(!everything.includes(secret), `${secret} is told: ${around(everything, secret)}`);
  });
});

/** ONNX Runtime warns of a constant that nothing uses. */
function wasteful(): Uint8Array {
  const graph = new Graph('wasteful');
  graph.input('x', 'FP32', ['batch', 4]);
  graph.constant('never_used', 'FP32', [4], [1, 2, 3, 4]);
  graph.node('Identity', ['x'], { name: 'copy', outputs: ['y'] });
  graph.output('y', 'FP32', ['batch', 4]);
  return writeOnnx(graph);
}

function around(text: string, word: string): string {
  const at = text.indexOf(word);
  return JSON.stringify(text.slice(Math.max(0, at - 200), at + 100));
}
