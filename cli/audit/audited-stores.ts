import { resolve } from 'node:path';
import { readState } from '../../launcher/stack-state.ts';
import { type Config, readConfig, settings } from '../../src/config.ts';
import { type Signal, type StoreName, store, storeNames } from '../../src/stores/stores.ts';

/** Stores that are asked, and where they are. */
export type AuditedStores = {
  readonly config: Config;
  readonly names: Readonly<Record<Signal, readonly StoreName[]>>;
};

/**
 * All stores that VITRINE_BACKENDS names, at the ports of the stack that runs with this data
 * folder, or else of the settings. A running stack may have other stores than this process is set
 * to.
 */
export function auditedStores(env: NodeJS.ProcessEnv = process.env): AuditedStores {
  const config = readConfig(env);
  const state = readState(resolve(import.meta.dirname, '../..', config.data));
  const running = state?.components.map(({ name }) => name as string) ?? [];
  const ports = Object.fromEntries(
    storeNames.flatMap((name) => {
      const { port } = store(name);
      const chosen = state?.ports[settings[port].env];
      return chosen === undefined ? [] : [[port, chosen]];
    }),
  );
  return {
    // Whole answers: a cut one would be a hole.
    config: { ...config, ...ports, proxyBytesMax: 2 ** 30 },
    names: {
      metrics: namesOf('metrics', config, running),
      traces: namesOf('traces', config, running),
      logs: namesOf('logs', config, running),
    },
  };
}

function namesOf(signal: Signal, { backends }: Config, running: readonly string[]): StoreName[] {
  const named = new Set(backends.split(',').map((name) => name.trim()));
  const ofSignal = storeNames.filter((name) => store(name).signal === signal);
  const here = ofSignal.filter((name) => running.includes(name));
  return here.length > 0 ? here : ofSignal.filter((name) => store(name).fedBy.some((one) => named.has(one)));
}
