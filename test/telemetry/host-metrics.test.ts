import assert from 'node:assert/strict';
import { disksIn } from '../../src/telemetry/host-metrics.ts';

describe('the disks of the machine', () => {
  it('are counted whole and once: no partitions, no loop devices, no memory', () => {
    const lines = [
      '   7       0 loop0 11 0 28 0 0 0 0 0 0 4 0 0 0 0 0 0 0',
      ' 259       0 nvme0n1 5 0 16 9 7 0 32 4 0 1 1 0 0 0 0 0 0',
      ' 259       1 nvme0n1p1 5 0 16 9 7 0 32 4 0 1 1 0 0 0 0 0 0',
      '   1       0 ram0 0 0 0 0 0 0 0 0 0 0 0',
      '',
    ];
    assert.deepEqual(disksIn(lines.join('\n')), [{ device: 'nvme0n1', readBytes: 8192, writtenBytes: 16_384 }]);
  });
});
