import assert from 'node:assert/strict';
import { readConfig } from '../../src/config.ts';
import { PushedSeries } from '../../src/receiver/pushed-series.ts';
import { Store } from '../../src/receiver/store.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

const config = readConfig({});
const jobs = { kind: 'counter', name: 'jobs', unit: '', labels: {}, value: 1 } as const;

describe('pushed series', () => {
  it('never go back to 0, though an export came between two pushes or in the midst of one', async () => {
    await using folder = await temporaryFolder();
    const store = Store.open(folder.path, config);
    const series = new PushedSeries(store, config);
    take(store, series);
    const inTheMidst = series.prepare([jobs], 2_000);
    assert.equal(toldOf(series), 0, 'the first export tells the beginning');
    store.inTransaction(inTheMidst.remember);
    inTheMidst.apply();
    assert.equal(toldOf(series), 2);
    store.close();

    const later = Store.open(folder.path, config);
    assert.equal(toldOf(new PushedSeries(later, config)), 2, 'a restart goes on where it was');
    later.close();
  });

  it('do not count what could not be remembered', async () => {
    await using folder = await temporaryFolder();
    const store = Store.open(folder.path, config);
    const series = new PushedSeries(store, config);
    take(store, series);
    series.prepare([jobs], 2_000);
    toldOf(series);
    assert.equal(toldOf(series), 1);
    store.close();
  });

  it('tell their beginning by the moment of the first push, over restarts too', async () => {
    await using folder = await temporaryFolder();
    const store = Store.open(folder.path, config);
    take(store, new PushedSeries(store, config));
    store.close();
    const later = Store.open(folder.path, config);
    const [metric] = new PushedSeries(later, config).collect(5_000);
    assert.deepEqual([metric?.points[0]?.startMs, metric?.points[0]?.atMs], [1_000, 5_000]);
    later.close();
  });
});

function take(store: Store, series: PushedSeries): void {
  const push = series.prepare([jobs], 1_000);
  store.inTransaction(push.remember);
  push.apply();
}

function toldOf(series: PushedSeries): unknown {
  return series.collect(3_000)[0]?.points[0]?.value;
}
