import assert from 'node:assert/strict';
import type { CollectedMetrics } from '../../cli/audit/collected-metrics.ts';
import { collectorSeries } from '../../cli/audit/collected-metrics.ts';
import type { Sender, Series } from '../../cli/audit/senders.ts';
import { telemetryBook } from '../../cli/audit/telemetry-book.ts';
import { counter, type MadeUpExport, madeUpSender } from './made-up.ts';

const nowMs = 10 * 60_000;
const time = { fromMs: 60_000, toMs: 6 * 60_000, nowMs };
/** One item a second, exported every ten. */
const steady = (more: (atMs: number) => Partial<MadeUpExport> = () => ({})): MadeUpExport[] =>
  Array.from({ length: nowMs / 10_000 + 1 }, (_, index) => {
    const atMs = index * 10_000;
    return { atMs, made: atMs / 1000, ...more(atMs) };
  });
const collectorOf = (sent: (atMs: number) => number, more: readonly Series[] = []) => [
  counter(
    { __name__: 'otelcol_receiver_accepted_log_records_total' },
    10_000,
    rises((atMs) => atMs / 1000),
  ),
  counter({ __name__: 'otelcol_exporter_sent_log_records_total', exporter: 'otlp_http/loki' }, 10_000, rises(sent)),
  counter(
    { __name__: 'otelcol_exporter_queue_size', exporter: 'otlp_http/loki', data_type: 'logs' },
    10_000,
    rises(() => 0),
  ),
  ...more,
];

function rises(of: (atMs: number) => number): number[] {
  return Array.from({ length: nowMs / 10_000 + 1 }, (_, index) => of(index * 10_000));
}

type World = {
  readonly sender?: Sender;
  readonly lost: (atMs: number) => boolean;
  readonly collector?: readonly Series[];
  readonly startedMs?: number;
  readonly discarded?: number;
};

/** The causes of what is missing, and how many each accounts for. */
async function causesOf(world: World) {
  const { sender = madeUpSender('a', 'logs', steady()), lost, collector = collectorOf((atMs) => atMs / 1000) } = world;
  const metrics: CollectedMetrics = {
    senders: [sender],
    collector: collectorSeries(collector, nowMs),
    startedMs: () => world.startedMs,
    discarded: () => world.discarded ?? 0,
    storeIsScraped: () => true,
  };
  const stored = (fromMs: number, toMs: number) => rises1(fromMs, toMs).filter((atMs) => !lost(atMs)).length;
  const { holes, underWay, books } = await telemetryBook(
    sender,
    {
      signal: 'logs',
      store: 'loki',
      of: async (_, fromMs, toMs) => ({ min: stored(fromMs, toMs), max: stored(fromMs, toMs) }),
      hasAny: async (fromMs, toMs) => stored(fromMs, toMs) > 0,
    },
    metrics,
    time,
  );
  const counts = Object.groupBy(holes, ({ cause }) => cause);
  return {
    causes: Object.fromEntries(
      Object.entries(counts).map(([cause, all]) => [cause, all.reduce((sum, { count }) => sum + count, 0)]),
    ),
    underWay: underWay.reduce((sum, { count }) => sum + count, 0),
    missing: books[0]?.missing,
    holes,
  };
}

/** When the items of a time were made. */
function rises1(fromMs: number, toMs: number): number[] {
  const items = [];
  for (let atMs = (Math.floor(fromMs / 1000) + 1) * 1000; atMs <= toMs; atMs += 1000) items.push(atMs);
  return items;
}

const aMinute = (atMs: number) => atMs > 120_000 && atMs <= 180_000;

