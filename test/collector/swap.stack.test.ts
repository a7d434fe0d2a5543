import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { tempoTraceIds } from '../../testkit/backends.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { waitingQueues } from '../../testkit/waiting-queues.ts';
import { CollectorProcess } from './collector-process.ts';
import { numbered, sendUntilTaken } from './numbered-load.ts';
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
    const load = startLoad(`http://127.0.0.1:${stack.port('otlpHttpPort')}`);
    await waitFor('traces in Tempo', async () => (await inTempo()).size > 0, { deadlineMs: 60_000 });

    // Tempo stops, so that something is left for it when its name is taken off the list.
    await stack.stop('tempo');
    const taken = load.sent.size;
    await waitFor('traces that wait for Tempo', () => load.sent.size > taken + 50);
    await stack.restart('collector', { env: { VITRINE_BACKENDS: 'jaeger' } });
    await waitFor('traces in the other server', async () => (await inOther()).size > 50);

    const waiting = await remainder(['jaeger']);
    assert.equal(waiting?.inUse, false);
    assert.ok((waiting?.items ?? 0) >= 50, `${waiting?.items} spans wait for Tempo`);

    await stack.start('tempo');
    await stack.restart('collector', { env: { VITRINE_BACKENDS: 'tempo' } });
    const before = load.sent.size;
    await waitFor('more traces', () => load.sent.size > before + 100);
    await load.stop();

    const union = async () => new Set([...(await inTempo()), ...(await inOther())]);
    await waitFor('all traces', async () => (await union()).size >= load.sent.size, { deadlineMs: 120_000 });
    assert.deepEqual([...(await union())].sort(), [...load.sent].sort());
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

/** Ten traces at a time, one batch after the other, each until it is taken. */
function startLoad(url: string) {
  const sent = new Set<string>();
  const retried = new Set<string>();
  const ended = new AbortController();
  const deadline = AbortSignal.timeout(300_000);
  const running = (async () => {
    for (let number = 0; !ended.signal.aborted; number += 10) {
      const ids = Array.from({ length: 10 }, () => randomBytes(16).toString('hex'));
      const records = ids.map((id, index) => numbered('traces', number + index, id));
      const refusals = await sendUntilTaken(url, 'traces', records, deadline);
      for (const id of ids) sent.add(id);
      if (refusals > 0) for (const id of ids) retried.add(id);
      await pause(20); // The pace of the load; nothing waits for it.
    }
  })();
  running.catch(() => undefined); // It is awaited in stop().
  return {
    sent,
    retried,
    stop: () => {
      ended.abort();
      return running;
    },
  };
}
