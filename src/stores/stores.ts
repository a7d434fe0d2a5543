import type { Config, SettingName } from '../config.ts';

export type Signal = 'metrics' | 'traces' | 'logs';

/** A store that the page, the terminal and `doctor` can ask. */
export type Store = {
  title: string;
  signal: Signal;
  host: Extract<SettingName, `${string}Host`>;
  port: Extract<SettingName, `${string}Port`>;
  /** Names of VITRINE_BACKENDS that feed it. */
  fedBy: readonly string[];
  /** The store that can stand in where this one cannot be had. */
  standIn: string;
};

/** Every store, the default of its signal first. */
export const stores = {
  prometheus: {
    title: 'Prometheus',
    signal: 'metrics',
    host: 'prometheusHost',
    port: 'prometheusPort',
    fedBy: ['prometheus', 'prometheus-remote-write', 'prometheus-scrape'],
    standIn: 'victoriametrics',
  },
  victoriametrics: {
    title: 'VictoriaMetrics',
    signal: 'metrics',
    host: 'victoriametricsHost',
    port: 'victoriametricsPort',
    fedBy: ['victoriametrics'],
    standIn: 'prometheus',
  },
  tempo: {
    title: 'Tempo',
    signal: 'traces',
    host: 'tempoHost',
    port: 'tempoPort',
    fedBy: ['tempo'],
    standIn: 'jaeger',
  },
  jaeger: {
    title: 'Jaeger',
    signal: 'traces',
    host: 'jaegerHost',
    port: 'jaegerPort',
    fedBy: ['jaeger'],
    standIn: 'tempo',
  },
  loki: {
    title: 'Loki',
    signal: 'logs',
    host: 'lokiHost',
    port: 'lokiPort',
    fedBy: ['loki'],
    standIn: 'victorialogs',
  },
  victorialogs: {
    title: 'VictoriaLogs',
    signal: 'logs',
    host: 'victorialogsHost',
    port: 'victorialogsPort',
    fedBy: ['victorialogs'],
    standIn: 'loki',
  },
} as const satisfies Record<string, Store>;

export type StoreName = keyof typeof stores;

export const storeNames = Object.keys(stores) as StoreName[];

export function store(name: StoreName): Store {
  return stores[name];
}

/**
 * Which store answers questions about a signal: the first that VITRINE_BACKENDS names, else the
 * default.
 */
export function storeFor(signal: Signal, { backends }: Pick<Config, 'backends'>): StoreName {
  const named = backends.split(',').map((name) => name.trim());
  const ofSignal = storeNames.filter((name) => store(name).signal === signal);
  const first = named
    .map((backend) => ofSignal.find((name) => store(name).fedBy.includes(backend)))
    .find((name) => name !== undefined);
  return first ?? ofSignal[0]!;
}

/** VITRINE_BACKENDS with the stand-in in a store's place. */
export function backendsWithStandIn(name: StoreName, { backends }: Pick<Config, 'backends'>): string {
  const { fedBy, standIn } = store(name);
  const named = backends.split(',').map((one) => one.trim());
  return [...new Set(named.map((one) => (fedBy.includes(one) ? standIn : one)))].join(',');
}
