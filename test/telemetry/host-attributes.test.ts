import assert from 'node:assert/strict';
import { hostAttributes } from '../../src/telemetry/host/host-attributes.ts';

describe('the attributes of the host', () => {
  it('leave out what a container does not have', async () => {
    const detector = {
      detect: () => ({
        attributes: { 'host.name': 'web-1', 'host.id': Promise.resolve(undefined), 'host.arch': Promise.resolve('') },
      }),
    };
    assert.deepEqual(await hostAttributes(detector), { 'host.name': 'web-1' });
  });
});
