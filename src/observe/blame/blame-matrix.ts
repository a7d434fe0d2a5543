import type { FlightRecord } from '../flight/flight-record.ts';
import type { StoredBatch } from '../flight/recent-batches.ts';
import { waitsOf } from './blame-request.ts';
import { shareWait } from './share-wait.ts';

/** What the rows and columns of a matrix are. */
export type BlamedBy = 'tenant' | 'model';

/** One cell: how long requests of `waiter` waited for lanes that `holder` held. */
export type BlameCell = { readonly waiter: string; readonly holder: string; ms: number };

/** Nobody: no batch held a lane then, or the batch is forgotten. */
export const nobody = '(nobody)';

/** Adds up who made whom wait; the cells together are the time waited. */
export class BlameMatrix {
  readonly #by: BlamedBy;
  readonly #cells = new Map<string, Map<string, number>>();
  #waitedMs = 0;

  constructor(by: BlamedBy) {
    this.#by = by;
  }

  get waitedMs(): number {
    return this.#waitedMs;
  }

  /** `holding`: the batches of its model that ran while it was there. */
  add(record: FlightRecord, holding: readonly StoredBatch[]): void {
    const waits = waitsOf(record);
    if (waits.length === 0) return;
    const waiter = this.#by === 'tenant' ? record.tenant : (record.model ?? nobody);
    const { held, unheldMs } = shareWait(waits, holding);
    this.#charge(waiter, nobody, unheldMs + (record.waits?.otherMs ?? 0));
    for (const [batch, ms] of held) {
      if (this.#by === 'model') this.#charge(waiter, modelOf(batch), ms);
      else for (const { tenant, rows } of sharesOf(batch)) this.#charge(waiter, tenant ?? nobody, ms * rows);
    }
  }

  /** The most first. */
  get cells(): BlameCell[] {
    return [...this.#cells]
      .flatMap(([waiter, holders]) => [...holders].map(([holder, ms]) => ({ waiter, holder, ms })))
      .sort((one, other) => other.ms - one.ms);
  }

  #charge(waiter: string, holder: string, ms: number): void {
    if (ms <= 0) return;
    const holders = this.#cells.get(waiter) ?? new Map<string, number>();
    holders.set(holder, (holders.get(holder) ?? 0) + ms);
    this.#cells.set(waiter, holders);
    this.#waitedMs += ms;
  }
}

/** Of each tenant, which part of the batch's rows. */
function sharesOf({ shares }: StoredBatch): { tenant: string | undefined; rows: number }[] {
  const all = shares.reduce((sum, { rows }) => sum + rows, 0);
  if (all === 0) return [{ tenant: shares[0]?.tenant, rows: 1 }];
  return shares.map(({ tenant, rows }) => ({ tenant, rows: rows / all }));
}

/** Lanes are a model's own: what held them is the model's use, a task or an inference. */
function modelOf({ model, shares }: StoredBatch): string {
  const task = shares.find(({ by }) => by !== undefined)?.by?.task;
  return task === undefined ? model : `${model} (${task})`;
}
