import { setTimeout as pause } from 'node:timers/promises';
import { Breather } from '../../telemetry/breather.ts';
import type { Counter, Meter } from '../../telemetry/meter.ts';
import { reportDefect } from '../../telemetry/report-defect.ts';
import type { FlightRecord } from '../flight/flight-record.ts';
import type { FlightRecorder } from '../flight/flight-recorder.ts';
import { type BlamedBy, BlameMatrix, nobody } from './blame-matrix.ts';
import { waitsOf } from './blame-request.ts';
import { BoundedNames } from './bounded-names.ts';

const everyMs = 1_000;
/** So many requests and batches are looked at in one pass; the rest go by these. */
const samplesMax = 64;
const batchesMax = 2_000;
/** Shorter waits are the way to an idle lane: nobody is looked for. */
const waitMsMin = 0.2;
/** Tenants and models with series of their own: a metric may have 2000 series. */
const namesMax = 40;
/** The request was pushed out of the flight recorder before the pass. */
const forgotten = '(forgotten)';

/** Requests of one tenant to one model that waited since the last pass. */
type Group = {
  readonly tenant: string;
  readonly model: string;
  /** What nobody is looked for. */
  briefMs: number;
  waitedMs: number;
  readonly rows: number[];
};

/**
 * Counts who made whom wait, once a second, from what the flight recorder remembers: a request costs
 * nothing more. The time waited is counted to the full; of many requests, a sample says who held the
 * lanes.
 */
export class BlameMetrics implements AsyncDisposable {
  readonly #recorder: FlightRecorder;
  readonly #by: Readonly<Record<BlamedBy, Cells>>;
  readonly #stopped = new AbortController();
  #passes: Promise<void> | undefined;

  constructor(meter: Meter, recorder: FlightRecorder) {
    this.#recorder = recorder;
    this.#by = {
      tenant: new Cells(meter.counter('waitsOfTenants')),
      model: new Cells(meter.counter('waitsOfModels')),
    };
  }

  /** Counts once a second from now on. */
  begin(): this {
    this.#passes = this.#pass();
    return this;
  }

  /** What ended since the last pass is counted before the last export. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#passes;
    await this.charge();
  }

  /** Counts the waits that ended since it was last called. */
  async charge(): Promise<void> {
    const { groups, forgottenMs } = this.#read();
    this.#add({ tenant: forgotten, model: forgotten }, { tenant: forgotten, model: forgotten }, forgottenMs);
    const samples = samplesOf(groups, this.#recorder);
    const breather = new Breather();
    let batches = 0;
    for (const [group, records] of samples) {
      this.#add(group, { tenant: nobody, model: nobody }, group.briefMs);
      const matrices = { tenant: new BlameMatrix('tenant'), model: new BlameMatrix('model') };
      for (const [at, record] of records.entries()) {
        if (at > 0 && batches >= batchesMax) break;
        await breather.breathe();
        const holding = this.#recorder.batchesOf(group.model, record.version, spanOf(record));
        batches += holding.length;
        for (const matrix of Object.values(matrices)) matrix.add(record, holding);
      }
      for (const by of ['tenant', 'model'] as const) this.#by[by].addAs(group[by], group.waitedMs, matrices[by]);
    }
  }

  async #pass(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await pause(everyMs, undefined, { ref: false, signal }).catch(() => undefined);
      if (signal.aborted) return;
      await this.charge().catch((error: unknown) => reportDefect('promise', error));
    }
  }

  #read(): { groups: Group[]; forgottenMs: number } {
    const groups = new Map<string, Map<string, Group>>();
    const forgottenMs = this.#recorder.readWaits((tenant, model, waitedMs, row) => {
      const ofTenant = groups.get(tenant) ?? new Map<string, Group>();
      groups.set(tenant, ofTenant);
      const group = ofTenant.get(model) ?? { tenant, model, briefMs: 0, waitedMs: 0, rows: [] };
      ofTenant.set(model, group);
      if (waitedMs < waitMsMin) group.briefMs += waitedMs;
      else {
        group.waitedMs += waitedMs;
        group.rows.push(row);
      }
    });
    return { groups: [...groups.values()].flatMap((models) => [...models.values()]), forgottenMs };
  }

  #add(waiter: Record<BlamedBy, string>, holder: Record<BlamedBy, string>, ms: number): void {
    for (const by of ['tenant', 'model'] as const) this.#by[by].add(waiter[by], holder[by], ms);
  }
}

/** Of each group at least one request, of a large one more; now, since rows change hands. */
function samplesOf(groups: readonly Group[], recorder: FlightRecorder): [Group, FlightRecord[]][] {
  const all = groups.reduce((sum, { rows }) => sum + rows.length, 0);
  const share = Math.min(1, samplesMax / all);
  return groups.map((group) => {
    const { rows } = group;
    const count = rows.length === 0 ? 0 : Math.max(1, Math.floor(rows.length * share));
    const step = rows.length / count;
    return [group, Array.from({ length: count }, (_, at) => recorder.recordAt(rows[Math.floor(at * step)]!))];
  });
}

function spanOf(record: FlightRecord): { from: number; to: number } {
  const waits = waitsOf(record);
  return { from: waits[0]?.from ?? 0, to: waits.at(-1)?.to ?? 0 };
}

/** One metric: waiting and holding, each with a limit of names. */
class Cells {
  readonly #counter: Counter<'waitsOfTenants'> | Counter<'waitsOfModels'>;
  readonly #waiters = new BoundedNames(namesMax);
  readonly #holders = new BoundedNames(namesMax);

  constructor(counter: Counter<'waitsOfTenants'> | Counter<'waitsOfModels'>) {
    this.#counter = counter;
  }

  add(waiter: string, holder: string, ms: number): void {
    if (ms > 0) this.#counter.series(this.#waiters.of(waiter), this.#holders.of(holder)).value += ms / 1000;
  }

  /** Charges so much in the proportions of the matrix. */
  addAs(waiter: string, waitedMs: number, { cells, waitedMs: shared }: BlameMatrix): void {
    if (shared === 0) this.add(waiter, nobody, waitedMs);
    else for (const { holder, ms } of cells) this.add(waiter, holder, (ms / shared) * waitedMs);
  }
}
