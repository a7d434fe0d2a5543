import assert from 'node:assert/strict';
import { slow, writeModel } from '../../testkit/models/models.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('a stop', function () {
  this.timeout(60_000);

  it('answers what runs and what waits, and refuses new work first', async () => {
    await using rig = await withSlowModel({ VITRINE_STOP_NOTICE_MS: '1500', VITRINE_STOP_MS_MAX: '30000' });
    const { service } = rig;
    // One runs, the others wait for it: the model takes one request at a time.
    const answers = Array.from({ length: 5 }, () => infer(service, 1000));
    await waitFor('all of them in the service', async () => (await waiting(service)) >= 3, { everyMs: 10 });
    const ended = service.kill('SIGTERM');
    const ready = await waitFor(
      '/ready to fail',
      async () => {
        const answer = await fetch(`${service.url}/ready`);
        return answer.status === 503 && answer;
      },
      { everyMs: 10 },
    );
    assert.match(await ready.text(), /the service is stopping/);
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    assert.deepEqual(statuses, [200, 200, 200, 200, 200]);
    assert.equal(await ended, 0, service.said());
    await assert.rejects(fetch(`${service.url}/live`));
  });

  it('does not wait for callers who keep their connection', async () => {
    await using rig = await withSlowModel({ VITRINE_STOP_MS_MAX: '60000' });
    // fetch keeps its connection for the next request.
    for (let count = 0; count < 3; count += 1) assert.equal((await infer(rig.service, 1)).status, 200);
    const stoppedAt = performance.now();
    assert.equal(await rig.service.kill('SIGTERM'), 0, rig.service.said());
    assert.ok(performance.now() - stoppedAt < 25_000);
  });

  it('ends at once with a second signal, but not with the echo of the first', async () => {
    await using rig = await withSlowModel({ VITRINE_STOP_MS_MAX: '60000' });
    const { service } = rig;
    const lost = infer(service, 100_000).then(
      () => 'answered',
      () => 'lost',
    );
    await waitFor('the request in the service', async () => (await waiting(service)) >= 1, { everyMs: 10 });
    const ended = service.kill('SIGTERM');
    await waitFor('the stop to begin', () => service.said().includes('Stopping'), { everyMs: 10 });
    // What comes at once is the same Ctrl-C, delivered twice.
    let signals = 0;
    // Killed by its own hand: a thread inside ONNX Runtime cannot be ended otherwise.
    let isOver = false;
    void ended.then(() => (isOver = true));
    const askAgain = () => {
      signals += 1;
      void service.kill('SIGINT');
      return undefined;
    };
    await waitFor('its end', () => isOver || askAgain(), { everyMs: 500 });
    assert.ok(signals > 1, 'the first one was taken for an echo');
    assert.equal(await ended, null);
    assert.equal(await lost, 'lost');
  });

  it('does not wait longer than it may for a run that does not end', async () => {
    await using rig = await withSlowModel({ VITRINE_STOP_MS_MAX: '2000' });
    const lost = infer(rig.service, 1_000_000).catch(() => 'lost');
    await waitFor('the request in the service', async () => (await waiting(rig.service)) >= 1, { everyMs: 10 });
    const stoppedAt = performance.now();
    await rig.service.kill('SIGTERM');
    assert.ok(performance.now() - stoppedAt < 25_000);
    assert.equal(await lost, 'lost');
  });
});

async function withSlowModel(env: Record<string, string>) {
  const folder = await temporaryFolder();
  await writeModel(folder.path, 'slow', slow());
  const service = await startService({
    VITRINE_DATA: folder.path,
    VITRINE_MODELS: folder.path,
    OTEL_SDK_DISABLED: 'true',
    ...env,
  });
  return {
    service,
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function infer(service: ServiceProcess, iterations: number): Promise<Response> {
  return fetch(`${service.url}/v2/models/slow/infer`, {
    method: 'POST',
    body: JSON.stringify({
      inputs: [
        { name: 'x', datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] },
        { name: 'iterations', datatype: 'INT64', shape: [], data: [iterations] },
      ],
    }),
  });
}

/** Inference requests that the service has taken and not answered yet. */
async function waiting(service: ServiceProcess): Promise<number> {
  const answer = await fetch(`${service.url}/health/detailed`);
  const told = (await answer.json()) as { requests_in_flight: number };
  return told.requests_in_flight;
}
