import type { Config } from '../src/config.ts';
import { backendsWithStandIn, type StoreName, store, storeNames } from '../src/stores/stores.ts';

/**
 * A sentence for a store that cannot be had: which one can stand in, and how to say so. Empty for
 * anything that is no store.
 */
export function standInFor(name: string, config: Config): string {
  const found = storeNames.find((one) => one === name);
  if (found === undefined) return '';
  const standIn = store(store(found).standIn as StoreName);
  return ` Where it cannot be had, ${standIn.title} can stand in: VITRINE_BACKENDS=${backendsWithStandIn(found, config)}`;
}
