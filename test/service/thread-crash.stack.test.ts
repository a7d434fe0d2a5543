import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { divide, identity, writeModel } from '../../testkit/models/models.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

// A native crash in a thread lane takes the process: models that are not trusted run in process
// lanes. This is what happens all the same.

describe('a native crash in a thread lane', function () {
  this.timeout(180_000);
  let models: Awaited<ReturnType<typeof temporaryFolder>>;
  let stack: Stack;

  before(async () => {
    models = await temporaryFolder();
    await writeModel(models.path, 'divide', divide(), { manifest: { lanes: { kind: 'thread' } } });
    await writeModel(models.path, 'copy', identity('FP32'));
    stack = await startStack({
      only: ['collector', 'service'],
      env: { VITRINE_MODELS: models.path, VITRINE_BACKENDS: 'file', VITRINE_TRACE_FIRST_PER_SECOND: '1000' },
      autoRestart: true,
    });
  });

  after(async () => {
    await stack?.close();
    await models?.[Symbol.asyncDispose]();
  });

  it('costs the process, which is back within seconds, with the telemetry that waited on disk', async () => {
    await stack.stop('collector');
    const pid = stack.pid('service');
    const before = await fetch(`${stack.url('service')}/v2`);
    assert.equal(before.status, 200);
    const spooled = await waitFor('the spool', async () => (await recoverable(stack)) > 0 && true);
    assert.ok(spooled);

    const crash = infer(stack.url('service'), 'divide', 'INT32', [
      ['x', [-(2 ** 31)]],
      ['divisor', [-1]],
    ]);
    await assert.rejects(crash, 'the connection breaks, since the process is gone');
    await waitFor('a new process', () => stack.pid('service') !== undefined && stack.pid('service') !== pid, {
      deadlineMs: 60_000,
    });
    await waitFor('the service', async () => (await fetch(`${stack.url('service')}/ready`)).ok, { deadlineMs: 60_000 });
    assert.equal(stack.restarts('service'), 1);
    const answer = await infer(stack.url('service'), 'copy', 'FP32', [['x', [1]]]);
    assert.equal(answer.status, 200);

    await stack.start('collector');
    await waitFor('the empty spool', async () => (await recoverable(stack)) === 0, { deadlineMs: 60_000 });
  });
});

/** Trace requests that wait in the service's spool. */
async function recoverable(stack: Stack): Promise<number> {
  return (await readdir(`${stack.data}/service/spool/traces`)).filter((name) => name.endsWith('.otlp')).length;
}

function infer(url: string, model: string, datatype: string, inputs: [string, number[]][]): Promise<Response> {
  return fetch(`${url}/v2/models/${model}/infer`, {
    method: 'POST',
    body: JSON.stringify({ inputs: inputs.map(([name, data]) => ({ name, datatype, shape: [1, data.length], data })) }),
  });
}
