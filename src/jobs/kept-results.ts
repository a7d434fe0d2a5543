import type { Config } from '../config.ts';
import { SharedBudget } from '../resilience/shared-budget.ts';

/** The result of a job that is done, as the store has it at a start. */
export type KeptResult = { readonly id: string; readonly tenant: string; readonly bytes: number };

/** What each tenant's results take on the disk, from their reservation to their removal. */
export class KeptResults {
  readonly budget: SharedBudget;
  readonly #of = new Map<string, KeptResult>();

  constructor(bytesMax: number, { clientSharePercent }: Pick<Config, 'clientSharePercent'>) {
    this.budget = new SharedBudget({
      name: 'results',
      max: bytesMax,
      sharePercent: clientSharePercent,
      largest: 0,
      cannot: 'Cannot write the result now',
      held: (bytes) => `the results of jobs take ${bytes} of ${bytesMax} bytes`,
      remedy: 'delete jobs whose results you have',
      setting: 'VITRINE_WORK_BYTES_MAX',
      retryAfterMs: 10_000,
    });
  }

  /** Room for a result that will be written, in the place of what was reserved for it before. */
  reserve(id: string, tenant: string, bytes: number): void {
    const more = bytes - (this.#of.get(id)?.bytes ?? 0);
    if (more > 0) this.budget.take(tenant, more);
    else this.budget.giveBack(tenant, -more);
    this.#of.set(id, { id, tenant, bytes });
  }

  /** The attempt has ended and left so many bytes, which is no more than it reserved. */
  settle(id: string, bytes: number): void {
    const held = this.#of.get(id);
    if (!held) return;
    const { tenant } = held;
    this.budget.giveBack(tenant, Math.max(0, held.bytes - bytes));
    if (bytes === 0) this.#of.delete(id);
    else this.#of.set(id, { id, tenant, bytes: Math.min(held.bytes, bytes) });
  }

  /** What lies there from before the start, also where it is more than a share. */
  add(results: readonly KeptResult[]): void {
    for (const result of results) {
      if (this.#of.has(result.id)) continue;
      this.budget.charge(result.tenant, result.bytes);
      this.#of.set(result.id, result);
    }
  }
}
