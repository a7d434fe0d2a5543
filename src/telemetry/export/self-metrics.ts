import type { Meter } from '../meter.ts';
import { dropReasons, type Ledger } from './ledger.ts';
import { signals } from './signals.ts';
import type { Spool } from './spool.ts';

/**
 * The heartbeat and the ledger, as metrics. `isLeaving`: an orderly stop ends with a heartbeat of
 * 0, which raises no alert.
 */
export function observeSelf(meter: Meter, ledger: Ledger, spool: Spool, isLeaving: () => boolean): void {
  meter.gauge('heartbeat', (observe) => observe(isLeaving() ? 0 : Date.now() / 1000));
  meter.gauge('spoolWritable', (observe) => observe(spool.writable ? 1 : 0));
  meter.observe((observe) => {
    for (const signal of signals) {
      const { made, recovered, exported, replayed, refused, dropped } = ledger.account(signal);
      const { memory, spooled, spooledBytes } = ledger.whereabouts(signal);
      observe('telemetryMade', made, signal);
      observe('telemetryRecovered', recovered, signal);
      observe('telemetryExported', exported, signal);
      observe('telemetryReplayed', replayed, signal);
      observe('telemetryRefused', refused, signal);
      observe('telemetryMemory', memory, signal);
      observe('telemetrySpooled', spooled, signal);
      observe('telemetrySpooledBytes', spooledBytes, signal);
      observe('telemetryMissing', ledger.missing(signal), signal);
      for (const reason of dropReasons) observe('telemetryDropped', dropped[reason], signal, reason);
    }
  });
}
