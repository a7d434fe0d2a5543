import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { lookEveryMs, observeEventLoopDelay } from '../../src/telemetry/host/event-loop-delay.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('the delay of the event loop', () => {
  const meter = new Meter();
  before(() => observeEventLoopDelay(meter));

  it('is what timers are late, not what they were to wait', async () => {
    const least = await waitFor('several looks', async () => (await delays()).min);
    assert.ok(least < lookEveryMs / 1000, `${least} s is what a timer waits that is in time`);
  });

  it('says how long the longest stop was, and forgets it', async () => {
    const stopMs = 4 * lookEveryMs;
    await waitFor('the stop', async () => {
      // Before it and after it a look: the first since it was asked says nothing.
      await aLook();
      const until = performance.now() + stopMs;
      while (performance.now() < until);
      await aLook();
      return ((await delays()).max ?? 0) >= (stopMs - lookEveryMs) / 1000;
    });
    await waitFor('a look after that', async () => ((await delays()).max ?? 1) < stopMs / 2000);
  });

  /** Since it was last asked; empty while nobody has looked since. */
  async function delays(): Promise<{ min?: number; max?: number }> {
    const { metrics } = await meter.collect();
    const of = (which: string) => {
      const found = metrics.find(({ name }) => name === `nodejs.eventloop.delay.${which}`);
      return found?.kind === 'gauge' ? found.points[0]?.value : undefined;
    };
    const [min, max] = [of('min'), of('max')];
    return { ...(min !== undefined && { min }), ...(max !== undefined && { max }) };
  }

  function aLook(): Promise<void> {
    return pause(2 * lookEveryMs);
  }
});
