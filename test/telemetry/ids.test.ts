import assert from 'node:assert/strict';
import { IdsTable, newIds } from '../../src/telemetry/ids.ts';

describe('the ids of a request', () => {
  it('are hex of the lengths that trace context wants, and never the same twice', () => {
    const seen = new Set<string>();
    for (let count = 0; count < 5_000; count += 1) {
      const { traceId, spanId } = newIds();
      assert.match(traceId, /^[0-9a-f]{32}$/);
      assert.match(spanId, /^[0-9a-f]{16}$/);
      seen.add(traceId).add(spanId);
    }
    assert.equal(seen.size, 10_000);
  });

  it('are the same after they were in a table, while others are drawn, and the ones of a caller too', () => {
    const callers = { traceId: '0123456789abcdef00112233445566ff', spanId: 'fedcba9876543210' };
    const drawn = Array.from({ length: 5_000 }, () => newIds());
    // The first were drawn so long ago that only their letters are left.
    const all = [
      drawn[0]!,
      callers,
      ...drawn.slice(-3),
      newIds(),
      { traceId: callers.traceId, spanId: newIds().spanId },
    ];
    const table = new IdsTable(all.length);
    for (const [row, ids] of all.entries()) table.set(row, ids);
    for (const [row, { traceId, spanId }] of all.entries()) assert.deepEqual(table.get(row), { traceId, spanId });
  });

  it('have nothing else that would be written with them', () => {
    assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(newIds())) as object), ['traceId', 'spanId']);
  });
});
