import assert from 'node:assert/strict';
import { Watchdog } from '../../src/receiver/watchdog.ts';
import { Meter } from '../../src/telemetry/meter.ts';

const firing = [{ name: 'Watchdog', state: 'firing' }] as const;

describe('the receiver’s watchdog', () => {
  it('says that no alert gets through once Watchdog was silent for too long, and that they do when it is heard', () => {
    const watchdog = new Watchdog(new Meter(), 1_000, 0);
    watchdog.look(999);
    assert.equal(watchdog.silent, false);
    watchdog.look(1_000);
    assert.equal(watchdog.silent, true);
    watchdog.heard(firing, 1_100);
    assert.equal(watchdog.silent, false);
    watchdog.look(2_099);
    assert.equal(watchdog.silent, false);
  });

  it('takes the end of Watchdog, and other alerts, for no sign of life', () => {
    const watchdog = new Watchdog(new Meter(), 1_000, 0);
    watchdog.heard([{ name: 'Watchdog', state: 'resolved' }], 900);
    watchdog.heard([{ name: 'GPUHot', state: 'firing' }], 900);
    watchdog.look(1_000);
    assert.equal(watchdog.silent, true);
  });

  it('is switched off by 0', () => {
    const watchdog = new Watchdog(new Meter(), 0, 0);
    watchdog.look(1e9);
    assert.equal(watchdog.silent, false);
  });
});
