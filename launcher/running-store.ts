import type { Config } from '../src/config.ts';
import { type Signal, type StoreName, store, storeFor, storeNames } from '../src/stores/stores.ts';

/**
 * The store of a signal among those that run: the one that VITRINE_BACKENDS names, else any. The
 * stack may run with other settings than this process.
 */
export function runningStore(signal: Signal, config: Config, running: readonly string[]): StoreName {
  const named = storeFor(signal, config);
  if (running.includes(named)) return named;
  return storeNames.find((name) => store(name).signal === signal && running.includes(name)) ?? named;
}
