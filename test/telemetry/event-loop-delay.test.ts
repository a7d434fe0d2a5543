import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { lookEveryMs, observeEventLoopDelay } from '../../src/telemetry/host/event-loop-delay.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('the delay of the event loop', () => {
  const told = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: told, exportIntervalMillis: 600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  before(() => {
    metrics.setGlobalMeterProvider(provider);
    observeEventLoopDelay();
  });
  after(async () => {
    await provider.shutdown();
    metrics.disable();
  });

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
    told.reset();
    await reader.forceFlush();
    const of = (name: string) =>
      told
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
        .find(({ descriptor }) => descriptor.name === `nodejs.eventloop.delay.${name}`)?.dataPoints[0]?.value as
        | number
        | undefined;
    const [min, max] = [of('min'), of('max')];
    return { ...(min !== undefined && { min }), ...(max !== undefined && { max }) };
  }

  function aLook(): Promise<void> {
    return pause(2 * lookEveryMs);
  }
});
