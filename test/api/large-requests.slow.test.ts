import assert from 'node:assert/strict';
import { join } from 'node:path';
import { identity, writeModel } from '../../testkit/models/models.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { jsonBombs } from './bombs.ts';

/** Of the thread's CPU time. The aim is 50; a reader on the event loop takes seconds. */
const heldMsMax = 250;
const pingsMin = 3;

const bombs = jsonBombs();
const answered = new Set(['numbers that are all beyond 2^53', 'long numbers', 'one long text']);
const forBinary = new Set(['numbers, one of them beyond 2^53', 'numbers of two bytes each', 'flags in binary data']);

describe('a request that is large to read', function () {
  this.timeout(180_000);
  const cleanUp = new AsyncDisposableStack();
  let service: ServiceProcess;

  before(async () => {
    const folder = cleanUp.use(await temporaryFolder());
    const models = join(folder.path, 'models');
    for (const datatype of ['FP32', 'FP64', 'INT64', 'BYTES', 'BOOL'] as const)
      await writeModel(models, datatype, identity(datatype));
    service = cleanUp.use(
      await startService({
        VITRINE_DATA: folder.path,
        VITRINE_MODELS: models,
        OTEL_SDK_DISABLED: 'true',
        NODE_OPTIONS: `--import=${join(import.meta.dirname, '../../testkit/watch-loop.ts')}`,
      }),
    );
  });

  after(() => cleanUp.disposeAsync());

  for (const { what, model, headers, body } of bombs)
    it(`holds up nobody else: ${what}`, async () => {
      await heldMs();
      const answer = fetch(`${service.url}/v2/models/${model}/infer`, { method: 'POST', headers, body });
      let isOver = false;
      const over = answer.finally(() => {
        isOver = true;
      });
      let pings = 0;
      while (!isOver) {
        const { status } = await fetch(`${service.url}/v2/models/FP32/infer`, { method: 'POST', body: small });
        assert.equal(status, 200);
        pings += 1;
      }
      const { status } = await over;
      const told = await (await answer).text();
      const held = await heldMs();
      assert.equal(status, answered.has(what) ? 200 : forBinary.has(what) ? 406 : 400, told.slice(0, 300));
      if (status !== 200)
        assert.match((JSON.parse(told) as { error: string }).error, /^Cannot .*VITRINE_|^Cannot .*: the JSON/);
      assert.ok(pings >= pingsMin, `${pings} others were answered meanwhile`);
      assert.ok(held < heldMsMax, `the event loop was held for ${held} ms`);
    });

  it('is answered in JSON as it would be on the event loop', async () => {
    const data = Array.from({ length: 60_000 }, (_, at) => at / 7);
    const answer = await fetch(`${service.url}/v2/models/FP64/infer`, {
      method: 'POST',
      body: JSON.stringify({ id: 'é', inputs: [{ name: 'x', datatype: 'FP64', shape: [1, data.length], data }] }),
    });
    assert.deepEqual(await answer.json(), {
      model_name: 'FP64',
      model_version: '1',
      id: 'é',
      outputs: [{ name: 'y', datatype: 'FP64', shape: [1, data.length], data }],
    });
  });

  it('keeps all digits of whole numbers, and says which is none', async () => {
    const numbers = Array.from({ length: 40_000 }, (_, at) => `${9_007_199_254_740_993n + BigInt(at)}`);
    const infer = (data: readonly string[]) =>
      fetch(`${service.url}/v2/models/INT64/infer`, {
        method: 'POST',
        body: `{"inputs":[{"data":["a","\\"]"],"name":"x","datatype":"INT64","shape":[2,${numbers.length / 2}], "data" : [[${data.slice(0, numbers.length / 2)}],[${data.slice(numbers.length / 2)}]]}]}`,
      });
    const text = await (await infer(numbers)).text();
    assert.ok(text.endsWith(`"data":[${numbers}]}]}`), text.slice(0, 200));
    const bad = await infer([...numbers.slice(0, -1), '1e18']);
    assert.match(await bad.text(), /inputs\[0\]\.data\[1\]\[19999\] is 1e18; a whole number from -9223372036854775808/);
  });

  async function heldMs(): Promise<number> {
    const said = () => service.said().match(/event loop held for [\d.]+/g) ?? [];
    const before = said().length;
    process.kill(service.pid, 'SIGUSR2');
    await waitFor('the service to say how long it was held', () => said().length > before);
    return Number(said().at(-1)!.split(' ').at(-1));
  }
});

const small = '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,1],"data":[1]}]}';
