import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { examineQueues } from '../../launcher/queue-remainder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { waitingQueues } from '../../testkit/waiting-queues.ts';
import { backendFile, baseFile, CollectorProcess, checkout } from './collector-process.ts';
import { numbered, numbersIn, sendUntilTaken } from './numbered-load.ts';
import type { Signal } from './otlp-json.ts';

const signals: readonly Signal[] = ['traces', 'metrics', 'logs'];
const backends = ['tempo', 'prometheus', 'loki'] as const;

describe('the Collector’s queues', function () {
  this.timeout(900_000);
  const deadline = AbortSignal.timeout(300_000);
  let store: CollectorProcess;
  let collector: CollectorProcess;

  beforeEach(async () => {
    store = await CollectorProcess.sink();
    collector = await CollectorProcess.prepare([baseFile, ...backends.map(backendFile)], {
      VITRINE_TEMPO_OTLP_PORT: String(store.grpcPort),
      VITRINE_PROMETHEUS_PORT: String(store.httpPort),
      VITRINE_LOKI_PORT: String(store.httpPort),
    });
  });
  afterEach(async () => {
    await collector?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
  });

  const send = async (from: number, to: number) => {
    for (let number = from; number < to; number += 50) {
      for (const signal of signals) {
        const records = Array.from({ length: Math.min(50, to - number) }, (_, index) =>
          numbered(signal, number + index),
        );
        await sendUntilTaken(collector.url, signal, records, deadline);
      }
    }
  };
  const examine = () => examineQueues({ data: collector.data, root: checkout, backends });
  const arrived = async (signal: Signal) => new Set(numbersIn(signal, await store.received(signal)));
  const untilAllHaveArrived = async (count: number) => {
    for (const signal of signals) {
      await waitFor(`${count} ${signal}`, async () => (await arrived(signal)).size === count, { deadlineMs: 120_000 });
    }
  };

  it('keep what was taken while no backend was there, through kill -9, and send it once one is', async () => {
    await collector.start();
    await send(0, 600);
    await collector.stop('SIGKILL');
    const kept = Object.fromEntries((await examine()).remainders.map(({ backend, items }) => [backend, items]));
    for (const backend of backends) assert.ok((kept[backend] ?? 0) >= 600, `${backend} keeps ${kept[backend]}`);

    await collector.start();
    await store.start();
    await untilAllHaveArrived(600);
  });

  it('lose nothing to a kill -9 while they drain, and again while the load goes on', async () => {
    await collector.start();
    await send(0, 400);
    await store.start();
    const load = send(400, 1200);
    await waitFor('the first spans to arrive', async () => (await arrived('traces')).size > 0);
    await collector.stop('SIGKILL');
    await collector.start();
    await waitFor('half of the spans to be taken', async () => (await arrived('traces')).size > 600);
    await collector.stop('SIGKILL');
    await collector.start();
    await load;
    await untilAllHaveArrived(1200);
    await waitFor('empty queues', async () =>
      (await waitingQueues(collector.data, backends)).every(({ requests }) => requests === 0),
    );
  });

  it('refuse when they are full, so that the sender keeps its data, and take again when there is room', async () => {
    const small = await CollectorProcess.prepare([baseFile, backendFile('tempo')], {
      VITRINE_TEMPO_OTLP_PORT: String(store.grpcPort),
      VITRINE_COLLECTOR_QUEUE_BYTES: '40000',
    });
    try {
      await small.start();
      let taken = 0;
      const givenUp = new AbortController();
      const load = (async () => {
        let refusals = 0;
        for (let number = 0; number < 500; number += 50) {
          const records = Array.from({ length: 50 }, (_, index) => numbered('traces', number + index));
          refusals += await sendUntilTaken(small.url, 'traces', records, givenUp.signal);
          taken = number + 50;
        }
        return refusals;
      })();
      load.catch(() => undefined); // Its end is awaited below.
      await waitFor('the queue to be full', async () =>
        (await small.ownMetrics()).some((line) => /^otelcol_exporter_enqueue_failed_spans.* [1-9]/.test(line)),
      );
      const takenWhileAway = taken;
      assert.ok(takenWhileAway < 500);
      await store.start();
      assert.ok((await load) > 0, 'some must have been refused');
      await waitFor('all spans', async () => (await arrived('traces')).size === 500, { deadlineMs: 60_000 });
    } finally {
      await small[Symbol.asyncDispose]();
    }
  });

  for (const { part, from } of [
    { part: 'head', from: 0 },
    { part: 'body', from: 8192 },
  ]) {
    it(`are set aside when their ${part} is damaged, and the Collector starts`, async () => {
      await collector.start();
      await send(0, 50);
      await collector.stop();
      assert.deepEqual((await examine()).aside, [], 'whole files stay where they are');
      const path = join(collector.data, 'collector/queue/exporter_otlp_grpc_tempo_traces');
      const file = await open(path, 'r+');
      try {
        const length = (await file.stat()).size - from;
        await file.write(Buffer.alloc(length, 7), 0, length, from);
      } finally {
        await file.close();
      }
      const [aside] = (await examine()).aside;
      assert.equal(aside?.path, path);
      assert.match(
        aside?.message ?? '',
        /^Cannot read the queue .*; it was set aside as .*\.backup: restore it from a copy\.$/,
      );
      await collector.start();
      await store.start();
      await send(50, 100);
      await waitFor('what was sent after it, and all of the other queues', async () => {
        const counts = await Promise.all(signals.map(async (signal) => (await arrived(signal)).size));
        return counts.join() === '50,100,100';
      });
    });
  }
});
