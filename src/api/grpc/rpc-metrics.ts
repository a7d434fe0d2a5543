import type { GrpcStatus } from '../../errors.ts';
import type { HistogramSeries, Meter } from '../../telemetry/meter.ts';

/** Calls by the conventions for RPCs, beside what is counted of every request. */
export class RpcMetrics {
  readonly #meter: Meter;
  readonly #series = new Map<string, HistogramSeries>();

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  ended(method: string, status: GrpcStatus, tookMs: number): void {
    const key = status === 'OK' ? method : `${method} ${status}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      series = this.#meter.histogram('rpcSeconds').series(method, status);
      this.#series.set(key, series);
    }
    series.record(tookMs / 1000);
  }
}
