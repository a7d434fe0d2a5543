import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { compileShim, type Shim } from '../../testkit/gpu/shim.ts';
import { identity, perceptron, writeModel } from '../../testkit/models/models.ts';
import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';
import { startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { type Watch, watchConnections } from './watched-connections.ts';

const repository = resolve(import.meta.dirname, '../../models');
const shared = ['silero-vad', 'harmonic-percussive', 'procedural-synthesizer', 'gaussian-field', 'dnsmos'];

describe('all connections and name queries', function () {
  this.timeout(240_000);
  let watch: Watch;

  before(async function () {
    watch = availableOrSkip(this, await watchConnections());
  });
  after(() => watch?.[Symbol.asyncDispose]());

  it('of a program are seen: of its threads and its children, TCP, UDP and DNS', async () => {
    const talk = `
      const { connect } = require('node:net');
      const { createSocket } = require('node:dgram');
      connect(9, '127.0.0.1').on('error', () => {});
      require('node:dns').lookup('name.invalid', () => {});
      const udp = createSocket('udp4');
      udp.send('x', 9, '127.0.0.2', () => udp.close());
      const resolver = new (require('node:dns').Resolver)({ timeout: 1, tries: 1 });
      resolver.setServers(['127.0.0.3:9']);
      resolver.resolve4('name.invalid', () => {});`;
    const child = "require('node:net').connect(11, '127.0.0.1').on('error', () => {})";
    const program = `
      new (require('node:worker_threads').Worker)(${JSON.stringify(talk)}, { eval: true });
      require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: 'ignore' });`;
    await promisify(execFile)(process.execPath, ['-e', program], { env: { ...process.env, ...watch.env } });
    const whom = (await watch.contacts()).map((contact) => contact.whom);
    for (const expected of ['127.0.0.1:9', '127.0.0.2:9', '127.0.0.3:9', '127.0.0.1:11', 'name.invalid'])
      assert.ok(whom.includes(expected), `${expected} is not among ${whom.join(', ')}`);
  });

  it('of the service and its lanes, in a full run, go to the Collector and to nobody else', async function () {
    await using folder = await temporaryFolder();
    const shim: Shim = availableOrSkip(this, await compileShim());
    await using _shim = shim;
    const models = join(folder.path, 'models');
    await writeModel(models, 'perceptron', perceptron());
    await writeModel(models, 'apart', identity('FP32'), { manifest: { lanes: { kind: 'process' } } });
    for (const name of shared) await symlink(join(repository, name), join(models, name));
    const receiver = await OtlpReceiver.start();
    const before = (await watch.contacts()).length;
    await using service = await startService({
      ...watch.env,
      ...shim.env,
      LD_LIBRARY_PATH: shim.folder,
      VITRINE_DATA: folder.path,
      VITRINE_MODELS: models,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
    });
    await runEverything(service.url);
    // Gone and back: what reconnects may do so by another way.
    const { port } = receiver;
    const toCollector = async () => (await watch.contacts()).filter(({ whom }) => whom === `127.0.0.1:${port}`).length;
    const beforeItWent = await toCollector();
    receiver.stop();
    await fetch(`${service.url}/v2`, { headers: { 'x-vitrine-trace': '1' } });
    await waitFor('an attempt while it is away', async () => (await toCollector()) > beforeItWent);
    const back = await OtlpReceiver.start(port);
    await waitFor('the Collector to be told again', () => back.received.length > 0);
    assert.equal(await service.kill('SIGTERM'), 0, service.said());
    back.stop();

    const contacts = (await watch.contacts()).slice(before);
    assert.ok(contacts.some(({ pid, whom }) => pid === service.pid && whom === `127.0.0.1:${port}`));
    // A number needs no query, and localhost is answered from a file.
    const isQuestion = ({ by, whom }: (typeof contacts)[number]) =>
      by !== 'getaddrinfo' || !['127.0.0.1', 'localhost', '::1'].includes(whom);
    const others = contacts.filter((contact) => isQuestion(contact) && contact.whom !== `127.0.0.1:${port}`);
    assert.deepEqual(others, []);
  });
});

/**
 * Inference in a thread and a process, tasks of every kind, models reloaded, health, a failure of
 * each side.
 */
async function runEverything(url: string): Promise<void> {
  const ok = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, init);
    const body = Buffer.from(await response.arrayBuffer());
    assert.ok(response.status < 500, `${path} answered ${response.status}: ${body.toString('latin1').slice(0, 300)}`);
  };
  const json = (body: unknown): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-vitrine-trace': '1', 'x-vitrine-profile': '1' },
    body: JSON.stringify(body),
  });
  const tensor = (shape: number[]) => {
    const data = Array(shape.reduce((product, size) => product * size, 1)).fill(0.5);
    return { inputs: [{ name: 'x', datatype: 'FP32', shape, data }] };
  };
  await ok('/v2/models/perceptron/infer', json(tensor([2, 64])));
  await ok('/v2/models/apart/infer', json(tensor([1, 8])));
  await ok('/v2/models/perceptron/infer', json(tensor([1, 3])));
  const speech = await readFile(join(import.meta.dirname, '../../testkit/fixtures/audio/speech.wav'));
  for (const path of ['/separate', '/v1/score', '/v1/speech']) {
    const form = new FormData();
    form.append('file', new Blob([speech], { type: 'audio/wav' }), 'speech.wav');
    await ok(path, { method: 'POST', body: form });
  }
  await ok('/v1/generate', json({ prompt: 'rain', duration_seconds: 1 }));
  const accepted = await fetch(`${url}/v1/generate`, {
    ...json({ prompt: 'wind', duration_seconds: 1 }),
    headers: { 'content-type': 'application/json', prefer: 'respond-async' },
  });
  assert.equal(accepted.status, 202);
  const { id } = (await accepted.json()) as { id: string };
  await waitFor('the job to be done', async () => {
    const { state } = (await (await fetch(`${url}/v1/jobs/${id}`)).json()) as { state: string };
    return state === 'done';
  });
  await ok('/v1/microstructure', json({ alloy: 'Ti-6Al-4V', size: 32, steps: 5 }));
  await ok('/v2/repository/models/perceptron/load', json({}));
  await ok('/v2/repository/models/apart/unload', json({}));
  for (const path of ['/health/detailed', '/health', '/docs', '/openapi.json', '/metrics', '/nowhere', '/v1/requests'])
    await ok(path);
}
