import assert from 'node:assert/strict';
import { Ledger } from '../../src/telemetry/export/ledger.ts';
import { Outbox, Parcel } from '../../src/telemetry/export/outbox.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('outbox', () => {
  it('sends a full batch at once and the rest after the wait', async () => {
    const { outbox, batches } = rig({ batchItemsMax: 3, memoryItemsMax: 100 });
    for (let item = 0; item < 4; item += 1) outbox.add(item);
    await waitFor('both batches', () => batches.flat().length === 4);
    assert.deepEqual(batches, [[0, 1, 2], [3]]);
  });

  it('drops and counts the newest when the memory limit is reached', async () => {
    const { outbox, ledger, batches } = rig({ batchItemsMax: 100, memoryItemsMax: 5 });
    for (let item = 0; item < 8; item += 1) outbox.add(item);
    assert.equal(ledger.account('traces').dropped.memory_full, 3);
    assert.equal(ledger.missing('traces'), 0);
    await outbox.drain();
    assert.deepEqual(batches, [[0, 1, 2, 3, 4]]);
  });

  it('says that it is behind while more than half of what may wait does', async () => {
    const gate = Promise.withResolvers<void>();
    const { outbox, behind } = rig({ batchItemsMax: 2, memoryItemsMax: 8 }, () => gate.promise);
    for (let item = 0; item < 10; item += 1) outbox.add(item);
    gate.resolve();
    await outbox.drain();
    assert.deepEqual(behind, [false, true, false, false, false]);
  });

  it('goes on filling while a batch is being taken', async () => {
    const gate = Promise.withResolvers<void>();
    const { outbox, batches } = rig({ batchItemsMax: 2, memoryItemsMax: 100 }, () => gate.promise);
    for (let item = 0; item < 5; item += 1) outbox.add(item);
    assert.deepEqual(batches, [[0, 1]]);
    gate.resolve();
    await outbox.drain();
    assert.deepEqual(batches, [[0, 1], [2, 3], [4]]);
  });
});

function rig(
  limits: { batchItemsMax: number; memoryItemsMax: number },
  hold: () => Promise<void> = async () => undefined,
) {
  const ledger = new Ledger();
  const batches: number[][] = [];
  const behind: boolean[] = [];
  const outbox = new Outbox<number, number[]>({
    memoryItemsMax: limits.memoryItemsMax,
    parcel: new Parcel(limits.batchItemsMax, (items: number[]) => items),
    signal: 'traces',
    ledger,
    waitMsMax: 20,
    accept: async (batch, _count, isBehind) => {
      behind.push(isBehind);
      batches.push(batch);
      await hold();
    },
  });
  return { ledger, batches, behind, outbox };
}
