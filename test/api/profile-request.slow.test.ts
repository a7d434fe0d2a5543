import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { perceptron, slow, writeModel } from '../../testkit/models/models.ts';
import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { writeCredentials } from '../../testkit/write-credentials.ts';

const keys = { may: 'the-key-that-may-profile', 'may-not': 'the-key-that-may-not' };
const adminToken = 'a-token-of-the-administrator';

describe('an operator profile', function () {
  this.timeout(60_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let receiver: OtlpReceiver;
  let service: ServiceProcess;

  before(async () => {
    folder = await temporaryFolder();
    const models = join(folder.path, 'models');
    await writeModel(models, 'mlp', perceptron());
    await writeModel(models, 'slow', slow());
    const credentials = await writeCredentials(folder.path, {
      keys,
      adminToken,
      rights: { may: { may_profile: true } },
    });
    receiver = await OtlpReceiver.start();
    service = await startService({
      VITRINE_DATA: `${folder.path}/data`,
      VITRINE_MODELS: models,
      ...credentials,
      VITRINE_TRACE_FIRST_PER_SECOND: '0',
      VITRINE_PROFILE_MS_MAX: '15000',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
    });
  });

  after(async () => {
    await service?.[Symbol.asyncDispose]();
    receiver?.stop();
    await folder?.[Symbol.asyncDispose]();
  });

  it('puts every operator on the trace of who asked, and changes nothing of the answer', async () => {
    const plain = await infer('mlp', keys.may);
    const profiled = await infer('mlp', keys.may, { 'x-vitrine-profile': '1' });
    assert.deepEqual(await outputsOf(profiled), await outputsOf(plain));
    const spans = await told(profiled, 'inference.profile.top');
    for (const word of ['inference.operator', 'onnx.op_type', 'Gemm', 'CPUExecutionProvider', 'float[1,64]'])
      assert.ok(spans.includes(word), word);
    assert.ok((await told(profiled, 'inference.run')).includes('profiled'));
    assert.deepEqual(await readdir(join(folder.path, 'data', 'profiles')), [], 'nothing is left on disk');
  });

  it('is refused to a key that may not ask for one', async () => {
    const refused = await infer('mlp', keys['may-not'], { 'x-vitrine-profile': '1' });
    assert.equal(refused.status, 403);
    assert.match(((await refused.json()) as { error: string }).error, /may_profile/);
    assert.equal((await infer('mlp', keys['may-not'])).status, 200);
  });

  it('is made of one at a time: whoever comes meanwhile has the answer, and a trace that says so', async () => {
    const first = await infer('slow', adminToken, { 'x-vitrine-profile': '1' }, 300);
    assert.equal(first.status, 200);
    const second = await infer('mlp', adminToken, { 'x-vitrine-profile': '1' });
    assert.equal(second.status, 200);
    assert.ok((await told(second, 'inference.run')).includes('busy'));
    await told(first, 'inference.profile.top');
  });

  it('is made by rate, when the trace settings of the model say so', async () => {
    const changed = await fetch(`${service.url}/v2/models/mlp/trace/setting`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminToken}` },
      body: JSON.stringify({ profile_rate: 2 }),
    });
    assert.equal(changed.status, 200, await changed.clone().text());
    const answers = [await infer('mlp', keys['may-not']), await infer('mlp', keys['may-not'])];
    await told(answers[1]!, 'inference.profile.top');
    const other = traceIdOf(answers[0]!);
    assert.ok(!receiver.received.some((bytes) => bytes.includes(other)));
  });

  /** What was exported of a trace that has this word in it. */
  function told(answer: Response, word: string): Promise<Buffer> {
    const traceId = traceIdOf(answer);
    return waitFor(`${word} on the trace`, () =>
      receiver.received.find((bytes) => bytes.includes(traceId) && bytes.includes(word)),
    );
  }

  function infer(
    model: 'mlp' | 'slow',
    key: string,
    headers: Record<string, string> = {},
    iterations = 1,
  ): Promise<Response> {
    const x = {
      name: 'x',
      datatype: 'FP32',
      shape: model === 'mlp' ? [1, 64] : [4],
      data: new Array(model === 'mlp' ? 64 : 4).fill(0.5),
    };
    const inputs =
      model === 'mlp' ? [x] : [x, { name: 'iterations', datatype: 'INT64', shape: [], data: [iterations] }];
    return fetch(`${service.url}/v2/models/${model}/infer`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, ...headers },
      body: JSON.stringify({ inputs }),
    });
  }
});

function traceIdOf(answer: Response): Buffer {
  return Buffer.from(answer.headers.get('traceresponse')?.split('-')[1] ?? '', 'hex');
}

async function outputsOf(answer: Response): Promise<unknown> {
  return ((await answer.json()) as { outputs: unknown }).outputs;
}
