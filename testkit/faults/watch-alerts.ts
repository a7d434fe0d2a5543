import { setTimeout as pause } from 'node:timers/promises';
import type { Ground } from './fault.ts';
import {
  firedWithin,
  firingNow,
  heldByAlertmanager,
  identity,
  listedByReceiver,
  type Routed,
  type Seen,
} from './observe-alerts.ts';

export type Watch = AsyncDisposable & {
  /** All that has fired since the watch began. */
  fired(): readonly Seen[];
  /** All that Alertmanager had, with what it did with it. */
  routed(): readonly Routed[];
  /** All that the receiver received. */
  told(): readonly Seen[];
  /** Looks once more: what came is in the three by then. */
  look(): Promise<void>;
};

/**
 * Notes what fires, what Alertmanager holds and what the receiver lists, as long as it is watched:
 * short troubles are over before one asks.
 */
export function watchAlerts(ground: Ground): Watch {
  const beganAt = performance.now();
  const fired = new Map<string, Seen>();
  const routed = new Map<string, Routed>();
  const told = new Map<string, Seen>();
  const look = async () => {
    // Each of them may be down by the fault.
    const [since, now, held, listed] = await Promise.allSettled([
      firedWithin(ground, (performance.now() - beganAt) / 1000),
      firingNow(ground),
      heldByAlertmanager(ground),
      listedByReceiver(ground),
    ]);
    for (const found of [since, now]) {
      if (found.status === 'fulfilled') for (const one of found.value) fired.set(identity(one), one);
    }
    if (held.status === 'fulfilled') {
      for (const one of held.value.filter(({ state }) => state !== 'unprocessed'))
        routed.set(`${identity(one.one)} ${one.state} ${one.receivers}`, one);
    }
    if (listed.status === 'fulfilled') for (const one of listed.value) told.set(identity(one), one);
  };
  const ending = new AbortController();
  const watching = (async () => {
    while (!ending.signal.aborted) {
      await look();
      await pause(300);
    }
  })();
  return {
    fired: () => [...fired.values()],
    routed: () => [...routed.values()],
    told: () => [...told.values()],
    look,
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await watching;
    },
  };
}
