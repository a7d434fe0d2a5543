import type { BatchMember, EngineObserver } from '../engine/engine-observer.ts';
import type { BatchFacts } from '../engine/inference.ts';
import type { CounterSeries, Meter } from '../telemetry/meter.ts';
import { LastFound } from './last-found.ts';

/** Work of the engine that no request asked for. */
const nobody = 'anonymous';

/**
 * What each tenant cost on each model. A batch is shared out by rows: of its lane's CPU time, its
 * GPU's time and energy, and its answer's bytes. A batch that fails, or that is run once more, is
 * charged too: it was work.
 */
export class Cost implements Partial<EngineObserver> {
  readonly #meter: Meter;
  readonly #accounts = new Map<string, Map<string, Account>>();
  readonly #last = new LastFound<Account>();

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  requested(tenant: string, model: string): void {
    this.#account(tenant, model).requests.value += 1;
  }

  batchEnded(batch: BatchFacts, members: readonly BatchMember[]): void {
    const { gpu, rows, model } = batch;
    const cpuSeconds = batch.cpuMs / 1000;
    for (const { tenant, rows: own, bytes } of members) {
      const account = this.#account(tenant ?? nobody, model);
      const part = own / rows;
      account.cpu.value += cpuSeconds * part;
      account.bytes.value += bytes + batch.outputBytes * part;
      if (!gpu) continue;
      this.#meter.counter('costGpu').series(account.tenant, model).value += gpu.seconds * part;
      if (gpu.energy) this.#meter.counter('costEnergy').series(account.tenant, model).value += gpu.energy.joules * part;
    }
  }

  #account(tenant: string, model: string): Account {
    return (
      this.#last.get(0, tenant, model) ??
      this.#last.set(this.#accounts.get(tenant)?.get(model) ?? this.#open(tenant, model), 0, tenant, model)
    );
  }

  /**
   * Tenants are names of keys and models the repository's; the counters have a limit all the
   * same.
   */
  #open(tenant: string, model: string): Account {
    const account: Account = {
      tenant,
      model,
      requests: this.#meter.counter('costRequests').series(tenant, model),
      cpu: this.#meter.counter('costCpu').series(tenant, model),
      bytes: this.#meter.counter('costBytes').series(tenant, model),
    };
    const models = this.#accounts.get(tenant) ?? new Map<string, Account>();
    models.set(model, account);
    this.#accounts.set(tenant, models);
    return account;
  }
}

type Account = {
  readonly tenant: string;
  readonly model: string;
  readonly requests: CounterSeries;
  readonly cpu: CounterSeries;
  readonly bytes: CounterSeries;
};
