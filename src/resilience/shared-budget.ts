import { ServiceError } from '../errors.ts';
import { ours, say } from '../sentence.ts';

export type BudgetTerms = {
  /** What the metrics call it. */
  readonly name: string;
  readonly max: number;
  /** Percent of the budget that each client can count on. */
  readonly sharePercent: number;
  /**
   * The largest amount that one piece of work may need. It fits into an empty budget, whatever the
   * shares are.
   */
  readonly largest: number;
  /** How a refusal begins, such as "Cannot read the body". */
  readonly cannot: string;
  /** What is held, as a sentence with the amount. */
  readonly held: (amount: number) => string;
  /** What the caller can do; the setting is named after it. */
  readonly remedy?: string;
  readonly setting: string;
  readonly retryAfterMs?: number;
  /** Counts refusals, together with the refusals of other budgets. */
  readonly refused?: Refusals;
};

/** How many were refused because of the client's share, and because all is taken. */
export type Refusals = { share: number; full: number };

/** Accounts that are remembered with nothing in them, at most. */
const emptyAccountsMax = 256;

/**
 * An amount that all clients share. A client may hold as much as it leaves free: alone it has half,
 * two have a third each. Once as many hold something as there are shares, each can have its share
 * to the last. So fewer never fill the budget.
 */
export class SharedBudget {
  readonly terms: BudgetTerms;
  readonly refused: Refusals;
  readonly #share: number;
  /** So many clients fill the budget with a share each. */
  readonly #sharesMax: number;
  /** Up to this, nobody's share matters. */
  readonly #openMax: number;
  readonly #accounts = new Map<string, Account>();
  /** Most requests are of the client of the one before: it is not looked up again. */
  #last: Account | undefined;
  #taken = 0;
  /** How many clients hold something. */
  #holders = 0;

  constructor(terms: BudgetTerms) {
    this.terms = terms;
    this.refused = terms.refused ?? { share: 0, full: 0 };
    const { max, sharePercent, largest } = terms;
    this.#share = Math.floor((max * sharePercent) / 100);
    this.#sharesMax = this.#share === 0 ? 0 : Math.floor(max / this.#share);
    this.#openMax = this.#share === 0 ? max : Math.min(max, largest);
  }

  get taken(): number {
    return this.#taken;
  }

  /** How many clients are remembered. */
  get clients(): number {
    return this.#accounts.size;
  }

  /** Takes the amount for the client, or throws why not. Every amount taken is given back once. */
  take(client: string, amount: number): void {
    const account = this.#accountOf(client);
    const because = this.#obstacle(account, amount);
    if (because !== undefined) throw this.#refusal(because, account.held);
    this.#give(account, amount);
  }

  /** The same for work that is left out instead of refused. */
  tryTake(client: string, amount: number): boolean {
    const account = this.#accountOf(client);
    if (this.#obstacle(account, amount) !== undefined) return false;
    this.#give(account, amount);
    return true;
  }

  /** For what is there already, room or not. */
  charge(client: string, amount: number): void {
    this.#give(this.#accountOf(client), amount);
  }

  giveBack(client: string, amount: number): void {
    const account = this.#accountOf(client);
    this.#taken -= amount;
    account.held -= amount;
    if (account.held === 0 && amount > 0) this.#holders -= 1;
    // An account that comes and goes with each request would rebuild the Map again and again.
    if (account.held === 0 && this.#accounts.size > emptyAccountsMax) {
      this.#accounts.delete(client);
      this.#last = undefined;
    }
  }

  /** Resets what is counted by time. */
  giveAllBack(): void {
    if (this.#taken === 0) return;
    this.#taken = 0;
    this.#holders = 0;
    this.#accounts.clear();
    this.#last = undefined;
  }

  #obstacle(account: Account, amount: number): keyof Refusals | undefined {
    const taken = this.#taken + amount;
    const held = account.held + amount;
    if (held <= this.terms.max - taken || taken <= this.#openMax) return undefined;
    // An empty budget takes any one piece.
    if (this.#taken === 0 && amount <= this.terms.max) return undefined;
    if (taken <= this.terms.max && held <= this.#share && this.#holdersWith(account) >= this.#sharesMax)
      return undefined;
    // Who holds nothing yet is not what stands in its own way.
    const because = taken > this.terms.max || account.held === 0 ? 'full' : 'share';
    this.refused[because] += 1;
    return because;
  }

  #give(account: Account, amount: number): void {
    if (account.held === 0 && amount > 0) this.#holders += 1;
    this.#taken += amount;
    account.held += amount;
  }

  #holdersWith({ held }: Account): number {
    return held === 0 ? this.#holders + 1 : this.#holders;
  }

  #accountOf(client: string): Account {
    const last = this.#last;
    if (last !== undefined && last.client === client) return last;
    let account = this.#accounts.get(client);
    if (account === undefined) {
      account = { client, held: 0 };
      this.#accounts.set(client, account);
    }
    this.#last = account;
    return account;
  }

  /** 429 where it is the client's own doing, which is no failure of the service. */
  #refusal(because: keyof Refusals, held: number): ServiceError {
    const { cannot, held: stateOf, remedy, setting, retryAfterMs = 1000 } = this.terms;
    const state = stateOf(this.#taken);
    switch (because) {
      case 'full':
        return new ServiceError(
          'busy',
          say`${ours(cannot)}: ${ours(state)}; ${ours(remedy ?? 'come again')}, or raise ${ours(setting)}.`,
          { retryAfterMs },
        );
      case 'share':
        return new ServiceError(
          'share_used',
          say`${ours(cannot)}: ${ours(state)}, ${held} of them yours, and what is left is for other clients; ${ours(remedy ?? 'wait for your other requests')}, or raise ${ours(setting)}.`,
          { retryAfterMs },
        );
    }
  }
}

type Account = { readonly client: string; held: number };
