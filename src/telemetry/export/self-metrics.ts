import { observableCounter, observableGauge } from '../meter/metrics.ts';
import type { MetricName } from '../names/names.ts';
import { dropReasons, type Ledger } from './ledger.ts';
import { type Signal, signals } from './signals.ts';
import type { Spool } from './spool.ts';

/** The heartbeat and the ledger, as metrics. `isLeaving`: the last heartbeat of an orderly stop is 0, so that nobody is called for it. */
export function observeSelf(ledger: Ledger, spool: Spool, isLeaving: () => boolean): void {
  observableGauge('heartbeat').addCallback((result) => result.observe(isLeaving() ? 0 : Date.now() / 1000));
  observableGauge('spoolWritable').addCallback((result) => result.observe(spool.writable ? 1 : 0));

  const countBySignal = (of: MetricName, ask: (signal: Signal) => number) =>
    observableCounter(of).addCallback((result) => {
      for (const signal of signals) result.observe(ask(signal), { signal });
    });
  const gaugeBySignal = (of: MetricName, ask: (signal: Signal) => number) =>
    observableGauge(of).addCallback((result) => {
      for (const signal of signals) result.observe(ask(signal), { signal });
    });
  countBySignal('telemetryMade', (signal) => ledger.account(signal).made);
  countBySignal('telemetryRecovered', (signal) => ledger.account(signal).recovered);
  countBySignal('telemetryExported', (signal) => ledger.account(signal).exported);
  countBySignal('telemetryReplayed', (signal) => ledger.account(signal).replayed);
  countBySignal('telemetryRefused', (signal) => ledger.account(signal).refused);
  gaugeBySignal('telemetryMemory', (signal) => ledger.whereabouts(signal).memory);
  gaugeBySignal('telemetrySpooled', (signal) => ledger.whereabouts(signal).spooled);
  gaugeBySignal('telemetrySpooledBytes', (signal) => ledger.whereabouts(signal).spooledBytes);
  gaugeBySignal('telemetryMissing', (signal) => ledger.missing(signal));
  observableCounter('telemetryDropped').addCallback((result) => {
    for (const signal of signals) {
      for (const reason of dropReasons) result.observe(ledger.account(signal).dropped[reason], { signal, reason });
    }
  });
}
