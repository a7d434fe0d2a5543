import assert from 'node:assert/strict';
import { connectionsWithinLimit } from '../../src/http/descriptor-limit.ts';

describe('the limit of connections', () => {
  it('leaves descriptors for files where the process may have few of them', () => {
    const limits = { connectionsMax: 10_000, descriptorsReserved: 200 };
    assert.equal(connectionsWithinLimit(limits, 1024), 824);
    assert.equal(connectionsWithinLimit(limits, 150), 75);
    assert.equal(connectionsWithinLimit(limits, 10_200), 10_000);
    assert.equal(connectionsWithinLimit(limits, Number.POSITIVE_INFINITY), 10_000);
  });
});
