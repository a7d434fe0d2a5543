import assert from 'node:assert/strict';
import { idsBytes, newIds, readIds, writeIds } from '../../src/telemetry/ids.ts';

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

  it('are the same after they were bytes, the ones of a caller too', () => {
    const bytes = Buffer.alloc(3 * idsBytes, 0xff);
    const callers = { traceId: '0123456789abcdef00112233445566ff', spanId: 'fedcba9876543210' };
    for (const ids of [newIds(), callers]) {
      writeIds(ids, bytes, idsBytes);
      assert.deepEqual(readIds(bytes, idsBytes), ids);
      assert.equal(bytes.toString('hex', idsBytes, 2 * idsBytes), ids.traceId + ids.spanId);
    }
    assert.equal(bytes.toString('hex', 0, idsBytes), 'f'.repeat(2 * idsBytes));
    assert.equal(bytes.toString('hex', 2 * idsBytes), 'f'.repeat(2 * idsBytes));
  });
});
