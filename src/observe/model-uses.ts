import type { FailureCode } from '../errors.ts';
import type { TaskKind } from '../task-kinds.ts';
import type { Cost } from './cost.ts';
import type { FlightRecorder } from './flight/flight-recorder.ts';
import type { RequestRow } from './flight/request-row.ts';
import type { RequestMetrics } from './request-metrics.ts';

/**
 * A model was used, once, by somebody: an inference, a task that a request waits for, or the task
 * of a job. It is over.
 */
export type ModelUse = {
  readonly model: string;
  /** Absent for an inference. */
  readonly task: TaskKind | undefined;
  readonly tenant: string;
  readonly row: RequestRow;
  readonly failure: FailureCode | undefined;
};

/**
 * The one place where uses of models are counted: in the metrics by model, in what each tenant
 * cost, and in the summary of the last hour.
 */
export class ModelUses {
  readonly #metrics: RequestMetrics;
  readonly #cost: Pick<Cost, 'requested'> | undefined;
  readonly #flights: FlightRecorder | undefined;

  constructor(to: {
    metrics: RequestMetrics;
    cost?: Pick<Cost, 'requested'> | undefined;
    flights?: FlightRecorder | undefined;
  }) {
    this.#metrics = to.metrics;
    this.#cost = to.cost;
    this.#flights = to.flights;
  }

  ended({ model, task, tenant, row, failure }: ModelUse): void {
    this.#metrics.used(model, task, row, failure);
    this.#cost?.requested(tenant, model);
    this.#flights?.used(model, task, row, failure);
  }
}
