import assert from 'node:assert/strict';
import { newIds } from '../../src/telemetry/ids.ts';

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
});
