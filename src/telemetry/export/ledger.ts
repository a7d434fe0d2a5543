import { type Signal, signals } from './signals.ts';

/**
 * Why an item (a span, a log record, a metric point) was given up. Every way to lose something has
 * a word here.
 */
export const dropReasons = [
  'memory_full',
  'spool_full',
  'spool_too_old',
  'spool_unwritable',
  'spool_unreadable',
  'too_large',
] as const;
export type DropReason = (typeof dropReasons)[number];

export type Account = {
  /** Items that this process made. */
  made: number;
  /** Items that an earlier process left on disk and this one found. */
  recovered: number;
  /** Items that the Collector acknowledged, the replayed ones among them. */
  exported: number;
  /** Of the exported: those that waited on disk. */
  replayed: number;
  /** Items that the Collector refused for good. */
  refused: number;
  dropped: Record<DropReason, number>;
};

/**
 * Where items are right now; asked, not counted, so that the ledger can be wrong and be seen to be
 * wrong.
 */
export type Whereabouts = { memory: number; spooled: number; spooledBytes: number };

/**
 * The books of the telemetry: made + recovered = exported + refused + dropped + in memory +
 * spooled, per signal, at any moment. The left side and each term on the right are counted in
 * different places; `missing` is their difference and must be 0.
 */
export class Ledger {
  readonly #accounts: Record<Signal, Account> = {
    traces: emptyAccount(),
    metrics: emptyAccount(),
    logs: emptyAccount(),
  };
  readonly #whereabouts: Record<Signal, (() => Whereabouts)[]> = { traces: [], metrics: [], logs: [] };

  account(signal: Signal): Account {
    return this.#accounts[signal];
  }

  drop(signal: Signal, reason: DropReason, items: number): void {
    this.#accounts[signal].dropped[reason] += items;
  }

  /** Names a place where items of this signal may be waiting. */
  watch(signal: Signal, ask: () => Whereabouts): void {
    this.#whereabouts[signal].push(ask);
  }

  whereabouts(signal: Signal): Whereabouts {
    const places = this.#whereabouts[signal].map((ask) => ask());
    return {
      memory: sum(places.map((place) => place.memory)),
      spooled: sum(places.map((place) => place.spooled)),
      spooledBytes: sum(places.map((place) => place.spooledBytes)),
    };
  }

  missing(signal: Signal): number {
    const { made, recovered, exported, refused, dropped } = this.#accounts[signal];
    const { memory, spooled } = this.whereabouts(signal);
    return made + recovered - exported - refused - sum(Object.values(dropped)) - memory - spooled;
  }

  /** One line for the person at the terminal, said at exit. */
  inWords(): string {
    return signals.map((signal) => `${signal}: ${this.#inWords(signal)}`).join('; ');
  }

  #inWords(signal: Signal): string {
    const { made, recovered, exported, replayed, refused, dropped } = this.#accounts[signal];
    const { memory, spooled } = this.whereabouts(signal);
    const optional: [string, number][] = [
      ['recovered', recovered],
      ['replayed', replayed],
      ['in memory', memory],
      ['spooled', spooled],
      ['refused', refused],
      ...dropReasons.map((reason): [string, number] => [`dropped (${reason})`, dropped[reason]]),
      ['missing', this.missing(signal)],
    ];
    const said = optional.filter(([, count]) => count !== 0).map(([word, count]) => `, ${count} ${word}`);
    return `${made} made, ${exported} exported${said.join('')}`;
  }
}

function emptyAccount(): Account {
  const dropped = Object.fromEntries(dropReasons.map((reason) => [reason, 0])) as Record<DropReason, number>;
  return { made: 0, recovered: 0, exported: 0, replayed: 0, refused: 0, dropped };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
