import assert from 'node:assert/strict';
import type { BatchFacts } from '../../src/engine/inference.ts';
import { Cost } from '../../src/observe/cost.ts';
import { Meter } from '../../src/telemetry/meter.ts';

describe('cost', () => {
  it('is counted by tenant and model, in whatever turns their requests come', async () => {
    const meter = new Meter();
    const cost = new Cost(meter);
    const tenants = ['one', 'other'];
    const models = ['small', 'large'];
    const turns = [0, 1, 2, 3, 3, 2, 0, 0, 1];
    for (const turn of turns) {
      const tenant = tenants[turn >> 1]!;
      const model = models[turn & 1]!;
      cost.requested(tenant, model);
      const batch = { provider: 'cpu', model, rows: 1, cpuMs: 1_000, outputBytes: 8 } as BatchFacts;
      cost.batchEnded(batch, [{ rows: 1, bytes: 2, tenant }]);
    }
    const counted = new Map(
      (await meter.collect()).metrics.map(({ name, points }) => [
        name,
        // A new series exports its zero first.
        points
          .filter(({ value }) => value !== 0)
          .map(({ labels, value }) => `${labels.tenant} ${labels.model} ${value}`)
          .sort(),
      ]),
    );
    const wanted = (each: number) => [
      `one large ${2 * each}`,
      `one small ${3 * each}`,
      `other large ${2 * each}`,
      `other small ${2 * each}`,
    ];
    assert.deepEqual(counted.get('cost.requests'), wanted(1));
    assert.deepEqual(counted.get('cost.cpu'), wanted(1));
    assert.deepEqual(counted.get('cost.io'), wanted(10));
  });
});
