import assert from 'node:assert/strict';
import type { LogLine } from '../../cli/audit/ask-stores.ts';
import { type CollectedMetrics, collectorSeries, inStore } from '../../cli/audit/collected-metrics.ts';
import { collectorBook } from '../../cli/audit/collector-book.ts';
import { cpuBook, deviceBooks, lastingSteps } from '../../cli/audit/cost-books.ts';
import { missingExports } from '../../cli/audit/exports-book.ts';
import { jobBook } from '../../cli/audit/job-book.ts';
import { exportsAround, type Sender, type Series } from '../../cli/audit/senders.ts';
import { counter, madeUpSender } from './made-up.ts';

const minute = 60_000;
const nowMs = 10 * minute;
const time = { fromMs: minute, toMs: 6 * minute, nowMs };
const places = Array.from({ length: nowMs / 10_000 + 1 }, (_, index) => index);
const exports = places.map((index) => ({ atMs: index * 10_000, made: index * 100 }));

function senderWith(...more: readonly Series[]): Sender {
  const sender = madeUpSender('a', 'metrics', exports);
  return { ...sender, counters: [...sender.counters, ...more] };
}

describe('the books of an audit', () => {
  describe('of costs', () => {
    const lanes = counter({ __name__: inStore('inferenceLaneCpu'), model: 'm' }, 10_000, places);
    const charged = (tenant: string, of: (place: number) => number) =>
      counter({ __name__: inStore('costCpu'), tenant, model: 'm' }, 10_000, places.map(of));

    it('close where tenants were charged all that lanes took', () => {
      const [book] = cpuBook(
        senderWith(
          lanes,
          charged('a', (place) => place * 0.3),
          charged('b', (place) => place * 0.7),
        ),
        time,
      ).books;
      assert.equal(book?.missing, 0);
    });

    it('name the minute in which CPU of lanes was charged to nobody', () => {
      const { holes } = cpuBook(
        senderWith(
          lanes,
          charged('a', (place) => Math.min(place, Math.max(17, place - 3))),
        ),
        time,
      );
      assert.ok(holes.every(({ cause }) => cause === 'uncharged'));
      assert.equal(
        holes.reduce((sum, { count }) => sum + count, 0),
        3,
      );
      assert.ok(Date.parse(holes[0]!.from) < 200_000 && Date.parse(holes.at(-1)!.to) >= 200_000);
    });

    it('say when tenants were charged more than lanes took', () => {
      const { holes } = cpuBook(
        senderWith(
          lanes,
          charged('a', (place) => place * 1.1),
        ),
        time,
      );
      assert.ok(holes.length > 0 && holes.every(({ cause }) => cause === 'overcharged'));
    });

    it('take no hole from the last export of a process that was killed, of which nothing confirms its two counters', () => {
      const killedAt = 20;
      const inLife = (place: number) => (place <= killedAt ? place : place - killedAt - 1);
      const holesWhere = (tornAt: number) =>
        cpuBook(
          senderWith(
            counter({ __name__: inStore('inferenceLaneCpu'), model: 'm' }, 10_000, places.map(inLife)),
            charged('a', (place) => inLife(place) + (place >= tornAt && place <= killedAt ? 0.5 : 0)),
          ),
          time,
        ).holes;
      assert.deepEqual(holesWhere(killedAt), []);
      assert.deepEqual(
        holesWhere(killedAt - 4).map(({ cause, count }) => [cause, count]),
        [['overcharged', 0.5]],
      );
    });

    it('take no hole from two counters that are read a moment apart', () => {
      assert.deepEqual(lastingSteps([0, 2, 0, 1, 3, 0, 0.5, 0]), []);
      assert.deepEqual(lastingSteps([0, 0, 5, 4, 4, 6, 4]), [{ place: 2, count: 4 }]);
    });

    it('charge at most what the devices gave, once for replicas on one machine', () => {
      const device = counter(
        { __name__: inStore('gpuEnergy'), hw_id: 'g' },
        10_000,
        places.map((place) => place * 10),
      );
      const energy = (of: number) =>
        counter(
          { __name__: inStore('costEnergy'), tenant: 'a' },
          10_000,
          places.map((place) => place * of),
        );
      const fair = [senderWith(device, energy(4)), senderWith(device, energy(6))];
      assert.deepEqual(
        deviceBooks(fair, time).flatMap(({ holes }) => holes),
        [],
      );
      const unfair = [senderWith(device, energy(4)), senderWith(device, energy(8))];
      const [hole] = deviceBooks(unfair, time).flatMap(({ holes }) => holes);
      assert.equal(hole?.cause, 'overcharged');
      assert.ok(Math.abs(hole.count - 60) < 0.01, String(hole.count));
    });
  });

  describe('of jobs', () => {
    const line = (id: string, atMs: number): LogLine => ({ atNs: `${atMs}000000`, labels: { job_id: id } });
    const none = async () => undefined;

    it('close where each has ended once, or waits or runs', async () => {
      const { books, holes } = await jobBook(
        [line('a', 1), line('b', 2), line('c', 3)],
        [line('a', 5), line('a', 5)],
        async (id) => (id === 'b' ? 'queued' : 'running'),
      );
      assert.deepEqual(holes, []);
      assert.match(books[0]!.says, /3 accepted, 1 ended once, 1 wait, 1 run/);
    });

    it('miss a job that nobody knows any more', async () => {
      const { holes } = await jobBook([line('a', 60_000)], [], none);
      assert.deepEqual(
        holes.map(({ of, cause, from }) => ({ of, cause, from })),
        [{ of: 'a', cause: 'job_lost', from: '1970-01-01T00:01:00.000Z' }],
      );
    });

    it('say when one ended twice', async () => {
      const { holes } = await jobBook([line('a', 1)], [line('a', 5), line('a', 9)], none);
      assert.equal(holes[0]?.cause, 'job_ended_twice');
    });

    it('close for a job that ended and whose last line is lost: the line is in another book', async () => {
      const { holes, notes } = await jobBook([line('a', 1)], [], async () => 'done');
      assert.deepEqual(holes, []);
      assert.match(notes[0]!, /1 jobs have ended/);
    });
  });

  describe('of the Collector', () => {
    const collector = (values: readonly number[]) =>
      collectorSeries([counter({ __name__: 'otelcol_receiver_accepted_metric_points_total' }, 10_000, values)], nowMs);
    const metrics = (values: readonly number[]) =>
      ({
        senders: [madeUpSender('a', 'metrics', exports)],
        collector: collector(values),
      }) as unknown as CollectedMetrics;

    it('closes where it took what it acknowledged', () => {
      const { books, holes } = collectorBook('metrics', metrics(places.map((place) => place * 100)), time);
      assert.deepEqual(holes, []);
      assert.equal(books[0]!.unknown, null);
    });

    it('has a hole where it took less', () => {
      const { holes } = collectorBook('metrics', metrics(places.map((place) => place * 90)), time);
      assert.deepEqual(
        holes.map(({ cause, count }) => ({ cause, count })),
        [{ cause: 'never_taken', count: 120 }],
      );
    });

    it('is open where it ended meanwhile, since what it counted last is unread', () => {
      const { books, holes } = collectorBook(
        'metrics',
        metrics(places.map((place) => (place < 20 ? place * 100 : 0))),
        time,
      );
      assert.deepEqual(holes, []);
      assert.match(books[0]!.says, /ended 1 times/);
    });

    it('cannot be opened where nobody asks it', () => {
      const unasked = { senders: [], collector: collectorSeries([], nowMs) } as unknown as CollectedMetrics;
      assert.match(collectorBook('metrics', unasked, time).books[0]!.unknown ?? '', /no figures/);
    });
  });

  describe('of metrics', () => {
    it('misses an export whose points were made and are not there', () => {
      const kept = exports.filter(({ atMs }) => atMs !== 200_000 && atMs !== 210_000);
      const sender = madeUpSender('a', 'metrics', kept);
      assert.deepEqual(missingExports(sender, exportsAround(sender, minute, 6 * minute)), [
        { fromMs: 190_000, toMs: 220_000, count: 200 },
      ]);
    });

    it('misses none where a process stood still and made none', () => {
      const stood = exports
        .filter(({ atMs }) => atMs !== 200_000 && atMs !== 210_000)
        .map(({ atMs, made }) => ({ atMs, made: atMs > 200_000 ? made - 200 : made }));
      const sender = madeUpSender('a', 'metrics', stood);
      assert.deepEqual(missingExports(sender, exportsAround(sender, minute, 6 * minute)), []);
    });

    it('misses none where a process was killed and began again', () => {
      const killed = exports
        .filter(({ atMs }) => atMs < 200_000 || atMs >= 260_000)
        .map(({ atMs, made }) => ({ atMs, made: atMs >= 260_000 ? made - 2600 : made }));
      const sender = madeUpSender('a', 'metrics', killed);
      assert.deepEqual(missingExports(sender, exportsAround(sender, minute, 6 * minute)), []);
    });
  });
});
