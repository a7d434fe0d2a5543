import assert from 'node:assert/strict';
import { headValue } from '../../src/head-lines.ts';
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

  it('are the same after they were in a table that grew, while others are drawn, and a trace of a caller too', () => {
    const callers = headValue('0123456789abcdef00112233445566ff');
    const table = new IdsTable(1);
    const all = Array.from({ length: 5_000 }, (_, row) => {
      if (row % 100 === 1) table.grow(row + 100);
      return table.draw(row);
    });
    table.setTraceId(7, callers);
    all[7] = { ...all[7]!, traceId: callers };
    for (const [row, ids] of all.entries()) assert.deepEqual(table.get(row), ids);
    assert.deepEqual(table.rowsOf(callers, 5_000), [7]);
    assert.deepEqual(table.rowsOf(all[9]!.spanId, 5_000), [9]);
  });

  it('have nothing else that would be written with them', () => {
    assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(newIds())) as object), ['traceId', 'spanId']);
  });
});
