import assert from 'node:assert/strict';
import { disksIn, interfacesIn } from '../../src/telemetry/host/host-metrics.ts';

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

describe('the network of the machine', () => {
  it('is counted at its interfaces, without loopback and the ends of containers', () => {
    const lines = [
      'Inter-|   Receive                                                |  Transmit',
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
      '    lo: 4711 7 0 0 0 0 0 0 4711 7 0 0 0 0 0 0',
      '  eth0: 100 2 3 4 5 6 7 8 900 10 11 12 13 14 15 16',
      'vethab12: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16',
      ' br-lan:1234567890123 2 0 1 0 0 0 0 5 6 2 3 0 0 0 0',
      '',
    ];
    assert.deepEqual(interfacesIn(lines.join('\n')), [
      {
        device: 'eth0',
        bytes: { receive: 100, transmit: 900 },
        errors: { receive: 3, transmit: 11 },
        dropped: { receive: 4, transmit: 12 },
      },
      {
        device: 'br-lan',
        bytes: { receive: 1_234_567_890_123, transmit: 5 },
        errors: { receive: 0, transmit: 2 },
        dropped: { receive: 1, transmit: 3 },
      },
    ]);
  });
});
