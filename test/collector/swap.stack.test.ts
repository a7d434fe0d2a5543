import assert from 'node:assert/strict';
import { tempoTraceIds } from '../../testkit/backends.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { waitingQueues } from '../../testkit/waiting-queues.ts';
import { CollectorProcess } from './collector-process.ts';
import { startNumberedLoad } from './numbered-load.ts';
import { decode } from './otlp-json.ts';

describe('swapping backends under load', function () {
  this.timeout(900_000);
  let stack: Stack;
  let other: CollectorProcess;

  before(async () => {
    // Another make of server, as far as the Collector knows: OTLP in, by its own file of
    // otel-collector/backends.
    other = await CollectorProcess.sink();
    await other.start();
    stack = await startStack({
      only: ['collector', 'tempo'],
      env: { VITRINE_BACKENDS: 'tempo', VITRINE_JAEGER_OTLP_PORT: String(other.grpcPort) },
    });
  });
  after(async () => {
    await stack?.close();
    await other?.[Symbol.asyncDispose]();
  });

  const inTempo = () => tempoTraceIds(stack.url('tempo'), '{ resource.service.name = "numbered" }');
  const inOther = async () =>
    new Set(decode('traces', await other.received('traces')).map(({ record }) => String(record.traceId)));
  const remainder = async (backends: string[]) =>
    (await waitingQueues(stack.data, backends)).find((one) => one.backend === 'tempo');

  it('loses nothing, sends nothing twice but what was unacknowledged, and knows what waits for a backend that is no longer named', async () => {
    const load = startNumberedLoad(`http://127.0.0.1:${stack.port('otlpHttpPort')}`, ['traces']);
    const sent = load.sent.traces;
    await waitFor('traces in Tempo', async () => (await inTempo()).size > 0, { deadlineMs: 60_000 });

    // Tempo stops, so that something is left for it when its name is taken off the list.
    await stack.stop('tempo');
    const taken = sent.size;
    await waitFor('traces that wait for Tempo', () => sent.size > taken + 50);
    await stack.restart('collector', { env: { VITRINE_BACKENDS: 'jaeger' } });
    await waitFor('traces in the other server', async () => (await inOther()).size > 50);

    const waiting = await remainder(['jaeger']);
    assert.equal(waiting?.inUse, false);
    assert.ok((waiting?.items ?? 0) >= 50, `${waiting?.items} spans wait for Tempo`);

    await stack.start('tempo');
    await stack.restart('collector', { env: { VITRINE_BACKENDS: 'tempo' } });
    const before = sent.size;
    await waitFor('more traces', () => sent.size > before + 100);
    await load.stop();

    const union = async () => new Set([...(await inTempo()), ...(await inOther())]);
    await waitFor('all traces', async () => (await union()).size >= sent.size, { deadlineMs: 120_000 });
    assert.deepEqual([...(await union())].sort(), [...sent].sort());
    const elsewhere = await inOther();
    const both = [...(await inTempo())].filter((id) => elsewhere.has(id));
    assert.deepEqual(
      both.filter((id) => !load.retried.has(id)),
      [],
      'only what had to be sent again may be in both',
    );
    assert.equal((await remainder(['tempo']))?.requests, 0);
  });
});