describe('the cause of a hole', () => {
  it('is none where all is stored', async () => {
    assert.deepEqual(await causesOf({ lost: () => false }), { causes: {}, underWay: 0, missing: 0, holes: [] });
  });

  it('is what the process dropped, by its reason, also when it dropped later than it made', async () => {
    const sender = madeUpSender(
      'a',
      'logs',
      steady((atMs) => ({ dropped: atMs >= 400_000 ? 60 : 0 })),
    );
    const { causes, holes } = await causesOf({ sender, lost: aMinute });
    assert.deepEqual(causes, { spool_full: 60 });
    assert.ok(Date.parse(holes[0]!.from) >= 100_000 && Date.parse(holes.at(-1)!.to) <= 200_000);
  });

  it('is that the Collector refused it', async () => {
    const sender = madeUpSender(
      'a',
      'logs',
      steady((atMs) => ({ refused: atMs >= 180_000 ? 60 : 0 })),
    );
    assert.deepEqual((await causesOf({ sender, lost: aMinute })).causes, { refused: 60 });
  });

  it('is none yet for what waits in the process', async () => {
    const sender = madeUpSender(
      'a',
      'logs',
      steady(() => ({ spooled: 60 })),
    );
    const { causes, underWay, missing } = await causesOf({ sender, lost: aMinute });
    assert.deepEqual({ causes, underWay, missing }, { causes: {}, underWay: 60, missing: 0 });
  });

  it('is the spool of a replica that died', async () => {
    const died = steady((atMs) => ({ spooled: atMs >= 180_000 ? 60 : 0 })).filter(({ atMs }) => atMs <= 300_000);
    assert.deepEqual((await causesOf({ sender: madeUpSender('a', 'logs', died), lost: aMinute })).causes, {
      left_on_disk: 60,
    });
  });

  it('is what the Collector gave up', async () => {
    const failed = counter(
      { __name__: 'otelcol_exporter_send_failed_log_records_total', exporter: 'otlp_http/loki' },
      10_000,
      rises((atMs) => (atMs >= 180_000 ? 60 : 0)),
    );
    const collector = collectorOf((atMs) => atMs / 1000 - (atMs >= 180_000 ? 60 : 0), [failed]);
    assert.deepEqual((await causesOf({ lost: aMinute, collector })).causes, { collector_dropped: 60 });
  });

  it('is not the filter behind which another stream begins', async () => {
    const passed = counter(
      { __name__: 'otelcol_processor_filter_logs_filtered_total', filter: 'filter/only_app' },
      10_000,
      rises((atMs) => atMs),
    );
    const { causes } = await causesOf({ lost: aMinute, collector: collectorOf((atMs) => atMs / 1000, [passed]) });
    assert.deepEqual(causes, { store_lost: 60 });
  });

  it('is the end of the Collector with what it had not passed on', async () => {
    // Behind its end its counters begin again.
    const begun = (atMs: number) => (atMs < 240_000 ? atMs / 1000 : (atMs - 240_000) / 1000);
    const collector = [
      counter({ __name__: 'otelcol_receiver_accepted_log_records_total' }, 10_000, rises(begun)),
      counter(
        { __name__: 'otelcol_exporter_sent_log_records_total', exporter: 'otlp_http/loki' },
        10_000,
        rises((atMs) => (atMs < 240_000 ? Math.min(120, atMs / 1000) : (atMs - 240_000) / 1000)),
      ),
    ];
    const lost = (atMs: number) => atMs > 120_000 && atMs <= 240_000;
    const { causes } = await causesOf({ lost, collector, startedMs: 200_000 });
    assert.deepEqual(Object.keys(causes), ['collector_ended']);
  });

  it('is unknown between the Collector and the store when both have ended and nobody counted', async () => {
    const begun = (atMs: number) => (atMs < 240_000 ? atMs / 1000 : (atMs - 240_000) / 1000);
    const collector = [
      counter({ __name__: 'otelcol_receiver_accepted_log_records_total' }, 10_000, rises(begun)),
      counter(
        { __name__: 'otelcol_exporter_sent_log_records_total', exporter: 'otlp_http/loki' },
        10_000,
        rises(begun),
      ),
    ];
    const { causes } = await causesOf({ lost: aMinute, collector, startedMs: 500_000 });
    assert.equal(causes.behind_service, 60 - (causes.collector_ended ?? 0));
  });

  it('is a store that was started empty, for all that is older', async () => {
    const { causes } = await causesOf({ lost: (atMs) => atMs <= 200_000, startedMs: 200_000 });
    assert.deepEqual(Object.keys(causes), ['store_emptied']);
  });

  it('is no empty store where it began again and has what is older', async () => {
    assert.deepEqual((await causesOf({ lost: aMinute, startedMs: 300_000 })).causes, { store_lost: 60 });
  });

  it('is the store where the Collector passed it on and it is gone', async () => {
    assert.deepEqual((await causesOf({ lost: aMinute })).causes, { store_lost: 60 });
  });

  it('is what the store says it discarded', async () => {
    assert.deepEqual((await causesOf({ lost: aMinute, discarded: 60 })).causes, { store_discarded: 60 });
  });

  it('is shared out where several lost something, and no cause takes more than it can', async () => {
    const sender = madeUpSender(
      'a',
      'logs',
      steady((atMs) => ({ dropped: atMs >= 180_000 ? 20 : 0 })),
    );
    assert.deepEqual((await causesOf({ sender, lost: aMinute, discarded: 15 })).causes, {
      spool_full: 20,
      store_discarded: 15,
      store_lost: 25,
    });
  });
});
